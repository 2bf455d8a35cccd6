"""Rates, widths and the line before them, with a clock of our own."""

import math

from newsletter_service.delivery.adaptive import REST_S, Adaptive
from newsletter_service.delivery.pace import Pace


def starts(pace: Pace, seconds: float, first: float = 0.0) -> list[float]:
    """When a worker that is always ready starts, looking every millisecond."""
    moments = []
    for step in range(int(seconds * 1000)):
        now = first + step / 1000
        while pace.wait(now) <= 0:
            pace.take(now)
            moments.append(now)
    return moments


def test_starts_are_spaced_and_never_exceed_the_rate() -> None:
    pace = Pace()
    pace.change(50, 0)
    moments = starts(pace, 4)
    assert 195 <= len(moments) <= 204
    for begin in (0.0, 0.7, 2.3):
        assert sum(begin <= moment < begin + 1 for moment in moments) <= 54


def test_without_a_limit_nothing_waits_and_at_zero_nothing_starts() -> None:
    pace = Pace()
    assert pace.wait(0) == 0
    pace.change(0, 0)
    assert pace.wait(0) == math.inf


def test_who_was_silent_does_not_catch_up_with_a_flood() -> None:
    pace = Pace()
    pace.change(10, 0)
    assert len(starts(pace, 1, first=3600)) <= 11


def test_a_faster_rate_does_not_wait_for_the_slow_ones_next_start() -> None:
    pace = Pace()
    pace.change(0.01, 0)
    pace.take(0)
    pace.change(100, 1)
    assert pace.wait(1) < 0.011


def test_r_1_21_a_complaint_halves_the_width_and_success_widens_it_by_steps() -> None:
    found = Adaptive(16)
    assert found.is_full
    assert found.ease(100)
    assert found.width == 8
    assert not found.ease(101)  # the same trouble counts once
    assert found.ease(100 + REST_S)
    assert found.width == 4
    for _ in range(4):
        found.took(0.01, 106)
    assert 4.8 < found.width < 5.1  # one more for each round
    for _ in range(500):
        found.took(0.01, 107)
    assert found.is_full


def test_the_width_stays_between_one_and_the_most() -> None:
    found = Adaptive(3)
    for step in range(10):
        found.ease(step * REST_S)
    assert found.width == 1
    for _ in range(100):
        found.took(0.01, 1000)
    assert found.width == 3


def test_answers_that_get_much_slower_halve_the_width() -> None:
    found = Adaptive(10)
    for _ in range(100):
        found.took(0.05, 0)
    assert found.is_full
    for _ in range(40):
        found.took(3.0, 10)
    assert found.width == 5
    quick = Adaptive(10)
    for step in range(100):  # slower, but still quick
        quick.took(0.001 if step < 50 else 0.2, step)
    assert quick.is_full
