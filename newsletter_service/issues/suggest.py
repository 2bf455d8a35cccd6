"""The suggested issue: recent news that no earlier issue told, chosen and put in order.

What is chosen and why is decided by `choice`; here it becomes a draft, each part with its reason.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service import settings as settings_module
from newsletter_service.issues import blocks, choice, told_before, translating
from newsletter_service.mail.merge_fields import inert
from newsletter_service.models import Block, BlockKind, Issue, Item, NewsletterList, writing
from newsletter_service.news import clean, tabs

SINCE = timedelta(days=31)
LONGEST_SUBJECT = 60
LONGEST_PREHEADER = 100


class NothingNew(Exception):
    """No item is left that an earlier issue did not carry."""

    def __init__(self) -> None:
        super().__init__("There is no news that an earlier issue did not carry.")


@dataclass(frozen=True)
class Wish:
    """What the suggestion is made of; without a subject the lead's headline is taken."""

    list_id: int
    since: timedelta = SINCE
    subject: str = ""


def suggest(wish: Wish, *, actor: str, now: datetime) -> int:
    """Compose a draft out of the list's recent news; returns its id. Raises `NothingNew`."""
    with writing() as session:
        return compose(session, wish, actor=actor, now=now)


def compose(session: Session, wish: Wish, *, actor: str, now: datetime) -> int:
    """The same inside a verb."""
    newsletter = session.get_one(NewsletterList, wish.list_id)
    today = now.astimezone(ZoneInfo(settings_module.current().timezone)).date()
    found = tabs.unused(session, wish.list_id, now - wish.since, now, today)
    fresh = told_before.without(session, wish.list_id, found, now)
    if not fresh:
        raise NothingNew
    chosen = choice.choose(map(candidate, fresh), now, today)
    by_id = {item.id: item for item in fresh}
    issue = begin(session, newsletter, actor, now)
    issue.blocks = arranged(newsletter.locales[0], chosen, by_id)
    for block in issue.blocks:
        if block.item_id:
            block.only_locale = translating.of_item(by_id[block.item_id], newsletter.locales)
    for position, block in enumerate(issue.blocks, 1):
        block.position = position
    words = issue.text(newsletter.locales[0])
    lead, *others = [by_id[pick.id] for pick in chosen.picks]
    words.subject = wish.subject or shortened(inert(lead.title), LONGEST_SUBJECT)
    titles = " · ".join(item.title for item in others[:4])
    words.preheader = shortened(inert(titles or lead.summary), LONGEST_PREHEADER)
    session.flush()
    audit.record(
        session,
        actor,
        "issue.suggested",
        f"issue:{issue.id}",
        items=len(fresh),
        chosen=len(chosen.picks),
        left_out=len(chosen.left_out),
        told_before=len(found) - len(fresh),
    )
    return issue.id


def empty(list_id: int, *, actor: str, now: datetime) -> int:
    """A draft without news; returns its id."""
    with writing() as session:
        issue = begin(session, session.get_one(NewsletterList, list_id), actor, now)
        session.flush()
        audit.record(session, actor, "issue.begun", f"issue:{issue.id}")
        return issue.id


def candidate(item: Item) -> choice.Candidate:
    """What the choice looks at of an item."""
    return choice.Candidate(
        id=item.id,
        title=item.title,
        published_at=item.published_at,
        summary=item.summary,
        has_picture=bool(item.image_url),
        tags=tuple(item.all_tags),
        source=item.source_id,
        starts_on=item.starts_on,
        last_day=item.last_day,
    )


def arranged(locale: str, chosen: choice.Choice, by_id: dict[int, Item]) -> list[Block]:
    """The blocks in reading order, each with why it stands there."""
    lead = _block(by_id[chosen.lead.id], chosen.lead.why, choice.LEAD_SUMMARY, lead=True)
    order = [lead]
    for section in chosen.sections:
        heading = _heading(section, chosen.sections, locale)
        if heading:
            data = {locale: {"text": heading}}
            order.append(Block(kind=BlockKind.HEADING, position=0, data=data))
        longest = choice.EVENT_SUMMARY if section.kind == "events" else choice.SUMMARY
        order += [_block(by_id[pick.id], pick.why, longest) for pick in section.picks]
    return order


def _block(item: Item, why: str, longest: int, *, lead: bool = False) -> Block:
    """An item's block with a summary that fits its place."""
    block = blocks.of_item(item, lead=lead)
    block.why = why
    block.data = {
        locale: values | {"summary": clean.excerpt(str(values["summary"]), longest)}
        for locale, values in block.data.items()
    }
    return block


def _heading(section: choice.Section, sections: list[choice.Section], locale: str) -> str:
    """What stands above a section; stories in one row and what closes after them need nothing."""
    by_tag = any(one.kind == "tag" for one in sections)
    words = {
        "more": ("Mer nytt", "More news"),
        "closing": ("Stänger snart", "Closing soon") if by_tag else ("", ""),
        "events": ("Händer snart", "Coming up"),
    }
    swedish, english = words.get(section.kind, ("", ""))
    if section.kind == "tag":
        return inert(section.tag)
    return english if locale == "en" else swedish


def shortened(text: str, most: int) -> str:
    """A text cut at a word, with an ellipsis if it was."""
    if len(text) <= most:
        return text
    return text[: most - 1].rsplit(" ", 1)[0].rstrip(" ·,.–-") + "…"


def begin(session: Session, newsletter: NewsletterList, actor: str, now: datetime) -> Issue:
    """The list's next number, with nothing in it, inside a verb."""
    issue = Issue(
        list_id=newsletter.id,
        number=next_number(session, newsletter.id),
        created_at=now,
        created_by=actor,
        changed_at=now,
    )
    session.add(issue)
    return issue


def next_number(session: Session, list_id: int) -> int:
    """The number of a list's next issue."""
    mine = (Issue.list_id == list_id, Issue.number > 0)
    return (session.scalar(select(func.max(Issue.number)).where(*mine)) or 0) + 1
