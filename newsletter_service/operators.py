"""Who runs a domain's mailboxes: the large operators by their domains. Pure.

One operator's fault meets all of its domains at once. What is not in the table stands for itself.
"""

from collections.abc import Mapping

_DOMAINS: dict[str, tuple[str, ...]] = {
    "google": ("gmail.com", "googlemail.com"),
    "microsoft": (
        *("outlook.com", "outlook.se", "hotmail.com", "hotmail.se", "hotmail.co.uk", "hotmail.fr"),
        *("live.com", "live.se", "live.no", "live.dk", "live.fi", "live.co.uk", "msn.com"),
        *("passport.com", "windowslive.com", "outlook.dk", "outlook.de", "outlook.fr"),
        *("hotmail.de", "hotmail.no", "hotmail.dk", "hotmail.fi"),
    ),
    "yahoo": (
        *("yahoo.com", "yahoo.se", "yahoo.co.uk", "yahoo.fr", "yahoo.de", "ymail.com"),
        *("rocketmail.com", "aol.com", "aim.com"),
    ),
    "apple": ("icloud.com", "me.com", "mac.com"),
    "telia": ("telia.com", "telia.se", "swipnet.se"),
    "telenor": ("telenor.se", "bredband.net", "glocalnet.net", "bredbandsbolaget.se"),
    "tele2": ("tele2.se", "comhem.se", "spray.se"),
    "gmx": ("gmx.net", "gmx.de", "gmx.com", "gmx.at", "gmx.ch", "web.de", "mail.com"),
    "proton": ("proton.me", "protonmail.com", "pm.me"),
    "mailru": ("mail.ru", "bk.ru", "list.ru", "inbox.ru"),
    "yandex": ("yandex.ru", "yandex.com", "ya.ru"),
}
KNOWN: Mapping[str, str] = {
    domain: name for name, domains in _DOMAINS.items() for domain in domains
}


def operator_of(domain: str) -> str:
    """The operator's name, or the domain itself in lower case."""
    return KNOWN.get(domain.lower(), domain.lower())


def domains_of(operator: str) -> tuple[str, ...]:
    """All the domains that an operator's name stands for."""
    return _DOMAINS.get(operator, (operator,))
