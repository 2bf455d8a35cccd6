"""Taking readers from a file onto a list, a block a commit; running it again adds nobody twice.

An import never brings back who is suppressed or has left (R 4.8, 5.9). With evidence of consent,
or of another legal basis, its readers are confirmed at once; without, each is asked by mail like
any visitor. What the file says of a list's fields becomes the readers' answers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import BinaryIO

from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.address import Address, InvalidAddress, parse, refused_role
from newsletter_service.extensions import db
from newsletter_service.models import (
    ListField,
    NewsletterList,
    Subscription,
    SubscriptionState,
    writing,
)
from newsletter_service.subscribers import bulk, field_answers, fields, file_rows, links, opt_in
from newsletter_service.subscribers.columns import Row
from newsletter_service.subscribers.consent import Act, RequestContext
from newsletter_service.subscribers.fields import Unfit
from newsletter_service.subscribers.import_plan import Outcome, Plan, Reason, Report
from newsletter_service.subscribers.readers import (
    key_of,
    lock_reader,
    open_list,
    subscription_on,
)

BLOCK = 5000


@dataclass(frozen=True)
class _Reader:
    row: Row
    address: Address


@dataclass
class Block:
    """Some rows, read and looked over, before the database is asked."""

    size: int
    readable: dict[bytes, _Reader]
    outcome: Outcome


def import_rows(
    file: BinaryIO, plan: Plan, now: datetime, progress: Callable[[Report], None] | None = None
) -> Report:
    """Take a file's readers onto a list; `progress` is told after every block.

    Raises `NoSuchList`, `EvidenceMissing` and `UnreadableFile`. What was taken before a file
    turned out unreadable stays; mend the file and run it again.
    """
    plan.check()
    open_list(db.session(), plan.slug)
    report = Report()
    rows = file_rows.rows(file, plan.columns, plan.encoding)
    while some := list(islice(rows, BLOCK)):
        block = looked_over(some)
        if plan.dry:
            outcome = look_at(db.session(), plan, block)
        else:
            with writing() as session:
                outcome = take(session, plan, block, now)
        report.add(block.size, outcome)
        if progress is not None:
            progress(report)
    if not plan.dry:
        with writing() as session:
            note(session, plan, report.taken, {str(r): n for r, n in report.reasons.items()})
    return report


def looked_over(rows: list[Row]) -> Block:
    """What of some rows can be a reader at all."""
    block = Block(len(rows), {}, Outcome())
    for row in rows:
        try:
            address = parse(row.address)
        except InvalidAddress:
            block.outcome.leave_out(row, Reason.INVALID_ADDRESS)
            continue
        key = key_of(address)
        if not row.reads:
            block.outcome.leave_out(row, Reason.LEFT_THERE)
        elif refused_role(address):
            block.outcome.leave_out(row, Reason.NO_READER)
        elif key in block.readable:
            block.outcome.leave_out(row, Reason.REPEATED)
        else:
            block.readable[key] = _Reader(row, address)
    # in one order everywhere: two imports at once do not wait for each other in a circle
    block.readable = dict(sorted(block.readable.items()))
    return block


def take(session: Session, plan: Plan, block: Block, now: datetime) -> Outcome:
    """Take a block, inside a verb."""
    newsletter = open_list(session, plan.slug)
    _leave_suppressed(session, newsletter, block)
    if block.readable and plan.confirmed:
        _add(session, plan, newsletter, block, now)
    elif block.readable:
        _ask(session, plan, newsletter, block, now)
    return block.outcome


def look_at(session: Session, plan: Plan, block: Block) -> Outcome:
    """What taking a block would do; changes nothing."""
    newsletter = open_list(session, plan.slug)
    _leave_suppressed(session, newsletter, block)
    standing = bulk.standing(session, block.readable.keys(), newsletter.id)
    asked = fields.of_list(session, newsletter.id)
    for key, each in block.readable.items():
        reason = _why_not(standing.get(key), plan)
        if reason is not None:
            block.outcome.leave_out(each.row, reason)
        else:
            block.outcome.taken += 1
        _answers(asked, each.row, block.outcome)
    session.rollback()
    return block.outcome


def note(session: Session, plan: Plan, taken: int, reasons: Mapping[str, int]) -> None:
    """Put what an import did into the audit log, inside a verb."""
    audit.record(
        session,
        plan.actor,
        "subscribers.imported",
        f"list:{open_list(session, plan.slug).id}",
        file=plan.file_name,
        confirmed=plan.confirmed,
        basis=str(plan.basis) if plan.confirmed else "",
        taken=taken,
        not_taken=dict(reasons),
    )


def _leave_suppressed(session: Session, newsletter: NewsletterList, block: Block) -> None:
    for key in bulk.suppressed(session, block.readable.keys(), newsletter.id):
        block.outcome.leave_out(block.readable.pop(key).row, Reason.SUPPRESSED)


def _add(
    session: Session, plan: Plan, newsletter: NewsletterList, block: Block, now: datetime
) -> None:
    """Take them as confirmed, on the grounds given."""
    detail: dict[str, object] = {"evidence": plan.evidence, "by": plan.actor}
    grounds = bulk.Grounds(newsletter.id, now, plan.file_name, detail, plan.basis)
    added = bulk.add_confirmed(
        session,
        [
            bulk.NewReader(
                key,
                each.address.envelope,
                each.address.domain_ascii,
                each.row.locale or newsletter.locales[0],
            )
            for key, each in block.readable.items()
        ],
        grounds,
    )
    block.outcome.taken += len(added.taken)
    for keys, reason in ((added.already, Reason.ALREADY), (added.left, Reason.UNSUBSCRIBED)):
        for key in keys:
            block.outcome.leave_out(block.readable[key].row, reason)
    asked = fields.of_list(session, newsletter.id)
    answers = {
        subscription_id: _answers(asked, block.readable[key].row, block.outcome)
        for key, subscription_id in added.subscriptions.items()
        if block.readable[key].row.answers
    }
    field_answers.keep_many(session, answers)


def _ask(
    session: Session, plan: Plan, newsletter: NewsletterList, block: Block, now: datetime
) -> None:
    """Ask each by mail, unless they subscribe, have left or have been asked."""
    context = RequestContext(channel="import", form=plan.file_name)
    asked = fields.of_list(session, newsletter.id)
    for each in block.readable.values():
        act = Act(each.row.locale or newsletter.locales[0], context, now)
        reader = lock_reader(session, each.address, act.locale, now)
        subscription = subscription_on(session, reader, newsletter, now)
        reason = _standing(session, subscription, now)
        if reason is not None:
            block.outcome.leave_out(each.row, reason)
            continue
        opt_in.request(session, subscription, act, each.address.as_typed)
        answers = _answers(asked, each.row, block.outcome)
        field_answers.keep(session, subscription.id, answers)
        block.outcome.taken += 1


def _answers(asked: Iterable[ListField], row: Row, outcome: Outcome) -> dict[int, str]:
    """What a row answers; what does not fit is noted and left out, never the reader for it."""
    found = {}
    for each in asked:
        if each.id in row.answers:
            try:
                found[each.id] = field_answers.answer(each, row.answers[each.id])
            except Unfit:
                outcome.leave_out(row, Reason.ANSWER_UNFIT)
    return found


def _standing(session: Session, subscription: Subscription, now: datetime) -> Reason | None:
    if subscription.state == SubscriptionState.CONFIRMED:
        return Reason.ALREADY
    if subscription.ended_at is not None:
        return Reason.UNSUBSCRIBED
    return Reason.WAITING if links.is_open(session, subscription, now) else None


def _why_not(standing: bulk.Standing | None, plan: Plan) -> Reason | None:
    if standing is None:
        return None
    if standing.state == SubscriptionState.CONFIRMED:
        return Reason.ALREADY
    if standing.has_left:
        return Reason.UNSUBSCRIBED
    return None if plan.confirmed else Reason.WAITING
