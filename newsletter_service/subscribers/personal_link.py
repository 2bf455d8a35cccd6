"""The link to a reader's own page, mailed to the address: proof that it is them, for an hour.

A link in a letter may have been sent on, so that it only takes away. Whoever wants to change the
address, take a copy or be erased asks for this one, and the mailbox answers for them.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service import notices
from newsletter_service.address import parse
from newsletter_service.extensions import db
from newsletter_service.models import Notice, Subscriber, Token, TokenPurpose, writing
from newsletter_service.queue import nudge
from newsletter_service.subscribers import opt_out
from newsletter_service.subscribers.readers import by_handle, key_of, link_keys
from newsletter_service.tokens import digest_of, new_secret, read_preferences, read_unsubscribe

KIND = "personal_link"
LIVES = timedelta(hours=1)
MOST, IN = 3, timedelta(hours=24)


def ask(address_text: str, now: datetime) -> None:
    """Mail a link to the address if it is a reader's; what becomes of it is never told here.

    Raises `InvalidAddress`.
    """
    key = key_of(parse(address_text))
    with writing() as session:
        nudge("notices.send")
        reader = session.scalars(
            select(Subscriber).where(Subscriber.address_key == key).with_for_update(key_share=True)
        ).one_or_none()
        if reader is not None:
            _send(session, reader, now)


def ask_by_letter(token: str, now: datetime) -> None:
    """Mail a link to whoever got the letter that this link stood in. Raises `BadToken`."""
    _ask_for(read_preferences(link_keys(), token), now)


def ask_to_undo(token: str, now: datetime) -> None:
    """The same by the link for leaving, for those who left within a day. Raises `BadToken`."""
    handle = read_unsubscribe(link_keys(), token).handle
    named = by_handle(db.session(), handle)
    wanted = named is not None and opt_out.may_undo(named, now)
    db.session.rollback()
    if wanted:
        _ask_for(handle, now)


def _ask_for(handle: bytes, now: datetime) -> None:
    with writing() as session:
        nudge("notices.send")
        named = by_handle(session, handle)
        if named is not None:
            reader = session.get_one(
                Subscriber, named.subscriber_id, with_for_update={"key_share": True}
            )
            _send(session, reader, now)


def whose(session: Session, raw: str, now: datetime, *, lock: bool = False) -> Subscriber | None:
    """The reader whose mailed link this is; None when it is too old or nobody's."""
    token = session.scalars(
        select(Token).where(
            Token.digest == digest_of(raw),
            Token.purpose == TokenPurpose.CHOICES,
            Token.expires_at > now,
        )
    ).one_or_none()
    if token is None:
        return None
    share = {"key_share": True} if lock else None
    return session.get(Subscriber, token.subject_id, with_for_update=share)


def _send(session: Session, reader: Subscriber, now: datetime) -> None:
    subject = reader.address_key.hex()
    asked, last = session.execute(
        select(func.count(), func.max(Notice.id)).where(
            Notice.kind == KIND, Notice.subject == subject, Notice.created_at > now - IN
        )
    ).one()
    if asked >= MOST:
        return
    secret = new_secret()
    sent = notices.ask(
        session,
        KIND,
        subject=subject,
        purpose_key=f"after:{last or 0}:{now.date().isoformat()}",
        address=reader.address,
        locale=reader.locale,
        now=now,
        expires_at=now + LIVES,
        secret=secret.raw,
    )
    if sent is not None:
        session.add(
            Token(
                digest=secret.digest,
                purpose=TokenPurpose.CHOICES,
                subject_id=reader.id,
                created_at=now,
                expires_at=now + LIVES,
            )
        )
