"""A send worker stays on a core of its own, and gives it back by ending."""

import os
import subprocess
import sys

from newsletter_service.processes import own_core

PROGRAM = """
import os, sys
from newsletter_service.processes.own_core import keep_to_one
print(keep_to_one(sys.argv[1]), sorted(os.sched_getaffinity(0)), flush=True)
sys.stdin.readline()
"""


def worker(name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, name]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_each_worker_has_a_core_of_its_own_and_one_is_left_to_everybody() -> None:
    name = f"{own_core.NAME}-test-{os.getpid()}"
    cores = sorted(os.sched_getaffinity(0))
    everywhere = f"None {cores}"
    expected = [f"{core} [{core}]" for core in cores[:-1]] + [everywhere]
    running = []
    for words in expected:
        running.append(worker(name))
        assert said(running[-1]) == words
    for process in running:
        process.communicate("\n", timeout=30)
    again = worker(name)
    assert said(again) == expected[0]
    again.communicate("\n", timeout=30)
