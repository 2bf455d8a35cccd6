"""The statement: every reader of an issue accounted for, and a refusal to say so if not (P2)."""

from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import case, distinct, func, select
from sqlalchemy.orm import Session

from newsletter_service.models import (
    Batch,
    BounceEvent,
    BounceKind,
    Delivery,
    DeliveryState,
    Issue,
)

FIGURES = (
    *("rows", "accepted", "refused", "deferred", "in_doubt", "pending", "skipped"),
    *("bounced", "complained"),
)


class NoSuchIssue(LookupError):
    """There is no issue with this id."""

    def __init__(self, issue_id: int) -> None:
        super().__init__(f"There is no issue {issue_id}.")


@dataclass(frozen=True)
class Statement:
    """Where every reader of an issue stands. `pending` holds claimed and data_started too.

    `bounced` and `complained` are of the accepted. `rows` is how many deliveries exist.
    """

    issue_id: int
    number: int
    list_name: str
    state: str
    audience: int
    rows: int
    accepted: int
    refused: int
    deferred: int
    in_doubt: int
    pending: int
    skipped: dict[str, int] = field(default_factory=dict)
    bounced: int = 0
    complained: int = 0
    expanded: bool = True

    @property
    def total(self) -> int:
        """The sum over all outcomes; equals the audience when the statement balances."""
        outcomes = self.accepted + self.refused + self.deferred + self.in_doubt + self.pending
        return outcomes + sum(self.skipped.values())

    @property
    def balances(self) -> bool:
        """Whether every reader of the audience has exactly one delivery and one outcome."""
        return self.audience == self.rows == self.total

    def figures(self) -> dict[str, Any]:
        """What is kept of it with the issue when its rows go."""
        return {name: getattr(self, name) for name in FIGURES}

    def as_dict(self) -> dict[str, Any]:
        """For programs: the fields, and whether it balances."""
        return asdict(self) | {"total": self.total, "balances": self.balances}


def statement(session: Session, issue_id: int) -> Statement:
    """Count an issue's deliveries, row by row; of an old issue, what was counted last.

    Raises `NoSuchIssue`.
    """
    issue = session.get(Issue, issue_id)
    if issue is None:
        raise NoSuchIssue(issue_id)
    if issue.figures is not None:
        return _kept(issue)
    counted = session.execute(
        select(Delivery.state, Delivery.skip_reason, func.count())
        .where(Delivery.issue_id == issue_id)
        .group_by(Delivery.state, Delivery.skip_reason)
    ).all()
    by_state: dict[str, int] = {}
    skipped: dict[str, int] = {}
    for state, reason, number in counted:
        if state == DeliveryState.SKIPPED:
            skipped[str(reason or "unknown")] = skipped.get(str(reason or "unknown"), 0) + number
        else:
            by_state[state] = by_state.get(state, 0) + number
    bounced, complained = _came_back(session, issue_id)
    underway = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.DATA_STARTED)
    return Statement(
        issue_id=issue_id,
        number=issue.number,
        list_name=issue.newsletter.name,
        state=issue.state,
        audience=issue.audience,
        rows=sum(number for _, _, number in counted),
        accepted=by_state.get(DeliveryState.ACCEPTED, 0),
        refused=by_state.get(DeliveryState.REFUSED, 0),
        deferred=by_state.get(DeliveryState.DEFERRED, 0),
        in_doubt=by_state.get(DeliveryState.IN_DOUBT, 0),
        pending=sum(by_state.get(state, 0) for state in underway),
        skipped=skipped,
        bounced=bounced,
        complained=complained,
        expanded=issue.expanded_at is not None,
    )


def _kept(issue: Issue) -> Statement:
    """The statement of an issue whose rows are gone: it was counted before they went."""
    figures = issue.figures or {}
    return Statement(
        issue_id=issue.id,
        number=issue.number,
        list_name=issue.newsletter.name,
        state=issue.state,
        audience=issue.audience,
        **{name: figures[name] for name in FIGURES},
        expanded=issue.expanded_at is not None,
    )


def tallies(session: Session, issue_id: int) -> dict[str, int]:
    """The same numbers from the batches' tallies: fast, for pages that are looked at often."""
    names = ("pending", "accepted", "deferred", "refused", "skipped", "in_doubt")
    kept = session.scalar(select(Issue.figures).where(Issue.id == issue_id))
    if kept is not None:
        skipped = sum(kept["skipped"].values())
        return {name: int(kept[name]) for name in names if name != "skipped"} | {"skipped": skipped}
    row = session.execute(
        select(*(func.coalesce(func.sum(getattr(Batch, name)), 0) for name in names)).where(
            Batch.issue_id == issue_id
        )
    ).one()
    return {name: int(number) for name, number in zip(names, row, strict=True)}


def _came_back(session: Session, issue_id: int) -> tuple[int, int]:
    """How many accepted copies bounced for good, and how many were complained about."""
    bounced, complained = session.execute(
        select(
            func.count(distinct(case((BounceEvent.kind != BounceKind.COMPLAINT, BounceEvent.n)))),
            func.count(distinct(case((BounceEvent.kind == BounceKind.COMPLAINT, BounceEvent.n)))),
        )
        .join(Delivery, (Delivery.issue_id == BounceEvent.issue_id) & (Delivery.n == BounceEvent.n))
        .where(
            BounceEvent.issue_id == issue_id,
            BounceEvent.final.is_(True),
            Delivery.state == DeliveryState.ACCEPTED,
        )
    ).one()
    return int(bounced), int(complained)
