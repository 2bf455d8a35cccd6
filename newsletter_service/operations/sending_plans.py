"""What operators settle ahead: send windows of relays and lists, and warm-up plans."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter_service import audit, queue
from newsletter_service import settings as settings_module
from newsletter_service.delivery import claims, warm_up
from newsletter_service.models import NewsletterList, Relay, WarmUp, changed, writing
from newsletter_service.operations import relay_desk
from newsletter_service.send_windows import SendWindow

MOST_DAYS = 120


class NotPossible(ValueError):
    """This plan cannot be; says why."""


def set_relay_window(name: str, window: SendWindow | None, actor: str) -> None:
    """Let issues leave through a relay at these times only; None is always.

    Confirmations leave at any time. Raises `NoSuchRelay`.
    """
    with writing() as session:
        relay_id = relay_desk.id_of(name)
        stored = window.stored() if window else {}
        session.execute(update(Relay).where(Relay.id == relay_id).values(send_window=stored))
        _note(session, actor, "relay.window", f"relay:{relay_id}", window)


def set_list_window(list_id: int, window: SendWindow | None, actor: str) -> None:
    """Let a list's issues leave at these times only; None is always."""
    with writing() as session:
        listed = session.get_one(NewsletterList, list_id, with_for_update=True)
        kept = {key: value for key, value in listed.settings.items() if key != "send_window"}
        listed.settings = kept | ({"send_window": window.stored()} if window else {})
        _note(session, actor, "list.window", f"list:{list_id}", window)


def warm_up_of(name: str) -> str:
    """What a plan is for: a relay by its name, or `domain:example.org`.

    Raises `NoSuchRelay` and `NotPossible`.
    """
    if not name.startswith(warm_up.DOMAIN):
        return f"relay:{relay_desk.id_of(name)}"
    domain = name.removeprefix(warm_up.DOMAIN).strip().lower()
    if not domain or "@" in domain or "." not in domain:
        raise NotPossible(f"{name!r} is not a sender's domain, as domain:example.org is.")
    return warm_up.DOMAIN + domain


def begin_warm_up(name: str, per_day: Sequence[int], actor: str, now: datetime) -> None:
    """So many mails of issues a day from today on, and no limit after the last day.

    Raises `NoSuchRelay` and `NotPossible`.
    """
    what = warm_up_of(name)
    if not 1 <= len(per_day) <= MOST_DAYS or min(per_day) < 1:
        raise NotPossible(f"A plan has 1 to {MOST_DAYS} days with at least one mail each.")
    today = now.astimezone(ZoneInfo(settings_module.current().timezone)).date()
    with writing() as session:
        session.execute(delete(WarmUp).where(WarmUp.what == what))
        session.add(WarmUp(what=what, first_day=today, per_day=list(per_day), day=None, taken=0))
        audit.record(session, actor, "warm_up.begun", what, per_day=list(per_day))


def end_warm_up(name: str, actor: str) -> bool:
    """Send without a plan again; whether there was one. Raises as `warm_up_of`."""
    what = warm_up_of(name)
    with writing() as session:
        ended = changed(session, delete(WarmUp).where(WarmUp.what == what)) == 1
        if ended:
            audit.record(session, actor, "warm_up.ended", what)
            _go_on(session)
        return ended


def plans(session: Session) -> dict[str, WarmUp]:
    """Every plan, by what it is for."""
    return {plan.what: plan for plan in session.scalars(select(WarmUp).order_by(WarmUp.what))}


def _note(session: Session, actor: str, act: str, about: str, window: SendWindow | None) -> None:
    audit.record(session, actor, act, about, window=str(window) if window else "")
    _go_on(session)


def _go_on(session: Session) -> None:
    claims.let_batches_go(session)
    queue.nudge("delivery.turn")
