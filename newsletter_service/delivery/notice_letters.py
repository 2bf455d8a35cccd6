"""A notice's row becomes its mail: which letter, whose name, which links."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import tokens
from newsletter_service.delivery.engine import SendingEngine
from newsletter_service.delivery.letters import domain_of, for_envelope
from newsletter_service.issues import compose, seen_by
from newsletter_service.mail import headers, letter, merge_fields, return_path
from newsletter_service.mail.fixed_headers import FixedHeaders
from newsletter_service.mail.message import Prepared, Reader
from newsletter_service.mail.reader_links import Links
from newsletter_service.mail.smtp.relay_url import RelayUrl
from newsletter_service.models import (
    Issue,
    NewsletterList,
    Notice,
    Organisation,
    Subscriber,
    Subscription,
)
from newsletter_service.settings import Settings

TEST = "test"
PREPARED_KEPT = 64

_prepared: dict[str, Prepared] = {}


@dataclass(frozen=True)
class Mail:
    """A notice ready to leave."""

    notice_id: int
    epoch: int
    tries: int
    kind: str
    to_staff: bool
    address: str
    address_key: bytes
    sender: str
    dated_ms: int
    data: bytes


def make(
    session: Session, engine: SendingEngine, notice: Notice, now_ms: int, relay: RelayUrl | None
) -> Mail:
    """Render a notice, signed as the relay wants it; the Date is kept, so that every try through
    a relay has the same bytes (P4). Raises `DkimKeyError` besides what rendering raises.
    """
    dated_ms = notice.dated_ms or now_ms
    token = tokens.notice_token(engine.keys, notice.id, purpose=tokens.MESSAGE_ID)
    prepared, domain = _prepare(session, engine.settings, notice)
    keys = engine.dkim.signing(domain) if relay is not None and relay.signed else ()
    data = prepared.message(
        Reader(
            to=for_envelope(notice.address),
            date=datetime.fromtimestamp(dated_ms // 1000, UTC),
            message_id=headers.message_id(token, engine.settings.bounce_domain),
            values=_personal(session, engine, notice)
            | merge_fields.values(prepared.fields, _answers(session, notice)),
        ),
        prepared.seal(keys, relay.unsigned) if keys and relay is not None else None,
    )
    return Mail(
        notice_id=notice.id,
        epoch=notice.epoch,
        tries=notice.tries,
        kind=notice.kind,
        to_staff=notice.to_staff,
        address=notice.address,
        address_key=notice.address_key,
        sender=return_path.address(
            tokens.notice_token(engine.keys, notice.id), engine.settings.bounce_domain
        ),
        dated_ms=dated_ms,
        data=data,
    )


def _prepare(session: Session, settings: Settings, notice: Notice) -> tuple[Prepared, str]:
    """The letter without what is personal, and its sender's domain; the last few are kept."""
    if notice.kind == TEST:
        return _test_letter(session, settings, notice)
    newsletter = session.get(NewsletterList, notice.list_id) if notice.list_id else None
    organisation = session.get(Organisation, 1)
    values = compose.frame(organisation, newsletter, notice.locale, settings) | notice.values
    sender = _sender(session, organisation, newsletter, settings)
    key = json.dumps([notice.kind, notice.locale, values, sender], sort_keys=True, default=str)
    if key not in _prepared:
        while len(_prepared) >= PREPARED_KEPT:
            _prepared.pop(next(iter(_prepared)))
        _prepared[key] = Prepared.of(
            letter.render(notice.kind, values, notice.locale),
            FixedHeaders(
                *sender,
                precedence_bulk=False,
                auto_submitted=True,
                reference_header=settings.reference_header or None,
            ),
        )
    return _prepared[key], sender[1].rpartition("@")[2]


def _test_letter(session: Session, settings: Settings, notice: Notice) -> tuple[Prepared, str]:
    """A draft as its readers would get it, marked as a test in the subject."""
    issue = session.get_one(Issue, int(notice.values["issue_id"]))
    day = date.fromisoformat(notice.values["day"]) if "day" in notice.values else None
    made = compose.letter(
        session, issue, notice.locale, day=day, subject_prefix="[Test] ", settings=settings
    )
    fixed = compose.fixed_headers(session, issue, notice.locale, settings)
    return Prepared.of(made, fixed), domain_of(fixed)


def _sender(
    session: Session,
    organisation: Organisation | None,
    newsletter: NewsletterList | None,
    settings: Settings,
) -> tuple[str, str]:
    """In whose name: the list's, or for staff mail the first list's, or the service's own."""
    own = newsletter or session.scalars(select(NewsletterList).order_by(NewsletterList.id)).first()
    if own is not None:
        return own.sender_name, compose.ascii_address(own.sender_address)
    name = organisation.name if organisation else "Newsletter"
    return name, f"newsletter@{settings.bounce_domain}"


def _personal(session: Session, engine: SendingEngine, notice: Notice) -> dict[str, str]:
    """Everything a slot may ask for; a link's secret is opened only here."""
    base = engine.settings.base_url
    values = {"address": notice.address}
    if notice.sealed is not None:
        raw = tokens.unseal(engine.settings.secret_key, notice.sealed)
        swedish = notice.locale == "sv"
        confirm, block = ("bekrafta", "sparra") if swedish else ("confirm", "block")
        values |= {
            "confirm_url": f"{base}/{confirm}/{raw}",
            "block_url": f"{base}/{block}/{raw}",
            "choices_url": f"{base}/{'mina-val' if swedish else 'my-choices'}/{raw}",
            "new_address_url": f"{base}/{'ny-adress' if swedish else 'new-address'}/{raw}",
            "login_url": f"{base}/desk/logga-in/{raw}",
            "invitation_url": f"{base}/desk/logga-in/{raw}",
        }
    handle, links = _handle(session, notice), Links(engine.settings.base_url, engine.keys)
    if handle is not None:
        values |= links.to(handle, notice.values.get("issue_id"), notice.locale)
    elif notice.kind == TEST:
        # A test shows the real thing; its links lead nowhere, so nobody unsubscribes by it.
        values |= links.to(bytes(16), None, notice.locale)
    return values


def _answers(session: Session, notice: Notice) -> dict[str, str]:
    """What a test says of the reader it was asked for; nothing of anybody in other mails."""
    if notice.kind != TEST or not notice.values.get("as_reader"):
        return {}
    issue = session.get_one(Issue, int(notice.values["issue_id"]))
    return seen_by.answers(session, issue, notice.locale, int(notice.values["as_reader"]))


def _handle(session: Session, notice: Notice) -> bytes | None:
    if notice.list_id is None or notice.kind == TEST:
        return None
    return session.scalar(
        select(Subscription.handle)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscriber.address_key == notice.address_key, Subscription.list_id == notice.list_id)
    )
