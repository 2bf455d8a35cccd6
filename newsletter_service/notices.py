"""Asking for a notice: one mail to one person outside an issue. `delivery.notices` sends it.

The row is the outbox. It is unique by kind, subject and purpose key, so that asking twice for
the same mail, from two processes at once, gives one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from newsletter_service import settings as settings_module
from newsletter_service.address import address_key, parse
from newsletter_service.models import DeliveryState, Notice, Person
from newsletter_service.models.upsert import insert_new
from newsletter_service.queue import nudge
from newsletter_service.tokens import seal


def ask(  # noqa: PLR0913 - named columns of one row
    session: Session,
    kind: str,
    *,
    subject: str,
    purpose_key: str,
    address: str,
    locale: str,
    now: datetime,
    expires_at: datetime,
    values: dict[str, Any] | None = None,
    list_id: int | None = None,
    secret: str | None = None,
    to_staff: bool = False,
) -> Notice | None:
    """Have a mail sent after the commit; None when this very one was asked for before.

    `kind` is a folder of templates/email, `secret` the raw token of its link, kept encrypted
    until the mail has gone. Raises `InvalidAddress`.
    """
    settings = settings_module.current()
    to = parse(address)
    nudge("notices.send")
    made = session.execute(
        insert_new(session, Notice)
        .values(
            kind=kind,
            subject=subject,
            purpose_key=purpose_key,
            address=to.envelope,
            address_key=address_key(to.normalised, settings.address_key),
            locale=locale,
            list_id=list_id,
            values=values or {},
            sealed=seal(settings.secret_key, secret) if secret is not None else None,
            to_staff=to_staff,
            created_at=now,
            expires_at=expires_at,
            state=DeliveryState.PENDING,
        )
        .returning(Notice.__table__.c.id)
    ).scalar_one_or_none()
    return None if made is None else session.get(Notice, made)


def tell(  # noqa: PLR0913 - named columns of one row
    session: Session,
    kind: str,
    person: Person,
    *,
    subject: str,
    key: str,
    now: datetime,
    expires_at: datetime,
    values: Mapping[str, Any],
    list_id: int | None = None,
    secret: str | None = None,
) -> bool:
    """Have somebody of the staff told, once by subject and key; whether it is news to them."""
    made = ask(
        session,
        kind,
        subject=subject,
        purpose_key=f"{key}:{person.id}",
        address=person.email,
        locale=person.locale or "sv",
        now=now,
        expires_at=expires_at,
        values=dict(values),
        list_id=list_id,
        secret=secret,
        to_staff=True,
    )
    return made is not None
