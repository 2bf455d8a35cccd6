"""What `doctor` finds, with a relay and a DNS that misbehave one at a time."""

from datetime import datetime

import pytest

from newsletter_service.mail.smtp.relay_url import RelayUrl
from newsletter_service.models import BounceMessage, writing
from newsletter_service.operations import doctor, doctor_mailbox
from newsletter_service.operations.doctor import Patient
from tests.dns_server import DnsServer
from tests.dovecot_server import Dovecot
from tests.integration.operations.conftest import BOUNCE, SENDER, USERS, Make, dkim_record
from tests.servers import free_port
from tests.smtp_sink import Behaviour, Rule, Sink


def outcomes(now: datetime) -> dict[str, str]:
    """Found codes by check; several of one name are joined."""
    report = doctor.check(now)
    found: dict[str, str] = {}
    for check in report.checks:
        known = f"{found[check['name']]}, " if check["name"] in found else ""
        found[check["name"]] = f"{known}{check['outcome']} {check['code']}"
    return found


def test_a_sound_installation_passes(make: Make, now: datetime) -> None:
    make()
    assert outcomes(now) == {
        "relay": "ok relay.answers",
        "tls": "ok tls.verified",
        "login": "ok login.accepted",
        "size": "ok size.enough",
        "far_side": "warning far_side.hidden",
        "keys": "warning keys.made_here",
        "journal": "warning journal.beside",
        "base_url": "ok base_url.https",
        "forms": "ok forms.work",
        "spf": "ok spf.found",
        "mx": "ok mx.found",
        "dkim": "ok dkim.found",
        "dmarc": "ok dmarc.found",
        "alignment": "ok alignment.found",
    }
    report = doctor.latest()
    assert report is not None
    assert report.passed


def test_a_relay_that_passes_mail_on_hides_what_readers_servers_answer_until_bounces_come_back(
    make: Make, now: datetime
) -> None:
    make()
    assert outcomes(now)["far_side"] == "warning far_side.hidden"
    with writing() as session:
        session.add(
            BounceMessage(
                digest=bytes(32), raw=b"", source="lmtp", state="processed", received_at=now
            )
        )
    assert outcomes(now)["far_side"] == "ok far_side.comes_back"


def test_no_mail_is_sent_by_looking(make: Make, now: datetime, relay: Sink) -> None:
    make()
    doctor.check(now)
    assert not relay.messages
    assert relay.sessions[-1].quit


@pytest.mark.parametrize("locale", ["sv", "en"])
def test_every_check_is_told_in_both_languages(make: Make, now: datetime, locale: str) -> None:
    make(dkim_selectors="", base_url="http://nyhetsbrev.fjallangen.se")
    for check in doctor.told(doctor.check(now), locale):
        assert check["title"]
        assert check["found"]
        assert check["remedy"] or check["outcome"] != "failed"
        assert "{" not in check["found"] + check["remedy"]


def test_r_6_1_a_form_that_asks_for_no_work_is_a_warning(make: Make, now: datetime) -> None:
    make(sign_up_work="off")
    assert outcomes(now)["forms"] == "warning forms.no_work"


def test_a_relay_that_is_not_there_fails(make: Make, now: datetime) -> None:
    make(smtp_url=f"smtp://127.0.0.1:{free_port()}?tls=none")
    assert outcomes(now)["relay"] == "failed relay.unreachable"


def test_no_relay_at_all_fails(make: Make, now: datetime) -> None:
    make(smtp_url="")
    assert outcomes(now)["relay"] == "failed relay.none"


def test_r_2_27_a_certificate_nobody_vouches_for_fails(
    make: Make, now: datetime, relay: Sink
) -> None:
    make(smtp_url=relay.url.partition("&ca_file")[0])
    found = outcomes(now)
    assert (found["relay"], found["tls"]) == ("ok relay.answers", "failed tls.failed")
    assert not relay.sessions[-1].auth_bytes


def test_r_2_28_a_relay_without_starttls_fails(make: Make, now: datetime) -> None:
    with Sink() as plain:
        make(smtp_url=f"smtp://127.0.0.1:{plain.port}?tls=starttls")
        assert outcomes(now)["tls"] == "failed tls.failed"


