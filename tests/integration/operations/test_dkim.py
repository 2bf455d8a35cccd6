"""DKIM keys through the commands: made, published, switched and revoked, as R 3.6 wants it."""

import json
import re
import stat
from collections.abc import Callable
from datetime import datetime

import pytest
import time_machine
from click.testing import CliRunner, Result
from sqlalchemy import select

from newsletter_service import cli
from newsletter_service.extensions import db
from newsletter_service.models import AuditEvent, NewsletterList, writing
from tests.dns_server import DnsServer
from tests.integration.operations.conftest import SENDER, Make
from tests.integration.operations.test_doctor import outcomes
from tests.world import World


@pytest.fixture
def made(make: Make) -> World:
    return make(dkim_selectors="")


@pytest.fixture
def dkim(made: World) -> Callable[..., Result]:
    def act(*arguments: str) -> Result:
        return CliRunner().invoke(cli.main, ["dkim", *arguments], obj=cli.Door(lambda: made.app))

    return act


Dkim = Callable[..., Result]


def shown(dkim: Dkim) -> dict[str, dict[str, str]]:
    return {each["selector"]: each for each in json.loads(dkim("show", "--json").stdout)}


def publish(dns: DnsServer, dkim: Dkim) -> None:
    for key in shown(dkim).values():
        dns.text(key["name"], key["record"])


def test_r_3_6_a_key_is_made_for_its_owner_only_and_its_record_is_cut_for_the_zone(
    made: World, dkim: Dkim
) -> None:
    printed = dkim("create", SENDER, "--selector", "one", "--kind", "both")
    assert printed.exit_code == 0
    for selector, key in shown(dkim).items():
        path = made.settings.dkim_dir / SENDER / f"{selector}.pem"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert key["state"] == "ready"
        line = next(x for x in printed.output.splitlines() if x.strip().startswith(key["name"]))
        strings = re.findall('"(.*?)"', line)
        assert "".join(strings) == key["record"]
        assert max(map(len, strings)) <= 255
    assert dkim("create", SENDER, "--selector", "one").exit_code == 1


def test_a_key_signs_only_when_the_dns_shows_it(made: World, dkim: Dkim, dns: DnsServer) -> None:
    dkim("create", SENDER, "--selector", "one")
    refused = dkim("use", SENDER, "one")
    assert refused.exit_code == 1
    assert f"one._domainkey.{SENDER}" in refused.output
    publish(dns, dkim)
    assert dkim("use", SENDER, "one").exit_code == 0
    assert shown(dkim)["one"]["state"] == "signs"
    acts = db.session.scalars(select(AuditEvent.act).order_by(AuditEvent.id)).all()
    assert list(acts[-2:]) == ["dkim.created", "dkim.used"]


def test_a_key_is_changed_and_the_old_one_is_kept_for_a_week(
    made: World, dkim: Dkim, dns: DnsServer
) -> None:
    with time_machine.travel("2026-11-01", tick=True) as clock:
        dkim("create", SENDER)
        publish(dns, dkim)
        dkim("use", SENDER, "nl202611")
        dkim("create", SENDER)
        publish(dns, dkim)
        assert dkim("use", SENDER, "nl202611a").exit_code == 0
        assert {name: key["state"] for name, key in shown(dkim).items()} == {
            "nl202611a": "signs",
            "nl202611": "left",
        }
        assert dkim("revoke", SENDER, "nl202611a").exit_code == 1
        assert dkim("revoke", SENDER, "nl202611").exit_code == 1
        clock.shift(8 * 86400)
        emptied = dkim("revoke", SENDER, "nl202611")
        assert emptied.exit_code == 0
        assert '"v=DKIM1; p="' in emptied.output
        assert list(shown(dkim)) == ["nl202611a"]


def test_doctor_holds_the_dns_against_the_key_that_signs(
    made: World, dkim: Dkim, dns: DnsServer, now: datetime, good_key: str
) -> None:
    dkim("create", SENDER, "--selector", "one")
    dkim("use", SENDER, "one", "--unchecked")
    assert outcomes(now)["dkim"] == "failed dkim.not_ours"
    dns.text(f"one._domainkey.{SENDER}", good_key)
    assert outcomes(now)["dkim"] == "failed dkim.not_ours"
    publish(dns, dkim)
    assert outcomes(now)["dkim"] == "ok dkim.ours"
    (made.settings.dkim_dir / SENDER / "one.pem").unlink()
    assert outcomes(now)["dkim"] == "failed dkim.key"


def test_a_domain_below_is_signed_by_the_one_above(
    made: World, dkim: Dkim, dns: DnsServer, now: datetime
) -> None:
    with writing() as session:
        session.get_one(NewsletterList, made.list_id).sender_address = f"brev@news.{SENDER}"
    dkim("create", SENDER, "--selector", "one")
    publish(dns, dkim)
    dkim("use", SENDER, "one")
    assert outcomes(now)["dkim"] == "ok dkim.ours"
    assert dkim("stop", SENDER).exit_code == 0
    assert outcomes(now)["dkim"] == "failed dkim.no_selectors"
