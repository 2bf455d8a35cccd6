"""Costly answers are kept for a while, cheap ones never."""

from newsletter_service.recently import MOST, Recently


def test_what_was_dear_is_kept_and_what_was_cheap_is_found_anew() -> None:
    kept: Recently[int] = Recently(3600, lambda found: found > 10)
    asked: list[int] = []

    def finding(value: int) -> int:
        asked.append(value)
        return kept.get("key", lambda: value)

    assert [finding(5), finding(6), finding(20), finding(30)] == [5, 6, 20, 20]
    assert kept.get("another key", lambda: 30) == 30


def test_what_is_old_is_found_anew_and_little_is_kept() -> None:
    none: Recently[int] = Recently(-1, bool)
    assert none.get("key", lambda: 1) == 1
    assert none.get("key", lambda: 2) == 2

    kept: Recently[int] = Recently(3600, bool)
    for n in range(MOST + 1):
        kept.get(n, lambda: 1)
    assert kept.get(0, lambda: 2) == 2
    assert kept.get(MOST, lambda: 2) == 1
