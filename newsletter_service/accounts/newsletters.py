"""The organisation's newsletters: making one, and changing what may be changed about it."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.accounts.organisation import (
    Incomplete,
    harmful,
    is_address,
    missing,
)
from newsletter_service.extensions import db
from newsletter_service.models import NewsletterList, writing
from newsletter_service.settings import current

_TEXTS = {
    "name": 200,
    "name_en": 200,
    "description": 2000,
    "description_en": 2000,
    "frequency": 100,
    "frequency_en": 100,
    "sender_name": 200,
    "sender_address": 254,
    "reply_to": 254,
}
_NEEDED = ("name", "sender_name", "sender_address")
_LINES = ("description", "description_en")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class NewNewsletter:
    """What a newsletter is begun with; the slug is made of the name unless one is given."""

    name: str
    sender_name: str
    sender_address: str
    slug: str = ""
    locales: tuple[str, ...] = ("sv",)


def create(new: NewNewsletter, *, actor: str, now: datetime) -> NewsletterList:
    """Begin a newsletter. Its slug and its List-Id never change after this (R 2.5).

    Raises `Incomplete`.
    """
    values = _cleaned(
        {
            "name": new.name,
            "sender_name": new.sender_name,
            "sender_address": new.sender_address,
        }
    )
    if new.slug and not (_SLUG.fullmatch(new.slug) and len(new.slug) <= 63):
        raise Incomplete({"slug": "slug"})
    with writing() as session:
        slug = _free_slug(session, new.slug or slug_of(values["name"]), given=bool(new.slug))
        newsletter = NewsletterList(
            slug=slug,
            list_id=f"{slug}.{current().bounce_domain}",
            locales=list(new.locales),
            created_at=now,
            **values,
        )
        session.add(newsletter)
        session.flush()
        audit.record(session, actor, "list.created", f"list:{newsletter.id}", slug=slug)
    return newsletter


def change(
    list_id: int, values: Mapping[str, str], locales: tuple[str, ...], *, actor: str
) -> NewsletterList:
    """Change names, sender, frequency and languages. Raises `Incomplete`."""
    kept = _cleaned(values)
    with writing() as session:
        newsletter = session.get_one(NewsletterList, list_id)
        for name, text in kept.items():
            setattr(newsletter, name, text)
        newsletter.locales = list(locales) or ["sv"]
        audit.record(session, actor, "list.changed", f"list:{list_id}", fields=sorted(kept))
    return newsletter


def open_archive(list_id: int, *, actor: str, open_to_all: bool) -> None:
    """Say whether everybody may read the newsletter's sent issues on a page."""
    with writing() as session:
        newsletter = session.get_one(NewsletterList, list_id)
        if newsletter.open_archive == open_to_all:
            return
        newsletter.settings = newsletter.settings | {"open_archive": open_to_all}
        act = "list.archive_opened" if open_to_all else "list.archive_closed"
        audit.record(session, actor, act, f"list:{list_id}")


def everything() -> list[NewsletterList]:
    """The newsletters in use, oldest first."""
    return list(
        db.session.scalars(
            select(NewsletterList)
            .where(NewsletterList.archived_at.is_(None))
            .order_by(NewsletterList.id)
        )
    )


def slug_of(name: str) -> str:
    """`Nyhetsbrev från Ängsparken` becomes `nyhetsbrev-fran-angsparken`."""
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-") or "nyhetsbrev"


def _cleaned(values: Mapping[str, str]) -> dict[str, str]:
    kept = {name: " ".join(text.split()) for name, text in values.items() if name in _TEXTS}
    faults = missing(kept, _NEEDED)
    faults |= {name: "too_long" for name, text in kept.items() if len(text) > _TEXTS[name]}
    for name in ("sender_address", "reply_to"):
        if kept.get(name) and not is_address(kept[name]):
            faults[name] = "address"
    faults |= harmful(values, _TEXTS, _LINES)
    if faults:
        raise Incomplete(faults)
    return kept


def _free_slug(session: Session, wanted: str, *, given: bool) -> str:
    taken = set(session.scalars(select(NewsletterList.slug)))
    if wanted not in taken:
        return wanted
    if given:
        raise Incomplete({"slug": "taken"})
    return next(slug for n in range(2, 10_000) if (slug := f"{wanted}-{n}") not in taken)
