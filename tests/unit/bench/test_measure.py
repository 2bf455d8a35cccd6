"""What the bench says of its figures."""

from pathlib import Path
from xml.etree import ElementTree

from newsletter_service.bench.measure import Line, ratio
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
