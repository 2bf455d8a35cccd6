"""The proof of consent: what is remembered of a request, and its append-only events (R 5.12)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service.models import ConsentEvent, ConsentKind, Subscription
from newsletter_service.subscribers import wordings
from newsletter_service.subscribers.wordings import Words

ONE_REQUEST_PER = timedelta(hours=24)


@dataclass(frozen=True)
class RequestContext:
    """Where a wish came from; `wording` names the version of the text the person saw.

    `asked_at` is when it was said, where it is written down later.

    `words` are the texts themselves where the door has them: they are kept with the event, and
    the first is its wording.
    """

    ip: str = ""
    user_agent: str = ""
    form: str = ""
    wording: str = ""
    channel: str = "form"
    asked_at: datetime | None = None
    words: tuple[Words, ...] = ()

    @property
    def shown(self) -> str:
        """The version of the text that was agreed to."""
        return self.words[0].digest if self.words else self.wording


@dataclass(frozen=True)
class Act:
    """One act of a person: in which language, from where, when."""

    locale: str
    context: RequestContext
    now: datetime


def record(
    session: Session, subscription: Subscription, kind: ConsentKind, act: Act, **detail: object
) -> None:
    """Append one proof about a subscription."""
    wordings.keep(session, act.context.words, act.now)
    session.add(_event(subscription, kind, act, detail=detail))


def record_request(
    session: Session, subscription: Subscription, act: Act, address_as_typed: str
) -> None:
    """Append the proof of a request; a flood of them on one day adds one row only."""
    wordings.keep(session, act.context.words, act.now)
    earlier = session.scalar(
        select(ConsentEvent.id)
        .where(
            ConsentEvent.subscription_id == subscription.id,
            ConsentEvent.kind == ConsentKind.REQUESTED,
            ConsentEvent.at > act.now - ONE_REQUEST_PER,
        )
        .limit(1)
    )
    if earlier is None:
        session.add(
            _event(subscription, ConsentKind.REQUESTED, act, address_as_typed=address_as_typed)
        )


def _event(subscription: Subscription, kind: ConsentKind, act: Act, **fields: Any) -> ConsentEvent:
    return ConsentEvent(
        subscriber_id=subscription.subscriber_id,
        subscription_id=subscription.id,
        kind=kind,
        at=act.context.asked_at or act.now,
        channel=act.context.channel,
        ip=act.context.ip[:45],
        user_agent=act.context.user_agent[:300],
        form=act.context.form[:500],
        wording=act.context.shown[:64],
        locale=act.locale,
        **fields,
    )
