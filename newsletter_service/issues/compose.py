"""An issue's words and blocks become its letter; the header values that every copy shares."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import address as addresses
from newsletter_service import settings as settings_module
from newsletter_service.issues import campaign, merging, translating
from newsletter_service.mail import headers, prose
from newsletter_service.mail import letter as letters
from newsletter_service.mail.fixed_headers import FixedHeaders
from newsletter_service.mail.merge_fields import Marks, Put
from newsletter_service.mail.message import Letter
from newsletter_service.models import Block, Issue, NewsletterList, Organisation
from newsletter_service.settings import Settings

SENDER_ID = "newsletter"
_ADDRESSES = ("url", "link", "image_url")
_SCHEMES = {"http", "https", "mailto", "tel"}
_SCHEME = re.compile(r"([^/?#]*?)\s*:")


def letter(  # noqa: PLR0913 - what is optional is named
    session: Session,
    issue: Issue,
    locale: str,
    *,
    day: date | None = None,
    subject_prefix: str = "",
    archived: bool = False,
    settings: Settings | None = None,
) -> Letter:
    """The issue in one language, by its real template, with slots. Raises `LetterError`.

    `day` is the date in the masthead; `subject_prefix` marks a test, in the subject only;
    `archived` leaves out what concerns one reader, with every field's fallback; `settings` are
    needed outside an application context, as in a sending thread.
    """
    settings = settings or settings_module.current()
    marks = Marks()
    values = letter_values(session, issue, locale, day, settings, put=marks.put)
    if archived:
        values |= {"archived": True, "useful": None}
    made = merging.guarded(letters.render("issue", values, locale, marks.slots))
    if archived:
        made = merging.answered(made, {})
    else:
        made = campaign.tagged(made, issue, session.get(Organisation, 1), settings)
    return replace(made, subject=subject_prefix + made.subject) if subject_prefix else made


def letter_values(  # noqa: PLR0913 - what is optional is named
    session: Session,
    issue: Issue,
    locale: str,
    day: date | None,
    settings: Settings,
    *,
    put: Put | None = None,
) -> dict[str, Any]:
    """What the letter's template, or its pages on paper, are filled with.

    `put` says what stands for a field of the list; without it, its fallback.
    """
    text = next((one for one in issue.texts if one.locale == locale), None)
    frame_values = frame(session.get(Organisation, 1), issue.newsletter, locale, settings)
    frame_values["list"]["number"] = issue.number
    where = "prenumerera" if locale == "sv" else "subscribe"
    written = frame_values | {
        "subject": text.subject if text else "",
        "preheader": text.preheader if text else "",
        "introduction": text.introduction if text else "",
        "date": day,
        "blocks": [
            block_values(block, locale)
            for block in issue.blocks
            if translating.stands_in(block, locale)
        ],
        "archived": False,
        "useful": _useful(settings, issue, locale),
        "subscribe_url": f"{settings.base_url}/{where}/{issue.newsletter.slug}",
        "archive_url": archive_url(settings, issue, locale),
    }
    if asked := merging.known(session, issue, locale):
        written = merging.put_in(written, asked, put)
    return written | {"introduction": _introduction(written["introduction"])}


def block_values(block: Block, locale: str) -> dict[str, Any]:
    """One block for the template; Swedish stands in for what is not translated."""
    values = block.values(locale)
    values |= {name: _reachable(values[name]) for name in _ADDRESSES if values.get(name)}
    return {"kind": str(block.kind)} | values


def _reachable(url: Any) -> str:
    """An address, if it is of a kind that letters hold; the check tells of any other."""
    kind = _SCHEME.match(str(url).strip())
    return str(url).strip() if kind is None or kind[1].lower() in _SCHEMES else ""


def _useful(settings: Settings, issue: Issue, locale: str) -> dict[str, str]:
    """The links to answer by; the same in every copy, so nobody is followed (P10)."""
    page = f"{settings.base_url}/{'nytta' if locale == 'sv' else 'useful'}/{issue.id}"
    return {"yes_url": f"{page}/yes", "no_url": f"{page}/no"}


def archive_url(settings: Settings, issue: Issue, locale: str) -> str | None:
    """Where everybody may read the issue, if it goes to everybody and the archive is open."""
    shelf = _archive(settings, issue.newsletter, locale)
    return f"{shelf}/{issue.number}" if shelf and issue.segment_id is None else None


def _archive(settings: Settings, newsletter: NewsletterList, locale: str) -> str | None:
    """Where the newsletter's issues are, if its archive is open."""
    where = "arkiv" if locale == "sv" else "archive"
    return f"{settings.base_url}/{where}/{newsletter.slug}" if newsletter.open_archive else None


def _introduction(markdown: str) -> dict[str, str] | None:
    if not markdown.strip():
        return None
    return {"html": prose.to_html(markdown), "text": prose.to_text(markdown)}


def frame(
    organisation: Organisation | None,
    newsletter: NewsletterList | None,
    locale: str,
    settings: Settings,
) -> dict[str, Any]:
    """What every mail's masthead and footer need, as plain values."""
    name = organisation.name if organisation else ""
    privacy = "integritet" if locale == "sv" else "privacy"
    brand: dict[str, Any] = {
        "name": newsletter.title(locale) if newsletter else name,
        "organisation": name,
        "logo_url": organisation.logo_url if organisation else "",
        "accent": organisation.accent if organisation else None,
        "website": organisation.website if organisation else "",
    }
    footer = {
        "organisation": name,
        "postal_address": organisation.postal_address if organisation else "",
        "org_nr": organisation.org_nr if organisation else "",
        "contact_email": organisation.contact_email if organisation else "",
        "privacy_url": (organisation.privacy_url if organisation else "")
        or f"{settings.base_url}/{privacy}",
    }
    return {"list": brand, "organisation": name, "footer": footer}


def fixed_headers(
    session: Session, issue: Issue, locale: str, settings: Settings | None = None
) -> FixedHeaders:
    """Headers that are the same in every copy (R 2.1 to 2.9)."""
    newsletter = issue.newsletter
    settings = settings or settings_module.current()
    organisation = session.scalars(select(Organisation)).first()
    contact = (organisation.contact_email if organisation else "") or newsletter.sender_address
    where = "prenumerera" if locale == "sv" else "subscribe"
    return FixedHeaders(
        from_name=newsletter.sender_name,
        from_address=ascii_address(newsletter.sender_address),
        reply_to=ascii_address(newsletter.reply_to) if newsletter.reply_to else None,
        list_id=newsletter.list_id,
        list_name=newsletter.title(locale),
        list_help=f"{settings.base_url}/{where}/{newsletter.slug}",
        list_archive=_archive(settings, newsletter, locale),
        list_owner=f"mailto:{ascii_address(contact)}",
        unsubscribe_mailto=settings.leaving_domain,
        reference_header=settings.reference_header or None,
        feedback_id=headers.feedback_id(f"nr{issue.id}", newsletter.slug, "issue", SENDER_ID),
    )


def ascii_address(text: str) -> str:
    """An address as it may stand in a header: its domain as A-labels (R 2.20)."""
    return addresses.parse(text).envelope
