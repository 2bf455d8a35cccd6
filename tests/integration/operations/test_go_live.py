"""Out of trial mode only with passing checks and somebody who says so (P13)."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter_service import relays
from newsletter_service.extensions import db
from newsletter_service.models import AuditEvent, Organisation, writing
from newsletter_service.operations import doctor, go_live
from newsletter_service.operations.go_live import NoOrganisation, NotReady
from tests.dns_server import DnsServer
from tests.integration.operations.conftest import SENDER, Make

ANNA = "anna@fjallangen.se"


def is_live() -> bool:
    db.session.expire_all()
    return relays.is_live(db.session())


def acts() -> list[str]:
    return list(db.session.scalars(select(AuditEvent.act).order_by(AuditEvent.id)))


def test_p13_without_a_report_nobody_can_go_live(make: Make, now: datetime) -> None:
    make()
    with pytest.raises(NotReady, match="newsletter doctor"):
        go_live.go_live(ANNA, now)
    assert not is_live()


def test_p13_passing_checks_alone_switch_nothing(make: Make, now: datetime) -> None:
    make()
    assert doctor.check(now).passed
    assert not is_live()


def test_p13_passing_checks_and_a_person_switch_it_live(make: Make, now: datetime) -> None:
    make()
    doctor.check(now)
    go_live.go_live(ANNA, now)
    assert is_live()
    assert db.session.get_one(Organisation, 1).live_by == ANNA
    assert acts() == ["organisation.live"]


def test_p13_failed_checks_are_named_and_nothing_changes(
    make: Make, now: datetime, dns: DnsServer
) -> None:
    dns.text(f"_dmarc.{SENDER}")
    make()
    doctor.check(now)
    with pytest.raises(NotReady) as caught:
        go_live.go_live(ANNA, now)
    assert [check.code for check in caught.value.missing] == ["dmarc.missing"]
    assert not is_live()


def test_the_latest_report_counts(make: Make, now: datetime, dns: DnsServer) -> None:
    make()
    doctor.check(now)
    dns.text(f"_dmarc.{SENDER}")
    doctor.check(now)
    with pytest.raises(NotReady):
        go_live.go_live(ANNA, now)


def test_a_report_of_last_week_counts_no_more(make: Make, now: datetime) -> None:
    make()
    doctor.check(now - timedelta(days=7))
    with pytest.raises(NotReady):
        go_live.go_live(ANNA, now)


def test_an_operators_override_is_audited(make: Make, now: datetime) -> None:
    make(dkim_selectors="")
    doctor.check(now)
    go_live.go_live("command line (root)", now, despite="the relay signs, trust me")
    assert is_live()
    event = db.session.scalars(select(AuditEvent)).one()
    assert event.detail["despite"] == "the relay signs, trust me"
    assert event.detail["failing"] == [f"dkim {SENDER}"]


def test_nothing_goes_live_before_it_is_set_up(make: Make, now: datetime) -> None:
    make()
    doctor.check(now)
    with writing() as session:
        session.delete(session.get_one(Organisation, 1))
    with pytest.raises(NoOrganisation):
        go_live.go_live(ANNA, now)


def test_the_mode_setting_switches_it_live_when_the_checks_pass(make: Make, now: datetime) -> None:
    make(mode="live")
    go_live.apply_mode(now)
    assert is_live()
    assert db.session.get_one(Organisation, 1).live_by == go_live.BY_SETTINGS


def test_the_mode_setting_alone_switches_nothing(
    make: Make, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    make(mode="live", dkim_selectors="")
    go_live.apply_mode(now)
    assert not is_live()
    assert "still_in_trial_mode" in capsys.readouterr().err


def test_in_trial_mode_the_setting_does_nothing(make: Make, now: datetime) -> None:
    make()
    go_live.apply_mode(now)
    assert not is_live()
    assert doctor.latest() is None


def test_the_mode_setting_does_not_undo_what_a_person_did(make: Make, now: datetime) -> None:
    make(mode="live")
    go_live.apply_mode(now)
    go_live.back_to_trial(ANNA, now)
    go_live.apply_mode(now)
    assert not is_live()
    doctor.check(now)
    go_live.go_live(ANNA, now)
    assert is_live()
