"""The forms of a list: the sites that may carry them, their look, and whether they work there."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.accounts.organisation import web_address
from newsletter_service.mail import colour
from newsletter_service.models import (
    FormSeen,
    FormSite,
    Organisation,
    SignUpForm,
    writing,
)
from newsletter_service.models.upsert import insert_new

CORNERS = {"sharp": "0", "soft": "6px", "round": "1.5rem"}
FONTS = {
    "site": "inherit",
    "system": 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
    "serif": 'Georgia, "Times New Roman", serif',
}
DEFAULT_PAPER = "#ffffff"
SEEN_AGAIN_AFTER = timedelta(seconds=2)
SITES_AT_MOST = 50


class Unfit(ValueError):
    """Something cannot be kept; `faults` maps a field to a code: `url`, `colour`, `site`, …"""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__(f"Cannot be kept so: {self.faults}.")


@dataclass(frozen=True)
class Look:
    """What a form is chosen to look like, and where it leads; empty colours are the brand's."""

    accent: str = ""
    paper: str = ""
    corners: str = "soft"
    font: str = "site"
    return_url: str = ""

    def variables(self, brand_accent: str) -> dict[str, str]:
        """The handful of CSS variables; text on them can always be read (WCAG 1.4.3)."""
        paper = self.paper if colour.is_colour(self.paper) else DEFAULT_PAPER
        accent = self.accent if colour.is_colour(self.accent) else brand_accent
        return {
            "--newsletter-accent": accent,
            "--newsletter-on-accent": colour.text_on(accent),
            "--newsletter-paper": paper,
            "--newsletter-ink": colour.text_on(paper),
            "--newsletter-link": colour.readable(accent, paper),
            "--newsletter-edge": colour.readable("#7e8282", paper, 3),
            "--newsletter-corner": CORNERS.get(self.corners, CORNERS["soft"]),
            "--newsletter-font": FONTS.get(self.font, FONTS["site"]),
        }


def origin_of(url: str) -> str:
    """The origin of an address (RFC 6454), or an empty text."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return ""
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != usual else "")


def sites(session: Session) -> list[str]:
    """Origins that may carry our forms: those that were let in, and the organisation's own site."""
    own = session.scalar(select(Organisation.website).where(Organisation.id == 1)) or ""
    listed = session.scalars(select(FormSite.origin).order_by(FormSite.origin))
    return list(dict.fromkeys([each for each in (origin_of(own), *listed) if each]))


def let_in(address: str, *, actor: str, now: datetime) -> str:
    """Let a site carry our forms; its origin. Raises `Unfit`."""
    origin = origin_of(web_address(address))
    if not origin or len(origin) > 255:
        raise Unfit({"site": "url"})
    with writing() as session:
        if len(sites(session)) >= SITES_AT_MOST:
            raise Unfit({"site": "too_many"})
        values = {"origin": origin, "added_at": now, "added_by": actor}
        session.execute(insert_new(session, FormSite).values(**values))
        audit.record(session, actor, "form.site_let_in", "organisation", site=origin)
    return origin


def shut_out(origin: str, *, actor: str) -> None:
    """Forms of a site go the slow way from now on."""
    with writing() as session:
        session.execute(delete(FormSite).where(FormSite.origin == origin))
        audit.record(session, actor, "form.site_shut_out", "organisation", site=origin)


def look_of(session: Session, list_id: int, locale: str) -> Look:
    """How a list's form looks in a language."""
    kept = session.get(SignUpForm, (list_id, locale))
    if kept is None:
        return Look()
    return Look(kept.accent, kept.paper, kept.corners, kept.font, kept.return_url)


def save(list_id: int, locale: str, look: Look, *, actor: str, now: datetime) -> None:
    """Keep a form's look. Raises `Unfit`."""
    with writing() as session:
        faults = {
            name: "colour"
            for name in ("accent", "paper")
            if getattr(look, name) and not colour.is_colour(getattr(look, name))
        }
        if look.return_url and origin_of(look.return_url) not in sites(session):
            faults["return_url"] = "site"
        elif len(look.return_url) > 500:
            faults["return_url"] = "too_long"
        if look.corners not in CORNERS or look.font not in FONTS:
            faults["corners"] = "missing"
        if faults:
            raise Unfit(faults)
        form = session.get(SignUpForm, (list_id, locale)) or SignUpForm(
            list_id=list_id, locale=locale
        )
        for name, value in asdict(look).items():
            setattr(form, name, value)
        form.saved_at, form.saved_by = now, actor
        session.add(form)
        audit.record(session, actor, "form.saved", f"list:{list_id}", locale=locale)


def note_seen(
    session: Session, list_id: int, locale: str, seen: tuple[str, str], now: datetime
) -> None:
    """Within a transaction: this form was used, in this way and on this site."""
    way, site = seen[0], seen[1][:255]
    key = {"list_id": list_id, "locale": locale, "way": way, "site": site}
    made = insert_new(session, FormSeen).values(**key, first_at=now, last_at=now)
    session.execute(made)
    # not at every one of a crowd, which would wait for this row in a line
    session.execute(
        update(FormSeen)
        .where(*(getattr(FormSeen, name) == value for name, value in key.items()))
        .where(FormSeen.last_at < now - SEEN_AGAIN_AFTER)
        .values(last_at=now)
    )


def seen(session: Session, list_id: int, locale: str) -> list[FormSeen]:
    """Where a list's form has been used in a language, the latest first."""
    return list(
        session.scalars(
            select(FormSeen)
            .where(FormSeen.list_id == list_id, FormSeen.locale == locale)
            .order_by(FormSeen.last_at.desc())
            .limit(10)
        )
    )
