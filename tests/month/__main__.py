"""The whole month, with as many issues as days; says what it saw, and fails on any fault."""

import argparse
import logging
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests import schema
from tests.month.clockwork import month

# Over the night in which the clocks are put forward.
BEGINS = datetime(2027, 3, 10, 6, 0, tzinfo=UTC)


def main() -> int:
    """Run it; 0 if all is well."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days", type=int, default=31)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    logging.disable(logging.ERROR)  # without a queue every nudge says that it failed
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        url = f"sqlite:///{place}/month.sqlite"
        schema.migrate(url, place)
        with month(url, place, BEGINS, chosen.days, chosen.seed) as lived:
            lived.prepare(chosen.days)
            lived.live()
            faults, seen = lived.faults(), lived.seen
    for fault in faults:
        print(fault)
    print(
        f"{chosen.days} days, seed {chosen.seed}: {seen.ticks} ticks, {seen.killed} schedulers"
        f" killed, {seen.silent} silences, {len(seen.started)} of {chosen.days} issues left,"
        f" {len(faults)} faults, {time.monotonic() - began:.0f} s"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
