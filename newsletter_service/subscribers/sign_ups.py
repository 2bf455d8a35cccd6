"""Sign-ups from a form to the list. The door writes down what was asked; a worker does the rest.

Thus every address is answered alike and as fast (R 6.3), a flood costs a row a piece, and what
speaks for a person decides how soon the mail leaves. Nothing is dropped but what cannot be mailed.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from newsletter_service import operators, queue
from newsletter_service.address import Address, parse, refused_role
from newsletter_service.extensions import db
from newsletter_service.models import (
    Lane,
    NewsletterList,
    SignUp,
    Subscription,
    SubscriptionState,
    changed,
    writing,
)
from newsletter_service.queue import nudge
from newsletter_service.subscribers import (
    field_answers,
    fields,
    forms,
    lanes,
    mail_domains,
    opt_in,
    pressure,
    proofs,
    throwaway,
    wordings,
)
from newsletter_service.subscribers.consent import Act, RequestContext
from newsletter_service.subscribers.lanes import Evidence
from newsletter_service.subscribers.opt_in import NoReader
from newsletter_service.subscribers.proofs import Proof
from newsletter_service.subscribers.readers import key_of, open_list

log = logging.getLogger(__name__)

WORK = "sign_ups.take"
TURN_S = 10.0
MOST_TRIES = 3
TRIED_AGAIN_AFTER = timedelta(minutes=1)
NO_ROOM_FOR_DOMAIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Asked:
    """What came with a form: whose address for which list, from where, and what speaks for it."""

    slug: str
    locale: str
    context: RequestContext
    network: str
    proof: Proof | None = None
    evidence: Evidence = Evidence()
    answers: Mapping[int, str] = field(default_factory=dict)
    used: tuple[str, str] = ("page", "")


def ask(address_text: str, asked: Asked, now: datetime) -> None:
    """Write down a sign-up; what follows is mailed, never told here.

    Raises `InvalidAddress`, `NoReader` and `NoSuchList`, none of which depend on what is known
    of the address.
    """
    address = parse(address_text)
    if refused_role(address):
        raise NoReader
    from_network = pressure.note("network", asked.network)
    pressure.note("all")
    with writing() as session:
        newsletter = open_list(session, asked.slug)
        proven = asked.proof is not None and proofs.spend(session, asked.proof)
        one_day = throwaway.is_throwaway(address.domain_ascii)
        evidence = replace(asked.evidence, proven=proven, throwaway=one_day)
        taken = lanes.lane(evidence, from_network)
        waits = lanes.wait(taken, from_network)
        session.add(_row(address, newsletter, asked, taken, now, now + waits))
        forms.note_seen(session, newsletter.id, asked.locale, asked.used, now)
        wordings.keep(session, asked.context.words, now)
        if not waits:
            nudge(WORK)


def overdue(now: datetime) -> bool:
    """Whether a sign-up waits for a worker: the sweep's question (P1)."""
    found = db.session.execute(select(SignUp.id).where(*_is_due(now)).limit(1)).first()
    db.session.rollback()
    return found is not None


def take(now: datetime) -> int:
    """Take what is due, the proven first, for a turn; how many were taken."""
    began, taken = time.monotonic(), 0
    for lane in lanes.ORDER:
        while time.monotonic() - began < TURN_S:
            row = _next(lane, now)
            if row is None or pressure.is_full(lanes.PACES[lane].per_hour, "lane", lane):
                break
            _try(row, now)
            taken += 1
        else:
            queue.nudge_now([(WORK, ())])
            break
    return taken


def _try(row: SignUp, now: datetime) -> None:
    """One sign-up; one that fails is tried again and never stops the others (P12)."""
    try:
        _take(row, now)
    except Exception:
        log.exception("sign_up_failed", extra={"sign_up_id": row.id})
        db.session.rollback()
        _put_off(row, now + TRIED_AGAIN_AFTER * (row.tries + 1), failed=True)


