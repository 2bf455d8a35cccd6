"""Whose pages these are: the organisation's name, logo and accent, and the frame's values."""

import hashlib
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, Response, g, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.exc import OperationalError, ProgrammingError

from newsletter_service import settings
from newsletter_service.extensions import db
from newsletter_service.mail import colour
from newsletter_service.models import STAFF, Organisation, Role
from newsletter_service.web.access import public
from newsletter_service.web.i18n import page_locale

blueprint = Blueprint("brand", __name__)


@dataclass(frozen=True)
class Brand:
    """What a page shows of its owner; empty texts are left out."""

    name: str
    url: str = ""
    logo_url: str = ""
    accent: str = colour.DEFAULT_ACCENT
    postal_address: str = ""
    contact_email: str = ""
    privacy_url: str = ""
    accessibility_url: str = ""


def init_app(app: Flask) -> None:
    """Give every template what its frame needs."""
    app.context_processor(_frame)


@blueprint.get("/brand.css")
@public
def stylesheet() -> Response:
    """The accent as a custom property; `tokens.css` makes every shade of it, light and dark."""
    css = f":root {{ --brand: {brand().accent}; }}\n"
    response = Response(css, mimetype="text/css")
    response.set_etag(hashlib.sha256(css.encode()).hexdigest()[:16])
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


def brand() -> Brand:
    """The organisation's, or a plain one before there is any and while the database is away."""
    if "brand" not in g:
        g.brand = _read()
        g.logo_url = g.brand.logo_url
    found: Brand = g.brand
    return found


def is_trial() -> bool:
    """Whether mail reaches staff and the sandbox only (P13)."""
    brand()
    return not g.get("is_live")


def menu() -> list[dict[str, Any]]:
    """The desk's menu for the current person; Drift for operators only."""
    works = current_user.has_role(*STAFF)
    settings_page = "/desk/installningar" if works else "/desk/installningar/dataskydd"
    pages = [
        (_("Overview"), "/desk/", works),
        (_("News"), "/desk/nyheter", works),
        (_("Issues"), "/desk/utskick", works),
        (_("Subscribers"), "/desk/prenumeranter", works),
        (_("Settings"), settings_page, True),
        (_("Operations"), "/desk/drift", current_user.has_role(Role.OPERATOR)),
    ]
    return [
        {"label": label, "url": url, "active": _is_here(url)}
        for label, url, shown in pages
        if shown
    ]


def _is_here(url: str) -> bool:
    return request.path == url if url == "/desk/" else request.path.startswith(url)


def _frame() -> dict[str, Any]:
    person = None
    if not g.get("database_away") and current_user and current_user.is_authenticated:
        person = current_user
    return {
        "brand": brand(),
        "locale": page_locale(),
        "trial": is_trial(),
        "has_relay": bool(settings.current().smtp_url),
        "current_person": person,
        "nav": menu() if person else [],
        "logout_url": url_for("auth.log_out"),
    }


def _read() -> Brand:
    plain = Brand(name=_("Newsletter"))
    if g.get("database_away"):
        return plain
    try:
        found = db.session.get(Organisation, 1)
    except (OperationalError, ProgrammingError):  # away, or not migrated yet
        db.session.rollback()
        g.database_away = True
        return plain
    if found is None:
        return plain
    g.is_live = found.live_at is not None
    return Brand(
        name=found.name,
        url=found.website,
        logo_url=found.logo_url,
        accent=colour.palette(found.accent if colour.is_colour(found.accent) else None).accent,
        postal_address=found.postal_address,
        contact_email=found.contact_email,
        privacy_url=found.privacy_url,
        accessibility_url=found.accessibility_url,
    )
