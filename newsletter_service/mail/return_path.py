"""Addresses of ours that carry a token, at the bounce domain.

``b+<token>`` is the envelope sender that brings a bounce home, ``u+<token>`` the mail address
in List-Unsubscribe.
"""

_PREFIX = "b+"
_LEAVING = "u+"


def address(token: str, bounce_domain: str) -> str:
    """Return the envelope sender for one copy."""
    return f"{_PREFIX}{token}@{bounce_domain}"


def leaving_address(token: str, bounce_domain: str) -> str:
    """Return the address that ends a subscription when anything is mailed to it."""
    return f"{_LEAVING}{token}@{bounce_domain}"


def leaving_token_of(address: str) -> str | None:
    """Return the token in such an address, or None; as `token_of`."""
    return _token(address, _LEAVING)


def token_of(address: str) -> str | None:
    """Return the token in an address that a bounce came to, or None if it has none.

    Accepts angle brackets and any case, since some servers change the case of local parts.
    Says nothing about whether the token is genuine.
    """
    return _token(address, _PREFIX)


def _token(address: str, prefix: str) -> str | None:
    local, at, _ = address.strip().strip("<>").rpartition("@")
    if not at or not local.lower().startswith(prefix):
        return None
    return local[len(prefix) :].lower() or None
