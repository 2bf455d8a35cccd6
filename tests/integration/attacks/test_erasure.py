"""Whatever is kept about a reader is found by `export` and forgotten by `erase`.

The schema is walked: a new column that may lead to a person must be thought of here first.
"""

import json
import re
from datetime import UTC, datetime

from sqlalchemy import LargeBinary, select

from newsletter_service.extensions import Base, db
from newsletter_service.models import (
    AddressChange,
    BounceEvent,
    BounceMessage,
    Delivery,
    Notice,
    PersonalValue,
    ProviderEvent,
    Subscriber,
    Subscription,
    SuppressionReason,
    Token,
    writing,
)
from newsletter_service.subscribers import opt_in, privacy, sign_ups
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.sign_ups import Asked
from newsletter_service.suppression import suppress
from tests.integration.attacks.town import Town, dump

LEADS_TO_A_PERSON = re.compile(
    r"address|email|subscriber|subscription|recipient|person|digest|handle|evidence|reply|raw"
    r"|envelope|\bip\b|user_agent|actor|_by$|fields$|subject|note_|sealed|values|detail|payload"
)

# What becomes of each when a reader is erased.
FORGOTTEN = {
    "subscriber": {"address", "address_key", "fields"},
    "subscription": {"subscriber_id", "handle", "basis_evidence"},
    "field_value": {"subscription_id"},
    "personal_value": {"subscription_id"},
    "address_change": {"subscriber_id", "address", "address_key"},
    "consent_event": {
        *("subscriber_id", "subscription_id", "address_as_typed", "ip", "user_agent", "detail"),
    },
    "sign_up": {"address", "address_key", "ip", "user_agent"},
    "notice": {"address", "address_key", "subject", "sealed", "values", "reply"},
    "bounce_event": {"address_key", "subscriber_id", "evidence"},
    "bounce_message": {"digest", "raw", "envelope_to"},
    "provider_event": {"payload"},
    "token": {"digest", "subject_id"},
    "delivery": {"reply"},
    "suppression": {"evidence"},
}
# What stays, and why that is no person any more, or never was a reader.
STAYS = {
    "suppression": {
        "address_key": "so that no import brings them back",
        "released_by": "staff",
    },
    "delivery": {"subscriber_id": "a number that is never given out again"},
    "organisation": {
        "contact_email": "the sender's own",
        "postal_address": "the sender's own",
        "live_by": "staff",
    },
    "wording": {"digest": "what a text says, the same for all who saw it"},
    "list": {"sender_address": "the sender's own", "reply_to": "the sender's own"},
    "issue": {
        "created_by": "staff",
        "approved_by": "staff",
        "released_by": "staff",
        "skipped_by": "numbers",
    },
    "issue_text": {"subject": "what the letter is about"},
    "edition": {"subject": "what the letter is about"},
    "person": {"email": "staff"},
    "login_session": {"person_id": "staff", "digest": "staff"},
    "audit_event": {
        "actor": "staff",
        "subject": "a number that is never given out again",
        "detail": "without readers' addresses (P10)",
    },
    "segment": {"created_by": "staff"},
    "let_stand": {"actor": "staff"},
    "comment": {"actor": "staff", "settled_by": "staff"},
    "review": {"actor": "staff"},
    "reader_import": {
        "digest": "of a whole file",
        "evidence": "staff's words on all of its readers",
        "actor": "staff",
    },
    "import_part": {"body": "removed a day after the import"},
    "stored_file": {"created_by": "staff"},
    "remote_picture": {"url_key": "of a picture's address"},
    "stored_bytes": {"body": "pictures of the organisation's"},
    "site_probe": {"asked_by": "staff"},
    "bounce_rule": {"proposed_by": "staff", "switched_on_by": "staff"},
    "bounce_wave": {"decided_by": "staff"},
    "hold": {"actor": "staff"},
    "form_site": {"added_by": "staff"},
    "sign_up_form": {"saved_by": "staff"},
    "spent_proof": {"digest": "of a task's random numbers"},
    "journal_entry": {"address_key": "so that no restored backup brings them back"},
    "provider_certificate": {"pem": "the provider's own"},
}


def test_every_column_that_leads_to_a_person_has_been_thought_of() -> None:
    unhandled = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if LEADS_TO_A_PERSON.search(column.name) or isinstance(column.type, LargeBinary)
        if column.name not in FORGOTTEN.get(table.name, set()) | STAYS.get(table.name, {}).keys()
    ]
    assert unhandled == [], "say in privacy.erase, and here, what becomes of them"


def test_nothing_is_named_here_that_no_longer_exists() -> None:
    tables = Base.metadata.tables
    for name, columns in [*FORGOTTEN.items(), *STAYS.items()]:
        assert set(columns) <= set(tables[name].columns.keys()), name


ANNA = "anna.unmistakable@reader.test"


