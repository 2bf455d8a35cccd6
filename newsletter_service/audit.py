"""Who did what to what: append-only, in the transaction of the act itself."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from newsletter_service.models import AuditEvent


def record(session: Session, actor: str, act: str, subject: str = "", **detail: object) -> None:
    """Note an act inside a `writing()`.

    `actor` is a person's e-mail or a process ("command line", "scheduler"); `act` a stable
    name ("person.disabled"); `subject` names a row ("issue:12"). `detail` is JSON, without
    readers' addresses (P10).
    """
    session.add(
        AuditEvent(
            at=datetime.now(UTC),
            actor=actor[:254],
            act=act,
            subject=subject,
            detail=dict(detail),
        )
    )
