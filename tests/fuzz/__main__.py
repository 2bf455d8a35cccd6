"""`python -m tests.fuzz [--minutes M] [--seed N] [TARGET …]`: spoil, read, tell what broke."""

import argparse
import sys
import time
import traceback
from pathlib import Path
from random import Random

from tests.fuzz.mutations import spoiled
from tests.fuzz.targets import TARGETS, Target


def fuzz(target: Target, seconds: float, seed: int, results: Path) -> tuple[int, int]:
    """Read spoiled input until the time is up; how many were read, and how many broke it."""
    random, seeds = Random(seed), target.seeds()
    ends = time.monotonic() + seconds
    read = broken = 0
    while time.monotonic() < ends:
        data = spoiled(random, seeds)
        began = time.perf_counter()
        try:
            target.read(data)
            fault = ""
        except Exception:
            fault = traceback.format_exc()
        took = time.perf_counter() - began
        if took > target.seconds:
            fault = fault or f"It took {took:.1f} s; {target.seconds} s are allowed.\n"
        if fault:
            broken += 1
            keep(results, f"{target.name}-{seed}-{read}", data, fault)
        read += 1
    return read, broken


def keep(results: Path, name: str, data: bytes, fault: str) -> None:
    """Keep what broke a reader, for a test of its own."""
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{name}.bin").write_bytes(data)
    (results / f"{name}.txt").write_text(fault)


def main() -> int:
    """The command; ends with 1 if anything broke."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("targets", nargs="*", choices=[[], *(t.name for t in TARGETS)])
    options.add_argument("--minutes", type=float, default=3.0, help="for all targets together")
    options.add_argument("--seed", type=int, default=int(time.time()), help="to do it again")
    options.add_argument("--results", type=Path, default=Path("fuzz-results"))
    given = options.parse_args()
    chosen = [t for t in TARGETS if not given.targets or t.name in given.targets]
    failed = 0
    for target in chosen:
        seconds = given.minutes * 60 / len(chosen)
        read, broken = fuzz(target, seconds, given.seed, given.results)
        failed += broken
        print(f"{target.name:10} {read:8} inputs, {broken} broke it (seed {given.seed})")
    if failed:
        print(f"What broke is in {given.results}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
