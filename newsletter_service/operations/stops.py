"""The kill switch, and queues that are paused: state in SQL, so that no flush of Redis undoes it.

A stop takes effect at the next gate of every worker on every machine; nothing is lost by it.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, insert, select

from newsletter_service import audit, queue
from newsletter_service.delivery import claims
from newsletter_service.extensions import db
from newsletter_service.models import EVERYTHING, Hold, changed, queue_hold, writing

NUDGES = {"send": "delivery.turn", "confirm": "notices.send"}


def stop_everything(actor: str, reason: str, now: datetime) -> bool:
    """Let no mail leave, neither issues nor confirmations; whether any could before."""
    return _hold(EVERYTHING, "sending.stopped", actor, reason, now)


def go_on(actor: str) -> bool:
    """Let mail leave again; whether it was stopped."""
    return _let_go(EVERYTHING, "sending.resumed", actor, NUDGES.values())


def pause_queue(name: str, actor: str, reason: str, now: datetime) -> bool:
    """Leave a queue's work undone until it is resumed; whether it was worked off before."""
    return _hold(queue_hold(name), "queue.paused", actor, reason, now)


def resume_queue(name: str, actor: str) -> bool:
    """Work a queue off again; whether it was paused."""
    wanted = [NUDGES[name]] if name in NUDGES else []
    return _let_go(queue_hold(name), "queue.resumed", actor, wanted)


def holds() -> dict[str, Hold]:
    """Everything that is stopped now, by what it is."""
    return {hold.what: hold for hold in db.session.scalars(select(Hold).order_by(Hold.what))}


def is_paused(queue_name: str) -> bool:
    """Whether a queue's work waits for somebody."""
    found = select(Hold.what).where(Hold.what == queue_hold(queue_name))
    with db.engine.connect() as connection:
        return connection.execute(found).first() is not None


def _hold(what: str, act: str, actor: str, reason: str, now: datetime) -> bool:
    with writing() as session:
        if session.get(Hold, what, with_for_update=True) is not None:
            return False
        values = {"what": what, "at": now, "actor": actor[:254], "reason": reason[:300]}
        session.execute(insert(Hold).values(values))
        audit.record(session, actor, act, what, reason=reason)
        return True


def _let_go(what: str, act: str, actor: str, nudges: Iterable[str]) -> bool:
    with writing() as session:
        gone = changed(session, delete(Hold).where(Hold.what == what)) == 1
        if gone:
            audit.record(session, actor, act, what)
            claims.let_batches_go(session)
            for name in nudges:
                queue.nudge(name)
        return gone
