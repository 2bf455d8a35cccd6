"""One send worker without its queue: `python -m newsletter_service.bench.sender`.

Takes turns until nothing is left and prints what it cost as JSON.
"""

import json
import re
import sys
import time
from pathlib import Path

from flask import current_app

from newsletter_service import jobs
from newsletter_service.delivery.engine import close_engine, engine_of
from newsletter_service.delivery.turn import Turn
from newsletter_service.processes.worker import app_for, settle_memory


def main() -> None:
    """Send everything that is due."""
    app = app_for("send")
    jobs.register("send")
    settle_memory()
    with app.app_context():
        engine = engine_of(current_app._get_current_object())  # type: ignore[attr-defined]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        began, cpu = time.perf_counter(), time.process_time()
        while engine.run(Turn(engine).run()):
            pass
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        close_engine(app)
    sys.stdout.write(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": _peak_mb()}) + "\n")


def _peak_mb() -> float:
    """This program's own peak; what getrusage tells goes back to before it was started."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
