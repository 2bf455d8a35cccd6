"""Importing readers from a file, in blocks of one commit each; running it again adds nobody twice.

An import never brings back who is suppressed or has left (R 4.8, 5.9). With evidence of consent
its readers are confirmed at once; without, each is asked by mail like any visitor.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import BinaryIO

from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.address import Address, InvalidAddress, parse, refused_role
from newsletter_service.extensions import db
from newsletter_service.models import NewsletterList, Subscription, SubscriptionState, writing
from newsletter_service.subscribers import bulk, csv_rows, links, opt_in
from newsletter_service.subscribers.consent import Act, RequestContext
from newsletter_service.subscribers.csv_rows import Row
from newsletter_service.subscribers.readers import (
    key_of,
    lock_reader,
    open_list,
    subscription_on,
)

BLOCK = 5000
REPORTED_ROWS = 1000


class EvidenceMissing(ValueError):
    """Readers cannot be imported as confirmed without saying how they consented (R 5.6)."""


class Reason(StrEnum):
    """Why a row was not taken."""

    INVALID_ADDRESS = "invalid_address"
    NO_READER = "no_reader"
    REPEATED = "repeated"
    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    ALREADY = "already_subscribed"
    WAITING = "waiting_for_confirmation"


@dataclass(frozen=True)
class NotTaken:
    """A row that was left out."""

    line: int
    reason: Reason


@dataclass(frozen=True)
class Plan:
    """What an import is to do: on which list, with which evidence, on whose word."""

    slug: str
    confirmed: bool
    evidence: str
    actor: str
    file_name: str = ""


@dataclass
class Report:
    """What became of a file's rows; `rows` names the first thousand of those not taken."""

    read: int = 0
    taken: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    rows: list[NotTaken] = field(default_factory=list)

    def leave_out(self, row: Row, reason: Reason) -> None:
        """Count a row that is not taken."""
        self.reasons[reason] += 1
        if len(self.rows) < REPORTED_ROWS:
            self.rows.append(NotTaken(row.line, reason))


@dataclass(frozen=True)
class _Reader:
    row: Row
    address: Address


@dataclass(frozen=True)
class _Run:
    plan: Plan
    now: datetime
    report: Report


_Readable = dict[bytes, _Reader]


def import_rows(
    file: BinaryIO, plan: Plan, now: datetime, progress: Callable[[Report], None] | None = None
) -> Report:
    """Take a CSV's readers onto a list; `progress` is told after every block.

    Raises `NoSuchList`, `EvidenceMissing` and `UnreadableFile`. What was taken before a file
    turned out unreadable stays; mend the file and run it again.
    """
    if plan.confirmed and not plan.evidence.strip():
        raise EvidenceMissing
    open_list(db.session(), plan.slug)
    run = _Run(plan, now, Report())
    rows = csv_rows.rows(file)
    while block := list(islice(rows, BLOCK)):
        run.report.read += len(block)
        _import_block(run, block)
        if progress is not None:
            progress(run.report)
    _note(run)
    return run.report


def _import_block(run: _Run, block: Iterable[Row]) -> None:
    readable = _readable(run, block)
    with writing() as session:
        newsletter = open_list(session, run.plan.slug)
        for key in bulk.suppressed(session, readable.keys(), newsletter.id):
            run.report.leave_out(readable.pop(key).row, Reason.SUPPRESSED)
        if not readable:
            return
        if run.plan.confirmed:
            _add(run, session, newsletter, readable)
        else:
            _ask(run, session, newsletter, readable)


def _readable(run: _Run, block: Iterable[Row]) -> _Readable:
    found: _Readable = {}
    for row in block:
        try:
            address = parse(row.address)
        except InvalidAddress:
            run.report.leave_out(row, Reason.INVALID_ADDRESS)
            continue
        key = key_of(address)
        if refused_role(address):
            run.report.leave_out(row, Reason.NO_READER)
        elif key in found:
            run.report.leave_out(row, Reason.REPEATED)
        else:
            found[key] = _Reader(row, address)
    # in one order everywhere: two imports at once do not wait for each other in a circle
    return dict(sorted(found.items()))


def _add(run: _Run, session: Session, newsletter: NewsletterList, readable: _Readable) -> None:
    """Take them as confirmed, on the evidence given."""
    detail: dict[str, object] = {"evidence": run.plan.evidence, "by": run.plan.actor}
    grounds = bulk.Grounds(newsletter.id, run.now, run.plan.file_name, detail)
    added = bulk.add_confirmed(
        session,
        [
            bulk.NewReader(
                key,
                each.address.envelope,
                each.address.domain_ascii,
                each.row.locale or newsletter.locales[0],
            )
            for key, each in readable.items()
        ],
        grounds,
    )
    run.report.taken += len(added.taken)
    for keys, reason in ((added.already, Reason.ALREADY), (added.left, Reason.UNSUBSCRIBED)):
        for key in keys:
            run.report.leave_out(readable[key].row, reason)


def _ask(run: _Run, session: Session, newsletter: NewsletterList, readable: _Readable) -> None:
    """Ask each by mail, unless they subscribe, have left or have been asked."""
    context = RequestContext(channel="import", form=run.plan.file_name)
    for each in readable.values():
        act = Act(each.row.locale or newsletter.locales[0], context, run.now)
        reader = lock_reader(session, each.address, act.locale, run.now)
        subscription = subscription_on(session, reader, newsletter, run.now)
        reason = _standing(session, subscription, run.now)
        if reason is not None:
            run.report.leave_out(each.row, reason)
            continue
        opt_in.request(session, subscription, act, each.address.as_typed)
        run.report.taken += 1


def _standing(session: Session, subscription: Subscription, now: datetime) -> Reason | None:
    if subscription.state == SubscriptionState.CONFIRMED:
        return Reason.ALREADY
    if subscription.ended_at is not None:
        return Reason.UNSUBSCRIBED
    return Reason.WAITING if links.is_open(session, subscription, now) else None


def _note(run: _Run) -> None:
    with writing() as session:
        audit.record(
            session,
            run.plan.actor,
            "subscribers.imported",
            f"list:{open_list(session, run.plan.slug).id}",
            file=run.plan.file_name,
            confirmed=run.plan.confirmed,
            taken=run.report.taken,
            not_taken={str(reason): count for reason, count in run.report.reasons.items()},
        )
