"""The envelope sender that brings a bounce home: ``b+<token>@bounce.example.org``."""

_PREFIX = "b+"


def address(token: str, bounce_domain: str) -> str:
    """Return the envelope sender for one copy."""
    return f"{_PREFIX}{token}@{bounce_domain}"


def token_of(address: str) -> str | None:
    """Return the token in an address that a bounce came to, or None if it has none.

    Accepts angle brackets and any case, since some servers change the case of local parts.
    Says nothing about whether the token is genuine.
    """
    local, at, _ = address.strip().strip("<>").rpartition("@")
    if not at or not local.lower().startswith(_PREFIX):
        return None
    return local[len(_PREFIX) :].lower() or None
