"""The commands as an operator or a mail server runs them: output and exit codes."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from newsletter_service import cli
from newsletter_service.app import create_app
from newsletter_service.delivery import audience
from newsletter_service.extensions import db
from newsletter_service.models import BounceMessage
from newsletter_service.settings import Settings
from tests.dns_server import DnsServer
from tests.integration.operations.conftest import SENDER, Make
from tests.world import World

BOUNCES = Path(__file__).parents[2] / "bounces"


@pytest.fixture
def made(make: Make) -> World:
    return make()


def run(made: World, *arguments: str, given: bytes | None = None) -> Result:
    return CliRunner().invoke(cli.main, arguments, input=given, obj=cli.Door(lambda: made.app))


def test_a_database_without_tables_is_told_in_a_sentence(made: World, tmp_path: Path) -> None:
    empty = World(
        create_app(Settings.from_env({"NEWSLETTER_DATA_DIR": str(tmp_path / "no")})),
        made.settings,
        {},
    )
    done = run(empty, "statement", "1")
    assert done.exit_code == 1
    assert "newsletter db upgrade" in done.output


def test_doctor_ends_with_0_only_if_all_checks_pass(made: World, dns: DnsServer) -> None:
    assert run(made, "doctor").exit_code == 0
    dns.text(f"_dmarc.{SENDER}")
    failed = run(made, "doctor")
    assert failed.exit_code == 1
    assert f"_dmarc.{SENDER}" in failed.output


def test_doctor_prints_json(made: World) -> None:
    found = json.loads(run(made, "doctor", "--json").stdout)
    assert found["passed"]
    assert {"name", "outcome", "code", "found", "remedy"} <= found["checks"][0].keys()


def test_doctor_goes_live_and_back(made: World) -> None:
    assert run(made, "doctor", "--go-live").exit_code == 0
    assert run(made, "doctor", "--back-to-trial").exit_code == 0


def test_doctor_stays_in_trial_mode_without_a_reason_to_override(
    made: World, dns: DnsServer
) -> None:
    dns.text(f"_dmarc.{SENDER}")
    assert run(made, "doctor", "--go-live").exit_code == 1
    assert run(made, "doctor", "--despite", "x").exit_code == 2
    assert run(made, "doctor", "--go-live", "--despite", "a drill").exit_code == 0


def test_ingest_stores_what_is_piped_in_once(made: World) -> None:
    raw = (BOUNCES / "postfix_unknown_user.eml").read_bytes()
    first = run(made, "bounces", "ingest", "--json", given=raw)
    again = run(made, "bounces", "ingest", "--json", given=raw)
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert json.loads(first.stdout) == json.loads(again.stdout)
    assert db.session.scalars(select(BounceMessage.source)).all() == ["command line"]


def test_ingest_refuses_nothing_and_too_much(made: World) -> None:
    assert run(made, "bounces", "ingest", given=b"\n").exit_code == 1
    assert run(made, "bounces", "ingest", given=b"x" * 1_100_000).exit_code == 1


def test_classify_prints_one_object_a_message(made: World) -> None:
    names = ["postfix_unknown_user", "postfix_delayed", "arf_not_spam"]
    files = [str(BOUNCES / f"{name}.eml") for name in names]
    shown = run(made, "bounces", "classify", "--json", *files)
    assert shown.exit_code == 0
    said = [json.loads(line) for line in shown.stdout.splitlines()]
    fields = ["path", "kind", "final", "recipients", "reason", "status", "evidence"]
    assert [list(each) for each in said] == [fields] * 3
    assert [each["kind"] for each in said] == ["hard", "soft", "not-a-bounce"]
    assert [each["final"] for each in said] == [True, False, True]
    assert said[0]["recipients"] == ["nobody@example.org"]


def test_classify_names_files_it_cannot_read(made: World) -> None:
    shown = run(made, "bounces", "classify", "--json", "nowhere.eml")
    assert shown.exit_code == 1
    assert "nowhere.eml" in shown.stderr


def test_a_suppression_is_added_shown_and_released(made: World) -> None:
    address = "Kalle@Kommun.example.org"
    assert run(made, "suppressions", "add", address, "--reason", "asked by phone").exit_code == 0
    shown = run(made, "suppressions", "list", "--json")
    [row] = json.loads(shown.stdout)
    assert (row["reason"], row["evidence"]) == ("manual", "asked by phone")
    assert "kalle" not in shown.stdout.lower()
    one = ("suppressions", "list", "--address", address.lower())
    assert run(made, *one).exit_code == 0
    assert run(made, "suppressions", "release", address, "--reason", "came back").exit_code == 0
    assert run(made, "suppressions", "release", address, "--reason", "again").exit_code == 1
    assert run(made, *one).exit_code == 1


def test_a_malformed_address_is_refused(made: World) -> None:
    for act in ("add", "release"):
        assert run(made, "suppressions", act, "kalle@", "--reason", "x").exit_code == 1


def test_suppressions_are_carried_from_one_file_to_another(made: World, tmp_path: Path) -> None:
    addresses = tmp_path / "spärrade.csv"
    addresses.write_text("email\nanna@example.org\nno address\nkalle@example.org\n")
    taken = run(made, "suppressions", "import", str(addresses), "--reason", "from the old system")
    assert taken.exit_code == 1  # one line could not be read
    assert "2 suppressed" in taken.stdout
    exported = run(made, "suppressions", "export").stdout
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [row["reason"] for row in rows] == ["manual", "manual"]
    assert "example.org" not in exported
    again = tmp_path / "export.csv"
    again.write_text(exported)
    for address in ("anna@example.org", "kalle@example.org"):
        run(made, "suppressions", "release", address, "--reason", "test")
    back = run(made, "suppressions", "import", str(again), "--reason", "moved", "--json")
    assert json.loads(back.stdout) == {"taken": 2, "unreadable_lines": []}
    one = ("suppressions", "list", "--address", "anna@example.org")
    assert run(made, *one).exit_code == 0


def test_the_lab_takes_a_file_apart(made: World) -> None:
    raw = (BOUNCES / "postfix_unknown_user.eml").read_bytes()
    shown = run(made, "bounces", "lab", "-", given=raw)

    assert shown.exit_code == 0, shown.output
    assert "hard userunknown 5.1.1" in shown.output
    assert "no token of ours" in shown.output
    seen = json.loads(run(made, "bounces", "lab", "--json", "-", given=raw).stdout)
    assert seen["recipients"][0]["said"]["reason"] == "userunknown"


def test_the_policys_numbers_are_shown_and_set(made: World) -> None:
    assert run(made, "bounces", "policy", "--set", "soft_failures=7").exit_code == 0
    numbers = json.loads(run(made, "bounces", "policy", "--json").stdout)
    assert (numbers["soft_failures"], numbers["soft_days"]) == (7, 14)
    assert run(made, "bounces", "policy", "--set", "soft_failures=0").exit_code == 2
    assert run(made, "bounces", "policy", "--set", "nonsense=1").exit_code == 2


def test_a_rule_is_proposed_switched_on_and_removed(made: World) -> None:
    proposed = run(made, "bounces", "rules", "propose", "the gnome is gone", "userunknown")
    assert proposed.output == "Proposed as 1; 0 stored messages would be judged otherwise.\n"
    assert run(made, "bounces", "rules", "on", "1").exit_code == 0
    assert "on       userunknown" in run(made, "bounces", "rules", "list").output
    assert run(made, "bounces", "rules", "remove", "1").exit_code == 0
    assert run(made, "bounces", "rules", "remove", "1").exit_code == 1
    assert run(made, "bounces", "reclassify", "--dry-run").output == "0 would change.\n"


def test_a_wave_that_is_not_there_cannot_be_decided(made: World) -> None:
    assert run(made, "bounces", "waves").output == "No wave waits for a decision.\n"
    assert run(made, "bounces", "waves", "--decide", "1", "--as", "outage").exit_code == 1
    assert run(made, "bounces", "waves", "--decide", "1").exit_code == 2


def test_relays_are_weighed_limited_warmed_up_and_given_a_window(made: World) -> None:
    (name,) = (r["name"] for r in json.loads(run(made, "relays", "list", "--json").stdout)[:1])
    assert run(made, "relays", "weight", name, "300").exit_code == 0
    assert run(made, "relays", "rate", name, "50", "--connections", "4").exit_code == 0
    assert "confirmations" in run(made, "relays", "rate", name, "5", "--connections", "1").stderr
    assert "always" in run(made, "relays", "window", name, "always").stdout
    assert run(made, "relays", "window", name, "mon-fri 07:00-20:00").exit_code == 0
    assert "mon-fri" in run(made, "relays", "window", name, "working hours").stderr
    assert "50, 100" in run(made, "relays", "warm-up", name, "--standard").stdout
    assert run(made, "relays", "warm-up", name, "--per-day", "5,x").exit_code == 2
    (shown,) = json.loads(run(made, "relays", "list", "--json").stdout)[:1]
    limits = {key: shown[key] for key in ("weight", "rate_per_second", "max_connections")}
    assert limits == {"weight": 300, "rate_per_second": 50, "max_connections": 4}
    assert "no plan" in run(made, "relays", "warm-up", name, "--end").stdout


def test_everything_is_stopped_and_let_go_on(made: World) -> None:
    assert "No mail leaves" in run(made, "queues", "pause", "all", "--reason", "test").stdout
    assert "already" in run(made, "queues", "pause", "all").stdout
    assert "leaves again" in run(made, "queues", "resume", "all").stdout
    assert "paused" in run(made, "queues", "pause", "default").stdout
    assert "goes on" in run(made, "queues", "resume", "default").stdout


def test_the_statement_says_why_readers_wait(made: World) -> None:
    made.readers(30)
    issue_id = made.issue()
    audience.expand(issue_id, datetime.now(UTC))
    run(made, "relays", "warm-up", "domain:" + SENDER, "--per-day", "3,5")
    shown = run(made, "statement", str(issue_id)).stdout
    assert "They wait:" in shown
    assert "warmed up" in shown
    (why,) = json.loads(run(made, "statement", str(issue_id), "--json").stdout)["waits"]
    assert (why["code"], why["limit"]) == ("sender_warm_up", 3)
