"""A few hundred spoiled inputs for every reader, the same each time; `make fuzz` does more."""

import time
from random import Random

import pytest

from tests.fuzz.mutations import spoiled
from tests.fuzz.targets import TARGETS, Target

INPUTS = 150


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_spoiled_input_breaks_no_reader(target: Target) -> None:
    random, seeds = Random(20261123), target.seeds()
    for _ in range(INPUTS):
        data = spoiled(random, seeds)
        began = time.process_time()
        target.read(data)
        assert time.process_time() - began < 5 * target.seconds, data[:300]
