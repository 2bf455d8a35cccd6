"""How a process learns that it should end."""

import signal
import threading


def until_signal() -> threading.Event:
    """Set by SIGTERM or SIGINT."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    return stopping
