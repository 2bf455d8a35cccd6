"""The staff's pages. What they share: who acts, what time it is, what a fault is called."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask_babel import gettext as _
from flask_login import current_user

from newsletter_service.models import Role


def actor() -> str:
    """Who is asking, for the audit."""
    return str(current_user.email)


def now() -> datetime:
    """The clock of the doors."""
    return datetime.now(UTC)


def said(faults: Mapping[str, str]) -> dict[str, str]:
    """Fault codes as sentences, by field."""
    sentences = {
        "missing": _("Fill this in."),
        "too_long": _("This is too long. Shorten it and save again."),
        "characters": _(
            "This holds a line break or a character that cannot be seen. Write it again."
        ),
        "address": _("Write an e-mail address, such as namn@example.org."),
        "url": _("Write a web address, such as https://www.example.org."),
        "colour": _("Write a colour as # and six characters, such as #0b6e6e."),
        "slug": _("Use small letters a to z, digits and hyphens."),
        "taken": _("This is taken already. Choose another."),
    }
    return {field: sentences.get(code, code) for field, code in faults.items()}


def settings_tabs(here: str) -> list[dict[str, Any]]:
    """The pages of *Inställningar* that the current person may use."""
    pages = [
        ("newsletter", _("Newsletter and look"), "/desk/installningar/", Role.EDITOR),
        ("sources", _("Sources"), "/desk/installningar/kallor", Role.EDITOR),
        ("form", _("Sign-up form"), "/desk/installningar/formular", Role.EDITOR),
        (
            "first_mails",
            _("Mail to newcomers"),
            "/desk/installningar/mejl",
            Role.EDITOR,
        ),
        ("fields", _("Fields"), "/desk/installningar/falt", Role.EDITOR),
        ("people", _("People"), "/desk/installningar/personer", Role.ADMINISTRATOR),
        ("delivery", _("Delivery"), "/desk/installningar/leverans", Role.OPERATOR),
        ("privacy", _("Privacy"), "/desk/installningar/dataskydd", Role.DATA_PROTECTION),
    ]
    return [
        {"label": label, "url": url, "active": name == here}
        for name, label, url, role in pages
        if current_user.has_role(role)
    ]


def trouble(code: str) -> str:
    """Why a site told us nothing, and what to do."""
    known = {
        "dns": _("There is no site with that name. Check the spelling."),
        "connect": _("The site did not answer. Check the address, or try again in a while."),
        "timed_out": _("The site took too long to answer. Try again in a while."),
        "tls": _("The site's certificate could not be verified."),
        "too_large": _("The page was too large to read."),
        "address": _("The address leads to a private network, where we do not look."),
        "port": _("Only the ordinary ports of the web are looked at."),
    }
    if code.startswith("status_"):
        return str(_("The site answered with error %(code)s.", code=code.removeprefix("status_")))
    return str(known.get(code) or _("The site could not be read."))
