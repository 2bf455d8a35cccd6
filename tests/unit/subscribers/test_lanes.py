"""Who waits for the mail of a sign-up, how long, and who works more. Nobody is refused."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter_service.models import Lane
from newsletter_service.subscribers import lanes
from newsletter_service.subscribers.lanes import Evidence

EVIDENCE = st.builds(Evidence, st.booleans(), st.booleans(), st.booleans(), st.booleans())


@pytest.mark.parametrize(
    ("evidence", "lane"),
    [
        (Evidence(proven=True), Lane.PROVEN),
        (Evidence(proven=True, known_site=True), Lane.PROVEN),
        (Evidence(known_site=True), Lane.PLAIN),
        (Evidence(proven=True, strange_site=True), Lane.PLAIN),
        (Evidence(strange_site=True), Lane.DOUBTED),
        (Evidence(), Lane.DOUBTED),
        (Evidence(proven=True, throwaway=True), Lane.DOUBTED),
    ],
)
def test_what_speaks_for_a_person_decides_the_lane(evidence: Evidence, lane: Lane) -> None:
    assert lanes.lane(evidence, 1) == lane


@given(EVIDENCE, st.integers(1, 10**6))
def test_r_6_2_whatever_comes_from_a_network_waits_and_is_never_dropped(
    evidence: Evidence, number: int
) -> None:
    taken = lanes.lane(evidence, number)
    assert lanes.wait(taken, number) <= timedelta(hours=2)
    assert 1 <= lanes.effort(number, number) <= lanes.MOST_EFFORT


def test_forty_colleagues_with_javascript_wait_for_nothing() -> None:
    assert {lanes.wait(lanes.lane(Evidence(proven=True), n), n) for n in range(1, 41)} == {
        timedelta(0)
    }


def test_forty_colleagues_without_javascript_have_their_mail_within_a_quarter_of_an_hour() -> None:
    waits = [lanes.wait(lanes.lane(Evidence(known_site=True), n), n) for n in range(1, 41)]
    assert waits[0] == timedelta(seconds=10)
    assert max(waits) <= timedelta(minutes=15)


def test_a_network_that_posts_hundreds_without_proof_is_doubted() -> None:
    assert lanes.lane(Evidence(known_site=True), 61) == Lane.DOUBTED


def test_the_work_grows_with_what_a_network_asks_for_and_with_a_flood() -> None:
    assert [lanes.effort(n, 1) for n in (1, 10, 11, 41, 101)] == [1, 1, 2, 4, 8]
    assert [lanes.effort(1, n) for n in (1, 199, 200, 400, 10_000)] == [1, 1, 2, 4, 8]
