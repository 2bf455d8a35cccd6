"""Opting in: the request, the link by mail, the confirmation, and the owner's right to refuse.

A request has one outcome for whoever makes it, whatever is known of the address (R 6.3); only
the mailbox learns more. Links are opened by GET as often as scanners like; only a POST acts.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from newsletter_service import journal, suppression
from newsletter_service.address import Address, parse, refused_role
from newsletter_service.extensions import db
from newsletter_service.models import (
    ConsentKind,
    JournalKind,
    LegalBasis,
    NewsletterList,
    Subscription,
    SubscriptionState,
    SuppressionReason,
    writing,
)
from newsletter_service.models.subscribers import WHOLE_ORGANISATION
from newsletter_service.queue import nudge
from newsletter_service.subscribers import confirmation, consent, links, opt_out
from newsletter_service.subscribers.consent import Act, RequestContext
from newsletter_service.subscribers.links import Barred, Confirmed, Expired, Outcome, Unknown
from newsletter_service.subscribers.readers import (
    key_of,
    lock_reader,
    open_list,
    subscription_on,
    subscriptions_of,
)

SEEN_AGAIN_EVERY = timedelta(hours=24)


class NoReader(ValueError):
    """An address that belongs to a role without a reader, as postmaster (R 6.12)."""


def subscribe(
    slug: str, address_text: str, locale: str, context: RequestContext, now: datetime
) -> None:
    """Ask to subscribe an address to a list; what follows is mailed, never told here.

    Raises `InvalidAddress`, `NoReader` and `NoSuchList`, none of which depend on what is known
    of the address.
    """
    address = parse(address_text)
    if refused_role(address):
        raise NoReader
    with writing() as session:
        newsletter = open_list(session, slug)
        take_request(session, newsletter, address, Act(locale, context, now))


def take_request(
    session: Session, newsletter: NewsletterList, address: Address, act: Act
) -> Subscription | None:
    """Within a transaction: what a sign-up leads to, by what is known of the address.

    The subscription it is about; None where the address is barred.
    """
    found = suppression.find(session, key_of(address), newsletter.id)
    if found is not None and suppression.bars_confirming(found):
        if found.last_at < act.now - SEEN_AGAIN_EVERY:
            found.last_at = act.now
        return None
    reader = lock_reader(session, address, act.locale, act.now)
    subscription = subscription_on(session, reader, newsletter, act.now)
    request(session, subscription, act, address.as_typed)
    return subscription


def look(raw: str, now: datetime) -> Outcome:
    """What a confirmation link would do; changes nothing."""
    session = db.session()
    found = links.find(session, raw)
    return Unknown() if found is None else links.outcome(session, *found, now)


def confirm(raw: str, locale: str, context: RequestContext, now: datetime) -> Outcome:
    """Confirm by a link; the language it was confirmed in becomes the reader's.

    The same link may be sent twice: the second time is as good as the first.
    """
    with writing() as session:
        found = links.find(session, raw, lock=True)
        if found is None:
            return Unknown()
        token, subscription = found
        outcome = links.outcome(session, token, subscription, now)
        if not isinstance(outcome, links.Waiting):
            return outcome
        act = Act(locale, context, now)
        again = subscription.state == SubscriptionState.CONFIRMED
        if not again:
            settle(session, subscription, act, **confirmation.as_sent(session, token, subscription))
        token.used_at = now
        _speak(session, subscription, act)
        if not again:
            confirmation.say_welcome(session, subscription, token, now)
            _ask_about_next(session, subscription, act)
        return Confirmed(*links.about(subscription), again=again)


def renew(raw: str, locale: str, context: RequestContext, now: datetime) -> bool:
    """Mail a new link for an old one, within the address's share; whether we know the link."""
    with writing() as session:
        found = links.find(session, raw, lock=True)
        if found is None:
            return False
        nudge("notices.send")
        token, subscription = found
        outcome = links.outcome(session, token, subscription, now)
        if isinstance(outcome, Expired) and subscription.newsletter.archived_at is None:
            request(session, subscription, Act(locale, context, now))
        return True


def block(raw: str, context: RequestContext, now: datetime) -> Outcome:
    """Never write to the address again, by the link in its confirmation mail, however old."""
    with writing() as session:
        found = links.find(session, raw, lock=True)
        if found is None:
            return Unknown()
        _token, subscription = found
        reader = subscription.subscriber
        suppression.suppress(
            session,
            reader.address_key,
            scope=WHOLE_ORGANISATION,
            reason=SuppressionReason.BLOCKED_BY_OWNER,
            source="confirmation mail",
            now=now,
        )
        for each in subscriptions_of(session, reader.id):
            opt_out.end(session, each, context, now)
        return Barred(*links.about(subscription))


def request(session: Session, subscription: Subscription, act: Act, as_typed: str = "") -> None:
    """Within a transaction: mail what a request leads to, and keep the proof of it."""
    if subscription.state == SubscriptionState.CONFIRMED:
        confirmation.say_already(session, subscription, act.locale, act.now)
    else:
        if subscription.state == SubscriptionState.UNSUBSCRIBED:
            # ended_at stays until it is confirmed: a stranger's request undoes no withdrawal
            subscription.move(SubscriptionState.PENDING)
        confirmation.send_link(session, subscription, act.locale, act.now)
    consent.record_request(session, subscription, act, as_typed or subscription.subscriber.address)


def settle(session: Session, subscription: Subscription, act: Act, **detail: object) -> None:
    """Within a transaction: the subscription stands, whatever it was, with the proof of it.

    What a confirmation lifts is lifted; the caller has seen that nothing bars it.
    """
    subscription.move(SubscriptionState.CONFIRMED)
    if subscription.ended_at is not None:
        key = subscription.subscriber.address_key
        journal.note(session, JournalKind.REJOINED, key, act.now, scope=subscription.list_id)
    subscription.confirmed_at, subscription.ended_at = act.now, None
    subscription.legal_basis, subscription.paused_until_ms = LegalBasis.CONSENT, None
    consent.record(session, subscription, ConsentKind.CONFIRMED, act, **detail)
    for scope in (WHOLE_ORGANISATION, subscription.list_id):
        suppression.release(
            session,
            subscription.subscriber.address_key,
            scope=scope,
            by="reader",
            reason="confirmed a new sign-up",
            now=act.now,
        )


def _ask_about_next(session: Session, confirmed: Subscription, act: Act) -> None:
    """Mail the link of another list asked for meanwhile, which the address's share held back."""
    for each in subscriptions_of(session, confirmed.subscriber_id):
        waits = each.state == SubscriptionState.PENDING and each.newsletter.archived_at is None
        if waits and not links.is_open(session, each, act.now):
            confirmation.send_link(session, each, act.locale, act.now)
            return


def _speak(session: Session, subscription: Subscription, act: Act) -> None:
    reader = subscription.subscriber
    if reader.locale != act.locale:
        before, reader.locale = reader.locale, act.locale
        consent.record(session, subscription, ConsentKind.CHANGED, act, was=before)
