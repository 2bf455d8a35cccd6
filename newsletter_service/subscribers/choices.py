"""A reader's own page, behind a link that was mailed for it: every choice takes effect at once.

The mailed link has proven whose address it is, so that nothing here waits for another one but a
new address.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from newsletter_service import suppression
from newsletter_service.extensions import db
from newsletter_service.models import (
    ConsentKind,
    NewsletterList,
    Subscriber,
    Subscription,
    SubscriptionState,
    ms_of,
    utc_of_ms,
    writing,
)
from newsletter_service.subscribers import consent, opt_in, opt_out, personal_link, privacy
from newsletter_service.subscribers.consent import Act, RequestContext
from newsletter_service.subscribers.preferences import Choice, choice_of, locales_of
from newsletter_service.subscribers.readers import open_lists, subscription_on, subscriptions_of

PAUSES = (2, 4, 8, 12)
BY_THEMSELVES = "reader"


@dataclass(frozen=True)
class Choices:
    """What the page shows; `paused_until` is None while letters come."""

    address: str
    locale: str
    choices: tuple[Choice, ...]
    locales: tuple[str, ...]
    paused_until: datetime | None
    just_left: tuple[Choice, ...] = ()

    @property
    def subscribes(self) -> bool:
        """Whether there is anything to pause."""
        return any(each.subscribed for each in self.choices)


@dataclass(frozen=True)
class Wanted:
    """What the reader chose; `pause` in weeks, 0 for none, None to leave it as it is."""

    slugs: frozenset[str]
    locale: str
    pause: int | None = None


@dataclass(frozen=True)
class Saved:
    """What became of it: slugs that began, that ended, and that are barred by a suppression."""

    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    spoke: bool = False
    paused: bool = False

    @property
    def anything(self) -> bool:
        """Whether anything was changed."""
        return bool(self.joined or self.left or self.spoke or self.paused)


def view(raw: str, now: datetime) -> Choices | None:
    """The choices of whoever the link was mailed to; None when it is too old."""
    session = db.session()
    reader = personal_link.whose(session, raw, now)
    if reader is None:
        return None
    lists = open_lists(session)
    standing = {each.list_id: each for each in reader.subscriptions}
    return Choices(
        address=reader.address,
        locale=reader.locale,
        choices=tuple(choice_of(each, standing.get(each.id)) for each in lists),
        locales=locales_of(lists),
        paused_until=_paused_until(reader.subscriptions, now),
        just_left=tuple(
            choice_of(each, standing[each.id])
            for each in lists
            if each.id in standing and _may_undo(session, reader, standing[each.id], now)
        ),
    )


def save(raw: str, wanted: Wanted, context: RequestContext, now: datetime) -> Saved | None:
    """Begin, end, pause and speak as wanted; None when the link is too old."""
    with writing() as session:
        reader = personal_link.whose(session, raw, now, lock=True)
        if reader is None:
            return None
        shown = {each.slug: each for each in open_lists(session)}
        known = wanted.locale in locales_of(shown.values())
        act = Act(wanted.locale if known else reader.locale, context, now)
        mine = {each.newsletter.slug: each for each in subscriptions_of(session, reader.id)}
        left = tuple(
            slug
            for slug, each in mine.items()
            if slug in shown and slug not in wanted.slugs and _end(session, each, act)
        )
        asked = [shown[slug] for slug in sorted(wanted.slugs & shown.keys())]
        joined, barred = _join(session, reader, asked, act)
        standing = [
            each
            for each in subscriptions_of(session, reader.id)
            if each.state == SubscriptionState.CONFIRMED
        ]
        spoke = _speak(session, reader, standing, act)
        return Saved(joined, left, barred, spoke, _pause(session, standing, wanted.pause, act))


def undo(raw: str, context: RequestContext, now: datetime) -> tuple[str, ...] | None:
    """Take back every leaving of the last day, in whatever way it was; the slugs that came back.

    None when the link is too old.
    """
    with writing() as session:
        reader = personal_link.whose(session, raw, now, lock=True)
        if reader is None:
            return None
        return tuple(
            each.newsletter.slug
            for each in subscriptions_of(session, reader.id)
            if _may_undo(session, reader, each, now)
            and opt_out.restore(session, each, context, now)
        )


def copy(raw: str, now: datetime) -> dict[str, Any] | None:
    """Everything kept about the reader (R 5.8); None when the link is too old."""
    reader = personal_link.whose(db.session(), raw, now)
    return None if reader is None else privacy.export(reader.address)


def erase(raw: str, now: datetime) -> bool:
    """Forget the reader but for the keyed hash; whether the link was still good."""
    reader = personal_link.whose(db.session(), raw, now)
    if reader is None:
        return False
    address = reader.address
    db.session.rollback()
    privacy.erase(address, BY_THEMSELVES, now)
    return True


def _may_undo(
    session: Session, reader: Subscriber, subscription: Subscription, now: datetime
) -> bool:
    found = suppression.find(session, reader.address_key, subscription.list_id)
    return opt_out.may_undo(subscription, now) and not suppression.bars_confirming(found)


def _end(session: Session, subscription: Subscription, act: Act) -> bool:
    confirmed = subscription.state == SubscriptionState.CONFIRMED
    return confirmed and opt_out.end(session, subscription, act.context, act.now)


def _join(
    session: Session, reader: Subscriber, asked: list[NewsletterList], act: Act
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    joined, barred = [], []
    for newsletter in asked:
        found = suppression.find(session, reader.address_key, newsletter.id)
        if suppression.bars_confirming(found):
            barred.append(newsletter.slug)
            continue
        subscription = subscription_on(session, reader, newsletter, act.now)
        if subscription.state != SubscriptionState.CONFIRMED:
            opt_in.settle(session, subscription, act)
            joined.append(newsletter.slug)
    return tuple(joined), tuple(barred)


def _speak(session: Session, reader: Subscriber, standing: list[Subscription], act: Act) -> bool:
    if reader.locale == act.locale:
        return False
    before, reader.locale = reader.locale, act.locale
    for each in standing:
        consent.record(session, each, ConsentKind.CHANGED, act, was=before)
    return True


def _pause(session: Session, standing: list[Subscription], weeks: int | None, act: Act) -> bool:
    """Pass by all that the reader gets until a day, or let it come again."""
    if weeks is None or weeks not in (0, *PAUSES):
        return False
    until = act.now + timedelta(weeks=weeks)
    changed = False
    for each in standing:
        if weeks or (each.paused_until_ms or 0) > ms_of(act.now):
            each.paused_until_ms = ms_of(until) if weeks else None
            detail = until.date().isoformat() if weeks else ""
            consent.record(session, each, ConsentKind.CHANGED, act, paused_until=detail)
            changed = True
    return changed


def _paused_until(subscriptions: Collection[Subscription], now: datetime) -> datetime | None:
    until = [
        each.paused_until_ms or 0
        for each in subscriptions
        if each.state == SubscriptionState.CONFIRMED
    ]
    longest = max(until, default=0)
    return utc_of_ms(longest) if longest > ms_of(now) else None
