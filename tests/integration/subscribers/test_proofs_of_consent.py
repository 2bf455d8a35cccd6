"""Proofs of consent: kept as they were, complete, and never changed, on both databases."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DatabaseError

import newsletter_service
from newsletter_service.extensions import db
from newsletter_service.models import ConsentEvent, LegalBasis, Notice, Wording, writing
from newsletter_service.subscribers import legal_basis, opt_in, opt_out, receipts
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.opt_out import Scope
from newsletter_service.subscribers.wordings import Words
from tests.integration.subscribers.parken import NOW, Desk

ANNA = "anna@example.org"
PRIVACY = Words("privacy", "sv", "Så behandlar vi dina personuppgifter.")
FORM = Words("form", "sv", f"Vi skickar Nytt till dig.\nSå behandlar vi (sha256 {PRIVACY.digest})")
ASKED = RequestContext(
    ip="192.0.2.7", user_agent="Firefox", form="https://park.test/", words=(FORM, PRIVACY)
)
PRESSED = RequestContext(
    ip="192.0.2.8", user_agent="Chrome", channel="mail", words=(Words("confirm", "sv", "Bekräfta"),)
)
HOUR = timedelta(hours=1)


def chain(desk: Desk) -> None:
    """Anna signs up, confirms by a mail that the relay took, and leaves."""
    opt_in.subscribe("nytt", " Anna@Example.org", "sv", ASKED, NOW)
    raw = desk.link()
    with writing() as session:
        session.execute(
            update(Notice).values(state="accepted", code=250, reply="2.0.0 queued as 4711")
        )
    opt_in.confirm(raw, "sv", PRESSED, NOW + HOUR)
    opt_out.unsubscribe(
        desk.leave_token(ANNA), Scope.LIST, RequestContext(channel="one-click"), NOW + 2 * HOUR
    )


def test_r_5_12_the_receipt_shows_the_whole_chain_with_the_words_as_shown(desk: Desk) -> None:
    chain(desk)
    told = receipts.receipt(desk.subscription(ANNA).subscriber_id, NOW + 3 * HOUR)
    assert told is not None
    [subscription] = told["subscriptions"]
    asked, confirmed, left = subscription["events"]
    assert (asked["kind"], asked["address_as_typed"], asked["ip"], asked["user_agent"]) == (
        "requested",
        "Anna@example.org",
        "192.0.2.7",
        "Firefox",
    )
    assert (asked["form"], asked["locale"]) == ("https://park.test/", "sv")
    assert told["texts"][asked["wording"]]["text"] == FORM.text
    assert told["texts"][PRIVACY.digest]["text"] == PRIVACY.text
    assert (confirmed["kind"], confirmed["ip"], confirmed["at"]) == (
        "confirmed",
        "192.0.2.8",
        (NOW + HOUR).isoformat(),
    )
    assert confirmed["detail"]["mail"].startswith("<")
    assert confirmed["detail"]["mail_reply"] == "250 2.0.0 queued as 4711"
    assert told["texts"][confirmed["wording"]]["text"] == "Bekräfta"
    assert (left["kind"], left["channel"], left["detail"]) == (
        "withdrawn",
        "one-click",
        {"issue_id": 7},
    )
    assert subscription["legal_basis"] == "consent"


def test_a_text_is_kept_once_for_all_who_saw_it(desk: Desk) -> None:
    for n in range(3):
        opt_in.subscribe("nytt", f"a{n}@example.org", "sv", ASKED, NOW + n * HOUR)
    kept = {each.digest: each.first_at for each in db.session.scalars(select(Wording))}
    assert kept == {FORM.digest: NOW, PRIVACY.digest: NOW}


CHANGES = (
    "SET kind = 'confirmed'",
    "SET address_as_typed = 'x@example.org'",
    "SET wording = ''",
    "SET detail = '{\"x\": 1}'",
    "SET ip = '192.0.2.99'",
    "SET subscriber_id = subscriber_id + 1",
)


def test_the_database_itself_refuses_to_change_a_proof(desk: Desk) -> None:
    opt_in.subscribe("nytt", ANNA, "sv", ASKED, NOW)
    for change in CHANGES:
        with pytest.raises(DatabaseError, match="never changed"), writing() as session:
            session.execute(text(f"UPDATE consent_event {change}"))


def test_only_erasure_and_retention_delete_proofs() -> None:
    package = Path(newsletter_service.__file__).parent
    deleting = re.compile(r"(?:delete|erase)\((?:session, )?(?:ConsentEvent|model)\b|FROM consent")
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if "ConsentEvent" in path.read_text() and deleting.search(path.read_text())
    }
    assert found == {"subscribers/privacy.py", "operations/forget_readers.py"}


def test_what_retention_takes_away_may_be_taken(desk: Desk) -> None:
    opt_in.subscribe("nytt", ANNA, "sv", ASKED, NOW)
    with writing() as session:
        session.execute(text("UPDATE consent_event SET ip = '', user_agent = ''"))
    assert db.session.scalars(select(ConsentEvent)).one().ip == ""


def test_a_legal_basis_is_changed_with_evidence_and_leaves_a_proof(desk: Desk) -> None:
    opt_in.subscribe("nytt", ANNA, "sv", ASKED, NOW)
    opt_in.confirm(desk.link(), "sv", PRESSED, NOW)
    subscription_id = desk.subscription(ANNA).id
    with pytest.raises(legal_basis.NoEvidence):
        legal_basis.change(
            subscription_id, LegalBasis.LEGAL_PERSON, " ", actor="ada@staff.test", now=NOW
        )
    legal_basis.change(
        subscription_id, LegalBasis.EXISTING_CUSTOMER, "order 4711", actor="ada", now=NOW
    )
    assert legal_basis.counts(db.session()) == {"existing_customer": 1}
    event = db.session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc())).first()
    assert event is not None
    assert event.detail == {
        "legal_basis": "existing_customer",
        "was": "consent",
        "evidence": "order 4711",
    }
