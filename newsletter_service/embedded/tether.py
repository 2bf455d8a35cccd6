"""Ties a program to the life of the process that starts it.

Run as a script it asks the kernel for a signal when the starting thread ends, and then becomes the
program: the process id stays the same. The kernel keeps the wish across `execve` (prctl(2),
PR_SET_PDEATHSIG). On systems without it (macOS) the program runs untied.

It imports nothing but the standard library and is started with `-I -S`, so it costs a few
milliseconds and no site-packages.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tethered(argv: list[str], death_signal: signal.Signals = signal.SIGKILL) -> list[str]:
    """The command line that runs `argv` and ends it with `death_signal` when we end.

    The thread that starts it must outlive it: the kernel watches that thread, not the process.
    """
    owner = str(os.getpid())
    return [sys.executable, "-I", "-S", __file__, owner, str(int(death_signal)), *argv]


def _become(owner: int, death_signal: int, argv: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != owner:
        raise SystemExit(f"The process {owner} that wanted {argv[0]} has ended; not starting it.")
    os.execvp(argv[0], argv)  # noqa: S606 - becoming the program is what this script is for


if __name__ == "__main__":
    _become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
