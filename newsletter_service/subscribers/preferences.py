"""Preferences: the lists and the language of one reader, reached by the link in a letter.

A letter may have been forwarded, so its link only ever takes away. What adds something, another
list or another language, is mailed to the reader as a link to confirm.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter_service import suppression
from newsletter_service.address import mask, parse
from newsletter_service.extensions import db
from newsletter_service.models import NewsletterList, Subscription, SubscriptionState, writing
from newsletter_service.queue import nudge
from newsletter_service.subscribers import confirmation, consent, opt_in, opt_out
from newsletter_service.subscribers.consent import Act, RequestContext
from newsletter_service.subscribers.readers import (
    by_handle,
    link_keys,
    open_lists,
    subscription_on,
    subscriptions_of,
)
from newsletter_service.tokens import read_preferences


@dataclass(frozen=True)
class Choice:
    """One list of the organisation and whether the reader gets it."""

    slug: str
    newsletter: str
    newsletter_en: str
    description: str
    description_en: str
    subscribed: bool
    waiting: bool

    def title(self, locale: str) -> str:
        """The list's name in a language."""
        return self.newsletter_en if locale == "en" else self.newsletter

    def about(self, locale: str) -> str:
        """What the list is about, in a language."""
        return (self.description_en or self.description) if locale == "en" else self.description


@dataclass(frozen=True)
class Preferences:
    """What a preferences page shows."""

    masked: str
    locale: str
    choices: tuple[Choice, ...]
    locales: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """What the reader ticked: slugs of lists and a language."""

    slugs: frozenset[str]
    locale: str


@dataclass(frozen=True)
class Changed:
    """What became of it: slugs left at once, and whether something waits for a mailed link."""

    left: tuple[str, ...]
    to_confirm: bool


def view(token: str) -> Preferences | None:
    """The preferences behind a link; None when the reader is gone. Raises `BadToken`."""
    session = db.session()
    named = by_handle(session, read_preferences(link_keys(), token))
    if named is None:
        return None
    reader, lists = named.subscriber, open_lists(session)
    standing = {each.list_id: each for each in reader.subscriptions}
    return Preferences(
        masked=mask(parse(reader.address)),
        locale=reader.locale,
        choices=tuple(choice_of(each, standing.get(each.id)) for each in lists),
        locales=locales_of(lists),
    )


def change(token: str, wanted: Wanted, context: RequestContext, now: datetime) -> Changed | None:
    """Leave at once what is no longer wanted; mail a link for what is new.

    None when the reader is gone. Raises `BadToken`.
    """
    handle = read_preferences(link_keys(), token)
    with writing() as session:
        named = by_handle(session, handle)
        if named is None:
            return None
        nudge("notices.send")
        shown = {each.slug: each for each in open_lists(session)}
        mine = {each.list_id: each for each in subscriptions_of(session, named.subscriber_id)}
        left = _leave(session, mine.values(), shown.keys() - wanted.slugs, context, now)
        joined = [
            shown[slug]
            for slug in sorted(wanted.slugs & shown.keys())
            if not _confirmed(mine.get(shown[slug].id))
        ]
        known = wanted.locale in locales_of(shown.values())
        act = Act(wanted.locale if known else named.subscriber.locale, context, now)
        return Changed(left, _ask(session, mine.values(), joined, act))


def _leave(
    session: Session,
    mine: Collection[Subscription],
    unwanted: Collection[str],
    context: RequestContext,
    now: datetime,
) -> tuple[str, ...]:
    return tuple(
        each.newsletter.slug
        for each in mine
        if each.newsletter.slug in unwanted
        and _confirmed(each)
        and opt_out.end(session, each, context, now)
    )


def _ask(
    session: Session, mine: Collection[Subscription], joined: list[NewsletterList], act: Act
) -> bool:
    """Mail a link for the lists to join, or for the language alone; whether one was wanted."""
    standing = next((each for each in mine if _confirmed(each)), None)
    for newsletter in joined:
        reader = next(iter(mine)).subscriber
        found = suppression.find(session, reader.address_key, newsletter.id)
        if not suppression.bars_confirming(found):
            subscription = subscription_on(session, reader, newsletter, act.now)
            opt_in.request(session, subscription, act)
    if joined or standing is None or standing.subscriber.locale == act.locale:
        return bool(joined)
    confirmation.send_link(session, standing, act.locale, act.now)
    consent.record_request(session, standing, act, standing.subscriber.address)
    return True


def choice_of(newsletter: NewsletterList, mine: Subscription | None) -> Choice:
    """A list as a reader may choose it."""
    return Choice(
        slug=newsletter.slug,
        newsletter=newsletter.title("sv"),
        newsletter_en=newsletter.title("en"),
        description=newsletter.description,
        description_en=newsletter.description_en,
        subscribed=mine is not None and mine.state == SubscriptionState.CONFIRMED,
        waiting=mine is not None and mine.state == SubscriptionState.PENDING,
    )


def _confirmed(subscription: Subscription | None) -> bool:
    return subscription is not None and subscription.state == SubscriptionState.CONFIRMED


def locales_of(lists: Collection[NewsletterList]) -> tuple[str, ...]:
    """Every language that any of the lists comes in, Swedish first."""
    return tuple(sorted({locale for each in lists for locale in each.locales}, reverse=True))