def test_a_refused_log_in_fails(make: Make, now: datetime, relay: Sink) -> None:
    rules = [Rule("auth", reply="535 5.7.8 no")]
    url = relay.url
    relay.behave(Behaviour(tls="starttls", users=USERS, rules=rules))
    make(smtp_url=url)
    assert outcomes(now)["login"] == "failed login.refused"


def test_r_2_34_a_relay_for_small_messages_only_fails(
    make: Make, now: datetime, relay: Sink
) -> None:
    relay.behave(Behaviour(tls="starttls", users=USERS, size=100_000))
    make()
    assert outcomes(now)["size"] == "failed size.small"


def test_links_without_https_fail(make: Make, now: datetime) -> None:
    make(base_url="http://nyhetsbrev.fjallangen.se")
    assert outcomes(now)["base_url"] == "failed base_url.http"


def test_a_key_that_can_be_guessed_fails(make: Make, now: datetime) -> None:
    make(secret_key="A" * 43)
    assert outcomes(now)["keys"] == "failed keys.weak"


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        ([], "failed spf.missing"),
        (["v=spf1 -all", "v=spf1 a -all"], "failed spf.several"),
        (["v=spf1 include:gone.relay.se -all"], "failed spf.include"),
        (["v=spf1 +all"], "failed spf.open"),
        (["v=spf1 " + " ".join(f"a:h{n}.se" for n in range(11)) + " -all"], "failed spf.lookups"),
        (["v=spf1 ip4:192.0.2.1"], "warning spf.no_end"),
        (["google-site-verification=x", "v=spf1 ip4:192.0.2.1 ~all"], "ok spf.found"),
    ],
)
def test_r_1_2_spf_of_the_bounce_domain(
    make: Make, now: datetime, dns: DnsServer, records: list[str], outcome: str
) -> None:
    dns.text(BOUNCE, *records)
    make()
    assert outcomes(now)["spf"] == outcome


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        ("v=DKIM1; p=", "failed dkim.revoked"),
        ("v=DKIM1; p=not*base64", "failed dkim.unreadable"),
        ("v=DKIM1; p=AAAA", "failed dkim.unreadable"),
        ("v=spf1 -all", "failed dkim.missing"),
        ("v=DKIM1; k=ed25519; p=" + "A" * 43 + "=", "ok dkim.found"),
    ],
)
def test_r_1_3_dkim_keys(
    make: Make, now: datetime, dns: DnsServer, record: str, outcome: str
) -> None:
    dns.text(f"s1._domainkey.{SENDER}", record)
    make()
    assert outcomes(now)["dkim"] == outcome


@pytest.mark.parametrize(
    ("key", "outcome"),
    [
        ((1024, ""), "warning dkim.weak"),
        ((2048, "h=sha1; "), "failed dkim.sha1"),
        ((2048, "h=sha1:sha256; "), "ok dkim.found"),
    ],
)
def test_r_1_3_dkim_keys_by_strength(
    make: Make, now: datetime, dns: DnsServer, key: tuple[int, str], outcome: str
) -> None:
    dns.text(f"s1._domainkey.{SENDER}", dkim_record(*key))
    make()
    assert outcomes(now)["dkim"] == outcome


def test_without_selectors_nobody_knows_whether_mail_is_signed(make: Make, now: datetime) -> None:
    make(dkim_selectors="")
    assert outcomes(now)["dkim"] == "failed dkim.no_selectors"


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        ([], "failed dmarc.missing"),
        (["v=dmarc1; p=none"], "failed dmarc.missing"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "failed dmarc.several"),
        (["v=DMARC1; p=none; pct=10; rua=mailto:d@fjallangen.se"], "warning dmarc.removed_tags"),
        (["v=DMARC1; p=none"], "warning dmarc.no_reports"),
    ],
)
def test_r_1_4_dmarc_of_the_sender(
    make: Make, now: datetime, dns: DnsServer, records: list[str], outcome: str
) -> None:
    dns.text(f"_dmarc.{SENDER}", *records)
    make()
    assert outcomes(now)["dmarc"] == outcome


