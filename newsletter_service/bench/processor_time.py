"""Processor time of a server and its children, from `/proc` (see proc(5))."""

import os
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# Behind the name in parentheses: the parent, and four times in ticks.
_PARENT, _USER, _SYSTEM, _WAITED_FOR = 1, 11, 12, slice(13, 15)


def used_by(server: int) -> float:
    """Seconds of a process, of its children, and of those of them that ended."""
    own = _stat(server)
    ticks = _own(own) + sum(int(one) for one in own[_WAITED_FOR])
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            ticks += _own(stat) if stat[_PARENT] == str(server) else 0
    return ticks * _TICK_S


def _own(stat: list[str]) -> int:
    return int(stat[_USER]) + int(stat[_SYSTEM])


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return []
