"""Sign-ups as rows: taken once, in the order of what speaks for them, whatever breaks."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import altcha
import pytest
from flask import Flask
from sqlalchemy import func, select, update

from newsletter_service.extensions import db
from newsletter_service.models import ConsentEvent, Lane, Notice, SignUp, Subscriber, writing
from newsletter_service.subscribers import lanes, mail_domains, proofs, sign_ups
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.lanes import Evidence
from newsletter_service.subscribers.sign_ups import Asked
from tests.dns_server import DnsServer
from tests.integration.subscribers.parken import Desk, parken

CONTEXT = RequestContext(ip="192.0.2.7", form="/prenumerera/nytt")
ANNA = "anna@example.org"


def at() -> datetime:
    return datetime.now(UTC)


def asked(network: str = "192.0.2.7", slug: str = "nytt", **more: Any) -> Asked:
    return Asked(slug, "sv", CONTEXT, network, **more)


def solved(effort: int = 1, slug: str = "nytt", now: datetime | None = None) -> str:
    """What a visitor's browser sends."""
    task = altcha.Challenge.from_dict(proofs.task(slug, effort, now or at()))
    solution = altcha.solve_challenge(task)
    assert solution is not None
    return altcha.Payload(task, solution).to_base64()


def lanes_of(address: str) -> list[Lane]:
    db.session.rollback()
    return list(db.session.scalars(select(SignUp.lane).where(SignUp.address == address)))


def waiting() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(SignUp)) or 0


def test_a_proven_sign_up_is_taken_at_once_and_only_once(app: Flask) -> None:
    now = at()
    proof = proofs.read(solved(), "nytt", now)
    assert proof is not None
    sign_ups.ask(ANNA, asked(proof=proof), now)
    assert lanes_of(ANNA) == [Lane.PROVEN]
    assert sign_ups.overdue(now)
    assert (sign_ups.take(now), sign_ups.take(now)) == (1, 0)
    assert len(Desk(app).notices("confirmation")) == 1
    assert not sign_ups.overdue(now)


def test_r_6_8_a_proof_opens_the_door_once(app: Flask) -> None:
    proof = proofs.read(solved(), "nytt", at())
    for address in (ANNA, "bo@example.org"):
        sign_ups.ask(address, asked(proof=proof), at())
    assert lanes_of(ANNA) == [Lane.PROVEN]
    assert lanes_of("bo@example.org") == [Lane.DOUBTED]


def test_r_6_8_a_proof_for_another_list_too_old_or_bent_is_none(app: Flask) -> None:
    assert app
    good = solved()
    assert proofs.read(good, "jobb", at()) is None
    assert proofs.read(good, "nytt", at() + timedelta(minutes=11)) is None
    payload = json.loads(base64.b64decode(good))
    for key, value in (("cost", 1), ("keyPrefix", ""), ("expiresAt", 2**40), ("data", {})):
        bent = json.loads(json.dumps(payload))
        bent["challenge"]["parameters"][key] = value
        assert (
            proofs.read(base64.b64encode(json.dumps(bent).encode()).decode(), "nytt", at()) is None
        )
    for text in ("", "x", "å", "{}", base64.b64encode(b"[" * 3000).decode(), good[:-9]):
        assert proofs.read(text, "nytt", at()) is None


def test_r_6_8_the_same_answer_spelled_otherwise_is_no_new_proof(app: Flask) -> None:
    assert app
    good = solved()
    again = base64.b64encode(json.dumps(json.loads(base64.b64decode(good)), indent=1).encode())
    first, second = proofs.read(good, "nytt", at()), proofs.read(again.decode(), "nytt", at())
    assert first is not None
    assert first == second


def test_the_proof_of_consent_says_when_the_visitor_asked_not_when_the_worker_came(
    app: Flask,
) -> None:
    assert app
    early = at() - timedelta(minutes=40)
    sign_ups.ask(ANNA, asked(), early)
    assert sign_ups.take(at()) == 1
    assert db.session.scalars(select(ConsentEvent)).one().at == early