def test_r_1_4_dmarc_is_found_by_walking_up(make: Make, now: datetime, dns: DnsServer) -> None:
    dns.text("s1._domainkey.a.b.fjallangen.se", dkim_record())
    make(sender="nyhetsbrev@a.b.fjallangen.se")
    found = outcomes(now)
    assert found["dmarc"] == "warning dmarc.inherited"
    assert found["alignment"] == "ok alignment.found"


def test_r_1_4_a_swedish_domain_is_looked_up_as_a_labels(
    make: Make, now: datetime, dns: DnsServer
) -> None:
    dns.text("_dmarc.xn--4cab6c.se", "v=DMARC1; p=none; rua=mailto:d@xn--4cab6c.se")
    make(sender="nyhetsbrev@åäö.se")
    assert outcomes(now)["dmarc"] == "ok dmarc.found"
    assert ("_dmarc.xn--4cab6c.se", "TXT") in dns.asked


def test_a_foreign_bounce_domain_is_a_warning(make: Make, now: datetime, dns: DnsServer) -> None:
    dns.text("bounce.relay.se", "v=spf1 -all")
    make(bounce_domain="bounce.relay.se")
    found = outcomes(now)
    assert found["alignment"] == "warning alignment.missing"
    assert found["mx"] == "warning mx.missing"


@pytest.mark.parametrize("trouble", ["failing", "silent"])
def test_a_dns_that_fails_is_a_failed_check_and_no_error(
    make: Make, now: datetime, dns: DnsServer, trouble: str
) -> None:
    getattr(dns, trouble).update({BOUNCE, f"_dmarc.{SENDER}"})
    make()
    found = outcomes(now)
    assert found["spf"] == found["dmarc"] == "failed dns.silent"


def test_where_nothing_leaves_the_machine_the_dns_is_not_asked(
    make: Make, now: datetime, dns: DnsServer
) -> None:
    with Sink() as local:
        make(
            sender="nyhetsbrev@park.example.org",
            smtp_url=local.url,
            base_url="http://127.0.0.1:8000",
            bounce_domain="bounce.localhost",
        )
        found = outcomes(now)
    assert found["spf"] == found["dkim"] == found["dmarc"] == "skipped dns.reserved"
    assert found["base_url"] == "skipped base_url.loopback"
    assert not dns.asked
    report = doctor.latest()
    assert report is not None
    assert report.passed


def test_a_reserved_domain_is_excused_on_this_machine_only(make: Make) -> None:
    settings = make().settings
    here, away = map(RelayUrl.parse, ("smtp://127.0.0.1?tls=none", "smtps://mail.relay.se"))
    assert Patient(settings, [here], ["park.example.org"]).is_closed
    assert not Patient(settings, [here], ["fjallangen.se"]).is_closed
    assert not Patient(settings, [here, away], ["park.example.org"]).is_closed
    assert not Patient(settings, [], ["park.example.org"]).is_closed


def test_a_reserved_sender_is_refused_without_asking_the_dns(
    make: Make, now: datetime, dns: DnsServer
) -> None:
    make(bounce_domain="bounce.example.org")
    assert outcomes(now)["sender"] == "failed sender.reserved"
    assert not dns.asked


def test_a_mailbox_of_bounces_is_opened_and_left_as_it_is(
    make: Make, now: datetime, dovecot: Dovecot
) -> None:
    dovecot.put("doctor", b"Subject: x\r\n\r\nhello\r\n")
    make(bounce_mailbox_url=dovecot.url("imaps", "doctor"))
    assert outcomes(now)["mailbox"] == "ok mailbox.opens"
    assert dovecot.left("doctor") == 1


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("hemligt", "fel", "mailbox.login"),
        ("?ca_file", "/Studsar?ca_file", "mailbox.failed"),
        ("imaps", "imaps+x", "mailbox.address"),
    ],
)
def test_a_mailbox_of_bounces_that_cannot_be_used_fails(
    dovecot: Dovecot, before: str, after: str, code: str
) -> None:
    url = dovecot.url("imaps", "doctor").replace(before, after)
    [check] = doctor_mailbox.check((url,))
    assert (check.outcome, check.code) == ("failed", code)
    for locale in ("sv", "en"):
        assert "hemligt" not in str(check.told(locale))