def _everywhere(town: Town) -> bytes:
    """Put Anna wherever a reader can stand; returns her key."""
    now, context = datetime.now(UTC), RequestContext(ip="2001:db8::7", user_agent="Annas")
    opt_in.subscribe("nytt", ANNA, "sv", context, now)
    sign_ups.ask(ANNA, Asked("nytt", "sv", context, "2001:db8::/64"), now)
    with writing() as session:
        anna = session.scalars(select(Subscriber).where(Subscriber.address == ANNA)).one()
        key, anna_id = anna.address_key, anna.id
        anna.fields = {"name": "Anna Unmistakable"}
        message = BounceMessage(
            digest=b"2" * 32,
            raw=f"Final-Recipient: rfc822; {ANNA}".encode(),
            source="listener",
            received_at=now,
        )
        session.add(message)
        session.flush()
        common = {"reason": "userunknown", "source": "listener", "kind": "hard", "at": now}
        session.add(
            BounceEvent(
                address_key=key,
                subscriber_id=anna_id,
                message_id=message.id,
                evidence=f"550 {ANNA}",
                **common,
            )
        )
        session.add(
            BounceMessage(
                digest=b"3" * 32,
                raw=f"To: <{ANNA.upper()}>".encode(),
                source="mailbox",
                state="unmatched",
                received_at=now,
            )
        )
        session.add(
            ProviderEvent(
                provider="brevo",
                event_key="1",
                payload=json.dumps({"email": ANNA}),
                state="unmatched",
                received_at=now,
            )
        )
        session.add(
            Delivery(
                issue_id=town.sent_id,
                n=9000,
                subscriber_id=anna_id,
                locale="sv",
                state="refused",
                code=550,
                reply=f"550 5.1.1 <{ANNA}> does not exist",
            )
        )
        suppress(
            session,
            key,
            reason=SuppressionReason.HARD_BOUNCE,
            source="listener",
            evidence=f"550 {ANNA}",
            now=now,
        )
        session.add(
            PersonalValue(
                issue_id=town.sent_id,
                n=9000,
                key="namn",
                subscription_id=select(Subscription.id)
                .where(Subscription.subscriber_id == anna_id)
                .scalar_subquery(),
                value="Anna Unmistakable",
            )
        )
        session.add(
            AddressChange(
                subscriber_id=anna_id, address=f"new.{ANNA}", address_key=b"4" * 32, created_at=now
            )
        )
    return key


def test_erasing_leaves_nothing_that_names_the_reader(town: Town) -> None:
    key = _everywhere(town)
    handle = db.session.scalars(
        select(Subscription.handle).join(Subscriber).where(Subscriber.address_key == key)
    ).one()
    db.session.rollback()
    assert privacy.erase(ANNA, "admin@staff.test", datetime.now(UTC))
    left = {name: [row for row in rows if _names_her(row)] for name, rows in dump().items()}
    assert {name: rows for name, rows in left.items() if rows} == {}
    with_key = {name for name, rows in dump().items() if any(key in row for row in rows)}
    assert with_key == {"suppression", "journal_entry"}
    assert not any(handle in row for rows in dump().values() for row in rows)
    assert db.session.scalars(select(Notice).where(Notice.address_key == key)).all() == []
    assert len(db.session.scalars(select(Token)).all()) == 2  # another reader's, a colleague's


def _names_her(row: tuple[object, ...]) -> bool:
    return "unmistakable" in repr(row).lower() or "2001:db8::7" in repr(row)


# Under which name a table's rows about a person are told.
TOLD = {
    "subscriber": "subscriber",
    "subscription": "subscriptions",
    "consent_event": "consent",
    "field_value": "answers",
    "personal_value": "personal_values",
    "address_change": "address_changes",
    "delivery": "deliveries",
    "notice": "notices",
    "bounce_event": "bounces",
    "suppression": "suppressions",
    "provider_event": "provider_events",
    "sign_up": "sign_ups",
}
NOT_TOLD = {
    "token": "hashes of links, which say nothing",
    "bounce_message": "what other servers wrote; what was read in it is told as bounces",
}


def test_r_5_8_no_table_about_a_person_is_left_out_of_the_export() -> None:
    assert TOLD.keys() | NOT_TOLD.keys() == FORGOTTEN.keys()
    assert not TOLD.keys() & NOT_TOLD.keys()


def test_an_export_holds_what_is_kept_and_no_key(town: Town) -> None:
    key = _everywhere(town)
    told = privacy.export(ANNA)
    assert told.keys() - {"address"} == set(TOLD.values())
    for part in told.keys() - {"answers"}:  # those are told in test_privacy
        assert told[part], part
    assert key.hex() not in repr(told)
    assert repr(key) not in repr(told)


def test_a_stranger_is_erased_without_a_trace_but_the_key(town: Town) -> None:
    assert not privacy.erase("never@reader.test", "admin@staff.test", datetime.now(UTC))
    assert not any("never@" in repr(row) for rows in dump().values() for row in rows)
    assert town.issue_id
