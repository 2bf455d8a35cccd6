"""A worker of one queue: `python worker.py send`."""

import sys

from newsletter_service.processes.worker import app_for, run_worker

if __name__ == "__main__":
    name = sys.argv[1] if len(sys.argv) > 1 else "default"
    run_worker(app_for(name), name)