def test_r_6_2_a_hundred_sign_ups_of_one_address_are_one_mail(app: Flask) -> None:
    for number in range(100):
        sign_ups.ask(ANNA, asked(f"network {number}", evidence=Evidence(known_site=True)), at())
    Desk(app).take()
    assert len(Desk(app).notices()) == 1
    assert waiting() == 0


def test_a_normal_visitor_is_served_at_once_in_the_middle_of_a_flood(app: Flask) -> None:
    """The flood: as many rows as ten thousand robots leave, all of them due."""
    now = at()
    sign_ups.ask("robot@example.org", asked(), now - timedelta(hours=3))
    with writing() as session:
        row = session.scalars(select(SignUp)).one()
        values = {c.name: getattr(row, c.name) for c in SignUp.__table__.columns if c.name != "id"}
        robots = [
            values | {"address": f"r{n}@example.org", "address_key": n.to_bytes(32)}
            for n in range(10_000)
        ]
        session.execute(SignUp.__table__.insert(), robots)
    sign_ups.ask(ANNA, asked("2001:db8::/64", proof=proofs.read(solved(), "nytt", now)), now)
    sign_ups.take(now)
    assert Desk(app).notices()[0].address == ANNA
    robots_pace = lanes.PACES[Lane.DOUBTED]
    assert len(Desk(app).notices()) == 1 + robots_pace.per_domain  # all of one domain
    assert waiting() > 9_900  # they wait, none is dropped


def test_a_domain_that_had_its_share_waits_and_others_do_not(app: Flask) -> None:
    for number in range(21):
        sign_ups.ask(f"victim{number}@example.org", asked(f"network {number}"), at())
    sign_ups.ask("anna@example.com", asked("another"), at())
    Desk(app).take()
    assert len(Desk(app).notices()) == 21
    assert waiting() == 1
    left = db.session.scalars(select(SignUp)).one()
    assert left.domain == "example.org"
    assert left.due_at > at() + timedelta(minutes=9)


def test_one_that_cannot_be_taken_stops_no_other_and_is_given_up_after_three_tries(
    app: Flask,
) -> None:
    sign_ups.ask("broken@example.org", asked("one"), at() - timedelta(hours=1))
    sign_ups.ask(ANNA, asked("two"), at())
    with writing() as session:
        broken = SignUp.address == "broken@example.org"
        session.execute(update(SignUp).where(broken).values(address="no address"))
    for hours in (1, 2, 3, 4):
        sign_ups.take(at() + timedelta(hours=hours))
    assert [notice.address for notice in Desk(app).notices()] == [ANNA]
    db.session.rollback()
    assert db.session.scalars(select(SignUp.tries)).one() == sign_ups.MOST_TRIES


def test_nothing_follows_for_a_list_that_was_archived_meanwhile(app: Flask) -> None:
    sign_ups.ask(ANNA, asked(), at())
    Desk(app)
    with writing() as session:
        newsletter = sign_ups.open_list(session, "nytt")
        newsletter.archived_at = at()
    Desk(app).take()
    assert waiting() == 0
    assert db.session.scalar(select(func.count()).select_from(Subscriber)) == 0


@pytest.fixture
def dns() -> Any:
    mail_domains._known.clear()
    with DnsServer() as server:
        server.records["takes.se", "MX"] = ["10 mx1.takes-mail.se."]
        server.records["old.se", "A"] = ["192.0.2.1"]
        server.records["null.se", "MX"] = ["0 ."]
        server.failing.add("broken.se")
        yield server
    mail_domains._known.clear()


def test_r_6_9_a_domain_without_mail_gets_none_and_an_unsure_dns_stops_nobody(
    sqlite_url: str, tmp_path: Path, dns: DnsServer
) -> None:
    with parken(sqlite_url, tmp_path, NEWSLETTER_DNS_SERVER=dns.address) as app:
        for domain in ("takes.se", "old.se", "null.se", "gone.se", "broken.se"):
            sign_ups.ask(f"anna@{domain}", asked(domain), at())
        Desk(app).take()
        mailed = {row.address for row in db.session.scalars(select(Notice))}
        assert mailed == {"anna@takes.se", "anna@old.se", "anna@broken.se"}
        assert waiting() == 0
