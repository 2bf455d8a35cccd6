"""What can go wrong with a fetch, by what the caller does about it."""


class FetchError(Exception):
    """A fetch that gave nothing. `code` is for programs and translations, the text for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Refused(FetchError):
    """We do not go there: scheme, credentials, port, address, bad_url, redirects, encoding."""


class TooLarge(FetchError):
    """The answer passed the byte limit."""


class TimedOut(FetchError):
    """The whole fetch took longer than it may."""


class Unreachable(FetchError):
    """Nobody answered, or not in HTTP: dns, connect, tls, protocol. Worth another try later."""


def too_slow() -> TimedOut:
    """The error of a fetch that took longer than it may."""
    return TimedOut("timed_out", "The site did not answer in time.")