def _take(row: SignUp, now: datetime) -> None:
    found = mail_domains.look_up(row.domain)
    if found.takes_mail and not _has_room(row, found.exchanger):
        _put_off_domain(row, now)
        return
    with writing() as session:
        if changed(session, delete(SignUp).where(SignUp.id == row.id)) != 1:
            return  # another worker got there first, or its owner was erased
        pressure.has_room(lanes.PACES[row.lane].per_hour, "lane", row.lane)
        # who asked a hundred times asked once: the rest must not use up the domain's share
        same = (SignUp.list_id == row.list_id, SignUp.address_key == row.address_key)
        session.execute(delete(SignUp).where(*same))
        newsletter = session.get(NewsletterList, row.list_id)
        if not found.takes_mail or newsletter is None or newsletter.archived_at is not None:
            log.info("sign_up_dropped", extra={"why": "nowhere to send"})
            return
        act = Act(row.locale, _context(row), now)
        subscription = opt_in.take_request(session, newsletter, parse(row.address), act)
        # a stranger's form changes nothing of what a reader has answered
        if subscription is not None and subscription.state == SubscriptionState.PENDING:
            _keep_answers(session, subscription, row)


def _keep_answers(session: Session, subscription: Subscription, row: SignUp) -> None:
    known = {each.id for each in fields.of_list(session, row.list_id)}
    given = {int(field_id): text for field_id, text in row.answers.items()}
    answers = {field_id: text for field_id, text in given.items() if field_id in known}
    field_answers.keep(session, subscription.id, answers)


def _has_room(row: SignUp, exchanger: str) -> bool:
    """Whether a domain, and the mail server behind it, may get one more mail this hour."""
    large = operators.operator_of(row.domain) != row.domain
    most = lanes.per_domain(row.lane, large_provider=large)
    names = {row.domain, exchanger} - {""}
    return all(pressure.has_room(most, row.lane, name) for name in sorted(names))


def _put_off(row: SignUp, until: datetime, *, failed: bool = False) -> None:
    with writing() as session:
        session.execute(
            update(SignUp)
            .where(SignUp.id == row.id)
            .values(due_at=until, tries=SignUp.tries + int(failed))
        )


def _put_off_domain(row: SignUp, now: datetime) -> None:
    """All that wait for a domain that has had its share: they use up nobody else's turn."""
    with writing() as session:
        session.execute(
            update(SignUp)
            .where(SignUp.lane == row.lane, SignUp.domain == row.domain, SignUp.due_at <= now)
            .values(due_at=now + NO_ROOM_FOR_DOMAIN)
        )


def _next(lane: Lane, now: datetime) -> SignUp | None:
    """The sign-up of a lane that has waited longest; no transaction stays open (P7)."""
    session = db.session()
    found = session.scalars(
        select(SignUp)
        .where(SignUp.lane == lane, *_is_due(now))
        .order_by(SignUp.due_at, SignUp.id)
        .limit(1)
    ).one_or_none()
    if found is not None:
        session.expunge(found)
    session.rollback()
    return found


def _is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (SignUp.due_at <= now, SignUp.tries < MOST_TRIES)


def _row(
    address: Address, newsletter: NewsletterList, asked: Asked, lane: Lane, *at: datetime
) -> SignUp:
    context = asked.context
    return SignUp(
        list_id=newsletter.id,
        address=address.as_typed,
        address_key=key_of(address),
        domain=address.domain_ascii,
        locale=asked.locale,
        lane=lane,
        channel=context.channel,
        ip=context.ip[:45],
        user_agent=context.user_agent[:300],
        form=context.form[:500],
        wording=context.shown[:64],
        answers={str(field_id): text for field_id, text in asked.answers.items()},
        asked_at=at[0],
        due_at=at[1],
    )


def _context(row: SignUp) -> RequestContext:
    return RequestContext(
        row.ip, row.user_agent, row.form, row.wording, row.channel, asked_at=row.asked_at
    )
