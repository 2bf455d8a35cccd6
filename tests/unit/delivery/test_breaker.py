"""When refusals for our sake are too many: in a row, at one provider, or lately."""

from newsletter_service.delivery.breaker import (
    IN_A_ROW,
    IN_A_ROW_AT_ONE_PROVIDER,
    TOO_MANY_LATELY,
    Breaker,
)


def faults(breaker: Breaker, number: int, provider: str = "", between: int = 0) -> bool:
    """Refusals one after another, with acceptances elsewhere between; whether it tripped."""
    for _ in range(number):
        if breaker.sender_fault(1, provider):
            return True
        for _ in range(between):
            breaker.accepted(1, "elsewhere", 1)
    return False


def test_r_1_9b_five_in_a_row_are_too_many_and_an_acceptance_starts_over() -> None:
    breaker = Breaker()
    assert not faults(breaker, IN_A_ROW - 1)
    breaker.accepted(1, "", 1)
    assert not faults(breaker, IN_A_ROW - 1)
    assert faults(breaker, 1)


def test_one_provider_that_refuses_us_is_noticed_among_others_that_do_not() -> None:
    assert not faults(Breaker(), IN_A_ROW_AT_ONE_PROVIDER - 1, "google", between=3)
    assert faults(Breaker(), IN_A_ROW_AT_ONE_PROVIDER, "google", between=3)


def test_every_second_one_refused_is_too_many_too() -> None:
    assert not faults(Breaker(), TOO_MANY_LATELY - 1, between=1)
    assert faults(Breaker(), TOO_MANY_LATELY, between=1)
    assert not faults(Breaker(), 200, between=3)


def test_issues_are_counted_apart_and_start_anew_after_a_pause() -> None:
    breaker = Breaker()
    assert not faults(breaker, IN_A_ROW - 1)
    assert not any(breaker.sender_fault(2, "") for _ in range(IN_A_ROW - 1))
    assert breaker.sender_fault(1, "")
    assert not breaker.sender_fault(1, "")
