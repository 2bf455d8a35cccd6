"""When a first wave says that the rest should not get it."""

import pytest

from newsletter_service.delivery.canary import Wave


@pytest.mark.parametrize(
    ("wave", "said"),
    [
        (Wave(100, 100), ""),
        (Wave(100, 100, lost=2), ""),
        (Wave(10, 10, lost=2), ""),
        (Wave(100, 100, lost=5), ""),
        (Wave(100, 40, lost=6), "6 of 100 did not arrive"),
        (Wave(1000, 1000, complained=3), ""),
        (Wave(1000, 1000, complained=4), "4 of 1000 complained"),
        (Wave(100, 100, complained=1), "1 of 100 complained"),
        (Wave(100, 3, errors=1), "1 copies could not be made"),
    ],
)
def test_a_wave_halts_on_what_came_back_and_on_nothing_less(wave: Wave, said: str) -> None:
    assert said in wave.trouble
    assert bool(wave.trouble) == bool(said)
