"""The drill's judgement: it must see every broken promise."""

from dataclasses import replace

import pytest

from newsletter_service.witness.account import Account, compare

GOOD = Account(
    fault="worker",
    strikes=1,
    audience=3,
    accepted=2,
    lost=0,
    double=0,
    in_doubt=1,
    doubt_allowed=10,
    doubt_arrived=1,
    recovery_s=47.0,
    stop_s=0.0,
    seconds=60.0,
    balances=True,
    finished=True,
)
STATES = {"a@x.test": "accepted", "b@x.test": "in_doubt", "c@x.test": "skipped"}
A, B, C = ((f"{name}@x.test", f"<{name}@id.test>") for name in "abc")


def test_a_reader_who_is_accepted_and_one_in_doubt_break_nothing() -> None:
    for arrived in ([A], [A, B]):
        found = compare(STATES, arrived)
        assert (found.lost, found.double) == (0, 0)
    assert compare(STATES, [A, B]).doubt_arrived == 1
    assert GOOD.broken == []


@pytest.mark.parametrize("state", ["accepted", "pending", "claimed", "data_started", "deferred"])
def test_who_should_have_it_and_has_nothing_is_lost(state: str) -> None:
    assert compare(STATES | {"d@x.test": state}, [A]).lost == 1


@pytest.mark.parametrize(
    "too_many",
    [A, ("a@x.test", "<other@id.test>"), C, ("stranger@x.test", "<s@id.test>")],
    ids=["twice", "under another Message-ID", "who was skipped", "a stranger"],
)
def test_a_copy_too_many_is_double(too_many: tuple[str, str]) -> None:
    assert compare(STATES, [A, too_many]).double == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"lost": 1}, "lost"),
        ({"double": 1}, "too many"),
        ({"in_doubt": 11}, "in doubt"),
        ({"balances": False}, "balance"),
        ({"finished": False}, "finished"),
        ({"recovery_s": 61.0}, "recovery"),
        ({"stop_s": 10.1}, "stopping"),
    ],
)
def test_every_broken_promise_is_named(wrong: dict[str, float], said: str) -> None:
    [sentence] = replace(GOOD, **wrong).broken  # type: ignore[arg-type]
    assert said in sentence
