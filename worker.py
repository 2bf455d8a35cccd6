"""A worker of one queue: `python worker.py send`."""

import sys

from newsletter_service.app import create_app
from newsletter_service.processes import run_worker

if __name__ == "__main__":
    run_worker(create_app(), sys.argv[1] if len(sys.argv) > 1 else "default")
