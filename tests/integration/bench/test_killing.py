"""The bench kills its worker, too, and tells the truth about it."""

from pathlib import Path

from newsletter_service.bench import killing
from newsletter_service.bench.measure import Setting
from newsletter_service.bench.sending import SENDER

SESSIONS = 5


def test_p3_after_its_rounds_the_bench_kills_a_worker_and_nobody_is_lost_or_gets_two(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    setting = Setting(tmp_path, told.append, quick=True, readers=1000)
    lines = {
        line.what.removeprefix("SQLite, a worker killed, "): line
        for line in killing.lines(setting, "SQLite", SENDER, SESSIONS)
    }
    wrong, doubt = lines["lost or double"], lines["in doubt"]
    assert (wrong.value, wrong.holds, wrong.exact) == (0, True, True)
    assert (doubt.value <= SESSIONS, doubt.holds, doubt.exact) == (True, True, True)
    assert doubt.detail["readers"] == 1000
    assert lines["recovery"].value > 0, "nobody was killed while sending"
    assert told == [f"  SQLite, a worker killed: 0 lost, 0 double, {doubt.value:.0f} in doubt"]
