"""What the bench says of its figures."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from newsletter_service.bench.measure import Line, Setting, missed, quantile, ratio
from newsletter_service.bench.plot import svg, table

FAST = Line("send", "ours & more", "msg/s", (900.0, 1100.0, 1000.0), "theirs", 0.95, bar=0.9)
SLOW = Line("send", "ours, <small>", "msg/s", (100.0,), "theirs", 0.3, bar=0.5)
PLAIN = Line("confirm", "p99", "s", (1.5,), most=2.0, detail={"readers": 5.0})


def test_a_line_tells_the_median_and_whether_its_promise_holds() -> None:
    assert FAST.value == 1000
    assert [line.holds for line in (FAST, SLOW, PLAIN)] == [True, False, True]


def test_ratios_are_of_rounds_taken_side_by_side() -> None:
    assert ratio([10, 20, 90], [10, 10, 30]) == 2


def test_the_table_and_the_plot_name_every_line(tmp_path: Path) -> None:
    lines = [FAST, SLOW, PLAIN]
    text = table(lines)
    assert "MISSED" in text
    assert "1 000" in text
    drawn = "".join(ElementTree.fromstring(svg(lines, "bench")).itertext())
    for line in lines:
        assert line.what in text
        assert line.what in drawn


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.95, 10), (0.99, 10), (0.1, 1)])
def test_a_quantile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert quantile([3, 1, 2, 5, 4, 10, 9, 8, 7, 6], share) == value


def test_no_bench_takes_more_readers_than_it_is_let() -> None:
    told: list[str] = []
    assert Setting(Path("/tmp/x"), told.append).audience(20_000) == 20_000
    assert Setting(Path("/tmp/x"), told.append, quick=True).audience(20_000) == 1000
    assert Setting(Path("/tmp/x"), told.append, readers=3000).audience(20_000) == 3000


def test_a_quick_run_forgives_what_is_slow_and_not_what_is_lost() -> None:
    lost = Line("send", "a worker killed, lost or double", "readers", (1.0,), most=0, exact=True)
    lines = [FAST, SLOW, PLAIN, lost]
    assert missed(lines, quick=False) == [SLOW, lost]
    assert missed(lines, quick=True) == [lost]
