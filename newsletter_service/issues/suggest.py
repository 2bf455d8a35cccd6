"""The suggested issue: recent news that no earlier issue carried, in an order that reads well.

The lead is the newest item with a picture; then events by date, competitions while they are
open, and the rest newest first. Each choice has a reason, for the page that shows it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service import settings as settings_module
from newsletter_service.issues import blocks
from newsletter_service.models import Block, BlockKind, Issue, Item, NewsletterList, writing
from newsletter_service.news import tabs

SINCE = timedelta(days=31)
MOST_ITEMS = 10
MOST_EVENTS = 4
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
    fresh = tabs.unused(session, wish.list_id, now - wish.since, now, today)
    if not fresh:
        raise NothingNew
    lead, events, rest = chosen(fresh)
    issue = begin(session, newsletter, actor, now)
    issue.blocks = arranged(newsletter.locales[0], lead, events, rest)
    for position, block in enumerate(issue.blocks, 1):
        block.position = position
    words = issue.text(newsletter.locales[0])
    words.subject = wish.subject or shortened(lead.title, LONGEST_SUBJECT)
    others = [item.title for item in [*events, *rest]]
    words.preheader = shortened(" · ".join(others) or lead.summary, LONGEST_PREHEADER)
    session.flush()
    audit.record(session, actor, "issue.suggested", f"issue:{issue.id}", items=len(fresh))
    return issue.id


def empty(list_id: int, *, actor: str, now: datetime) -> int:
    """A draft without news; returns its id."""
    with writing() as session:
        issue = begin(session, session.get_one(NewsletterList, list_id), actor, now)
        session.flush()
        audit.record(session, actor, "issue.begun", f"issue:{issue.id}")
        return issue.id


def chosen(fresh: list[Item]) -> tuple[Item, list[Item], list[Item]]:
    """The lead, the events soonest first, and the rest, out of items that are newest first."""
    stories = [item for item in fresh if not item.starts_on]
    lead = next((item for item in stories if item.image_url and not item.last_day), None)
    lead = lead or (stories or fresh)[0]
    others = [item for item in fresh if item is not lead]
    dated = [(item.starts_on, item) for item in others if item.starts_on]
    events = [item for _day, item in sorted(dated, key=itemgetter(0))][:MOST_EVENTS]
    rest = [item for item in others if not item.starts_on]
    closing = [(item.last_day, item) for item in rest if item.last_day]
    open_until = [item for _day, item in sorted(closing, key=itemgetter(0))]
    plain = [item for item in rest if not item.last_day]
    return lead, events, (plain[: MOST_ITEMS - len(open_until)] + open_until)[:MOST_ITEMS]


def arranged(locale: str, lead: Item, events: list[Item], rest: list[Item]) -> list[Block]:
    """The blocks in reading order: lead, stories, then what happens."""
    order = [blocks.of_item(lead, lead=True)]
    order += [blocks.of_item(item) for item in rest]
    if events:
        words = {"sv": {"text": "Händer snart"}, "en": {"text": "Coming up"}}
        data = {locale: words.get(locale, words["en"])}
        order.append(Block(kind=BlockKind.HEADING, position=0, data=data))
        order += [blocks.of_item(item) for item in events]
    return order


def reason(item: Item, lead: bool) -> str:
    """Why an item stands where it stands: lead, event, competition or news."""
    if lead:
        return "lead"
    if item.starts_on:
        return "event"
    return "competition" if item.last_day else "news"


def shortened(text: str, most: int) -> str:
    """A text cut at a word, with an ellipsis if it was."""
    if len(text) <= most:
        return text
    return text[: most - 1].rsplit(" ", 1)[0].rstrip(" ·,.–-") + "…"


def begin(session: Session, newsletter: NewsletterList, actor: str, now: datetime) -> Issue:
    """The list's next number, with nothing in it, inside a verb."""
    last = session.scalar(select(func.max(Issue.number)).where(Issue.list_id == newsletter.id))
    issue = Issue(
        list_id=newsletter.id,
        number=(last or 0) + 1,
        created_at=now,
        created_by=actor,
        changed_at=now,
    )
    session.add(issue)
    return issue
