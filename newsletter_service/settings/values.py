"""How each kind of setting is read; what cannot be is a `ValueError` that says what it must be."""

import base64
import re
from collections.abc import Callable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

KEY_BYTES = 32
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
_EXTENSION = re.compile(r"X-[A-Za-z0-9-]{1,60}")
_BASE64 = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def text(value: str) -> str:
    """Without the space around it."""
    return value.strip()


def number(least: int, most: int) -> Callable[[str], int]:
    """A reader of whole numbers between two bounds, both included."""

    def read(value: str) -> int:
        if not (_WHOLE.fullmatch(value.strip()) and least <= int(value) <= most):
            raise ValueError(f"must be a whole number between {least} and {most}")
        return int(value)

    return read


def urls(value: str) -> tuple[str, ...]:
    """Comma-separated words, in their order."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def header_name(value: str) -> str:
    """The name of a header that nobody else uses."""
    if not _EXTENSION.fullmatch(value.strip()):
        raise ValueError("must be the name of a header that begins with X-")
    return value.strip()


def relays(value: str) -> tuple[str, ...]:
    """Addresses in outline; `mail.smtp.relay_url` reads them. A fault shows no password."""
    for url in urls(value):
        _check_url(url, {"smtp", "smtps"}, "smtps://user:password@mail.example.org")
    return urls(value)


def mailboxes(value: str) -> tuple[str, ...]:
    """Addresses in outline; `bounces.mailbox_url` reads them. A fault shows no password."""
    for url in urls(value):
        example = "imaps://user:password@mail.example.org/INBOX"
        _check_url(url, {"imaps", "imap", "pops", "pop"}, example)
    return urls(value)


def redis(value: str) -> str:
    """The address of a Redis or Valkey, or `unix://` and a path."""
    if urlsplit(value.strip()).scheme != "unix":
        _check_url(value.strip(), {"redis", "rediss"}, "redis://127.0.0.1:6379/0")
    return value.strip()


def level(value: str) -> str:
    """A level of logging, in capitals."""
    if value.strip().upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return value.strip().upper()


def seconds(value: str) -> tuple[int, ...]:
    """Comma-separated whole seconds."""
    parts = [part.strip() for part in value.split(",")]
    if not all(_WHOLE.fullmatch(part) and int(part) >= 1 for part in parts):
        raise ValueError("must be whole seconds, comma-separated, each at least 1")
    return tuple(map(int, parts))


def mode(value: str) -> str:
    """`trial` or `live`."""
    if value not in {"trial", "live"}:
        raise ValueError("must be trial or live")
    return value


def one_of(*words: str) -> Callable[[str], str]:
    """A reader of one of a few words."""

    def read(value: str) -> str:
        if value.strip() not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return value.strip()

    return read


def http_url(value: str) -> str:
    """A public address, without a slash at its end."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address like https://nyhetsbrev.example.org")
    return value.rstrip("/")


def zone(value: str) -> str:
    """The name of a time zone."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("must be a time zone like Europe/Stockholm") from error
    return value


def endpoint(value: str) -> tuple[str, int]:
    """Host and port; an IPv6 host without its brackets."""
    host, _, port = value.rpartition(":")
    if not (host and _WHOLE.fullmatch(port) and int(port) < 65536):
        raise ValueError("must be host:port, such as 127.0.0.1:8000")
    return host.strip("[]"), int(port)


def key(value: str) -> bytes:
    """A key, out of base64 of either alphabet."""
    digits = value.strip().rstrip("=").replace("+", "-").replace("/", "_")
    padding = "=" * (-len(digits) % 4)
    raw = b"" if len(digits) % 4 == 1 else base64.urlsafe_b64decode(digits + padding)
    if len(raw) < KEY_BYTES or not _BASE64.fullmatch(digits):
        raise ValueError(
            "must be at least 32 bytes, base64 (make one with `openssl rand -base64 32`)"
        )
    return raw


def key_ring(value: str) -> dict[int, bytes]:
    """Numbered keys, by number."""
    ring = {}
    for part in value.split(","):
        key_id, _, digits = part.strip().partition(":")
        if not (_WHOLE.fullmatch(key_id) and int(key_id) < 256):
            raise ValueError("must be numbered keys like 1:key,2:key, with numbers from 0 to 255")
        ring[int(key_id)] = key(digits)
    return ring


def _check_url(url: str, schemes: set[str], example: str) -> None:
    try:
        parts = urlsplit(url)
        port_is_one = parts.port != 0  # raises for what is no number
    except ValueError:
        port_is_one = False
    if not port_is_one or parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"must be an address like {example}")
