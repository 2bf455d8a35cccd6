"""Sign-ups at the form, with Redis and without, beside a bare route (design part 7, subscribe)."""

import http.client
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from urllib.parse import urlencode

from newsletter_service.bench.installation import installation
from newsletter_service.bench.measure import Bench, Line, Setting, quantile, ratio
from newsletter_service.bench.servers import free_port, wait_for
from newsletter_service.embedded.tether import tethered
from newsletter_service.embedded.valkey import EmbeddedValkey

VISITORS = 8
POSTS = 2000
PAGES = [sys.executable, "-m", "newsletter_service", "web"]
BARE = [
    *(sys.executable, "-m", "gunicorn", "newsletter_service.bench.bare:app"),
    *("--worker-class", "gthread", "--threads", "16", "--log-level", "warning"),
]
_numbers = count(1)


def run(setting: Setting) -> Iterator[Line]:
    """The same visitors at each door in turn, round by round."""
    posts = POSTS // (20 if setting.quick else 1)
    rates: dict[str, list[float]] = defaultdict(list)
    slow: dict[str, list[float]] = defaultdict(list)
    place = setting.place / "subscribe"
    with ExitStack() as stack:
        web, bare = free_port(), free_port()
        made = stack.enter_context(
            installation(
                f"sqlite:///{place}/subscribe.db",
                place,
                listen=f"127.0.0.1:{web}",
                trusted_proxies=1,
            )
        )
        stack.enter_context(serving([*BARE, "--bind", f"127.0.0.1:{bare}"], bare, made.env))
        stack.enter_context(serving(PAGES, web, made.env))
        for _ in range(setting.rounds):
            doors = [("a bare route", bare, "/"), ("Redis down", web, "/prenumerera/nytt")]
            for name, port, path in doors:
                _note(name, _visit(port, path, posts), rates, slow)
            with EmbeddedValkey(place):
                time.sleep(4)  # a server that was away is asked again after three seconds
                found = _visit(web, "/prenumerera/nytt", posts)
            _note("Redis up", found, rates, slow)
    for name in ("a bare route", "Redis up", "Redis down"):
        yield Line(
            "subscribe",
            name,
            "POST/s",
            tuple(rates[name]),
            against="" if name == "a bare route" else "a bare route",
            ratio=None if name == "a bare route" else ratio(rates[name], rates["a bare route"]),
            detail={"p50 ms": quantile(slow[name], 0.5), "p99 ms": quantile(slow[name], 0.99)},
        )


def _note(
    name: str,
    found: tuple[float, list[float]],
    rates: dict[str, list[float]],
    slow: dict[str, list[float]],
) -> None:
    rates[name].append(found[0])
    slow[name] += [seconds * 1000 for seconds in found[1]]


@contextmanager
def serving(command: list[str], port: int, env: dict[str, str]) -> Iterator[None]:
    """A process that listens, until the block ends."""
    process = subprocess.Popen(  # noqa: S603 - our own command line
        tethered(command), env=env | {"PATH": "/usr/bin:/bin"}
    )
    try:
        wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait()


def _visit(port: int, path: str, posts: int) -> tuple[float, list[float]]:
    """Posts a second by some visitors at once, each from a network of its own, and each time."""
    times: list[float] = []
    faults: list[BaseException] = []

    def visitor() -> None:
        try:
            times.extend(post(port, path) for _ in range(posts // VISITORS))
        except BaseException as error:  # told below, in the thread that measures
            faults.append(error)

    threads = [threading.Thread(target=visitor) for _ in range(VISITORS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return len(times) / (time.perf_counter() - began), times


def post(port: int, path: str) -> float:
    """One sign-up without proof from a network of its own; its seconds."""
    number = next(_numbers)
    body = urlencode({"email": f"visitor{number}@v{number}.example"})
    network = f"198.{18 + number // 65536 % 2}.{number // 256 % 256}.{number % 256}"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Forwarded-For": network,
    }
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status >= 400:
        raise RuntimeError(f"POST {path} was answered by {answer.status}.")
    return time.perf_counter() - began


BENCH = Bench("subscribe", "sign-ups at the form beside a bare route", run)
