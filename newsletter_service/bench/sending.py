"""How fast one worker sends, beside smtp-source and the plain loop (design part 7, send)."""

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from sqlalchemy import text

from newsletter_service.bench import killing, plain_loop
from newsletter_service.bench.installation import Installation, installation
from newsletter_service.bench.measure import Bench, Line, Setting, ratio
from newsletter_service.bench.servers import postgres, program, sink
from newsletter_service.delivery import audience
from newsletter_service.delivery.statement import statement
from newsletter_service.embedded.tether import tethered
from newsletter_service.extensions import db
from newsletter_service.mail.dkim import DkimKey
from newsletter_service.mail.dkim_keys import DkimKeys

SESSIONS = 40
SENDER = [sys.executable, "-m", "newsletter_service.bench.sender"]


@dataclass(frozen=True)
class _Size:
    """A message and how many readers get it; `bar` is promised against smtp-source."""

    name: str
    size: int
    readers: int
    plain: int
    bar: float
    signed: bool = False


SIZES = (
    _Size("40 kB", 40_000, 20_000, 300, 0.9, signed=True),
    _Size("5 kB", 5_000, 100_000, 1000, 0.5),
)
SIGNED = "PostgreSQL, DKIM"
SENDER_DOMAIN = "park.example.org"
SIGNATURES = 1000
# Of what bare signing reaches, or so many a second, whichever is less.
SIGNED_BAR, SIGNED_RATE = 0.6, 1500


@dataclass(frozen=True)
class Sent:
    """What one worker did with one issue."""

    rate: float
    cpu_us: float
    peak_mb: float


def run(setting: Setting) -> Iterator[Line]:
    """Every way in turn, round by round, into the same sink; at last a worker is killed."""
    with ExitStack() as stack:
        port = stack.enter_context(sink())
        url = f"smtp://127.0.0.1:{port}?tls=none"
        common = {
            "smtp_url": url,
            "smtp_connections": SESSIONS,
            "smtp_messages_per_connection": 10_000,
            "turn_seconds": 600,
        }
        databases = {
            "PostgreSQL": stack.enter_context(postgres(setting.place)),
            "SQLite": f"sqlite:///{setting.place}/bench.db",
        }
        for size in SIZES:
            yield from _measured(setting, size, databases, port, common)
        for name in databases:
            yield from killing.lines(setting, name, SENDER, SESSIONS)


def _measured(
    setting: Setting, size: _Size, databases: dict[str, str], port: int, common: dict[str, object]
) -> Iterator[Line]:
    number = setting.audience(size.readers)
    rates: dict[str, list[float]] = defaultdict(list)
    sent: dict[str, list[Sent]] = defaultdict(list)
    for turn in range(setting.rounds):
        for name, url in databases.items():
            sent[name].append(_sent(url, setting.place / name, size.size, number, common))
        if size.signed:
            place = setting.place / "signed"
            key = _signing_key(place / "dkim")
            sent[SIGNED].append(_sent(databases["PostgreSQL"], place, size.size, number, common))
            rates["bare signing"].append(_bare_signing(key))
        for name, done in sent.items():
            rates[name].append(done[-1].rate)
        rates["smtp-source"].append(smtp_source(port, number, size.size))
        rates["plain loop"].append(
            plain_loop.send(port, size.plain, size.size, setting.place / "plain.db")
        )
        setting.tell(
            f"  {size.name}, round {turn + 1}: "
            + ", ".join(f"{name} {got[-1]:.0f}/s" for name, got in rates.items())
        )
    yield from _lines(size, rates, sent)


def _sent(url: str, place: Path, size: int, number: int, common: dict[str, object]) -> Sent:
    with installation(url, place, **common) as made:
        made.readers(number)
        return one_worker(made, made.issue(size), number)


def _signing_key(place: Path) -> DkimKey:
    keys = DkimKeys(place)
    if "bench" not in keys.known(SENDER_DOMAIN):
        keys.make(SENDER_DOMAIN, "bench", "rsa")
        keys.use(SENDER_DOMAIN, ["bench"], datetime.now(UTC))
    return keys.key(SENDER_DOMAIN, "bench")


def _bare_signing(key: DkimKey) -> float:
    began = time.perf_counter()
    for number in range(SIGNATURES):
        key.sign(number.to_bytes(32))
    return SIGNATURES / (time.perf_counter() - began)


def _lines(
    size: _Size, rates: dict[str, list[float]], sent: dict[str, list[Sent]]
) -> Iterator[Line]:
    source, plain, bare = rates["smtp-source"], rates["plain loop"], rates.get("bare signing", [])
    for name, theirs, bar in (
        ("PostgreSQL", "smtp-source", size.bar),
        ("SQLite", "PostgreSQL", 0.7),
        (SIGNED, "bare signing", _signed_bar(bare)),
        ("smtp-source", "", None),
        ("plain loop", "", None),
        ("bare signing", "", None),
    ):
        if name not in rates:
            continue
        detail: dict[str, float | str] = {}
        if name in sent:
            detail = {
                "CPU µs a message": median(one.cpu_us for one in sent[name]),
                "peak MB": median(one.peak_mb for one in sent[name]),
                "times the plain loop": ratio(rates[name], plain),
                "of smtp-source": ratio(rates[name], source),
            }
        yield Line(
            "send",
            f"{name}, {size.name}",
            "msg/s",
            tuple(rates[name]),
            against=f"{theirs}, {size.name}" if theirs else "",
            ratio=ratio(rates[name], rates[theirs]) if theirs else None,
            bar=bar,
            detail=detail,
        )
    if size.bar == SIZES[0].bar:
        yield Line(
            "send",
            f"PostgreSQL, {size.name}, once more",
            "msg/s",
            tuple(rates["PostgreSQL"]),
            against=f"plain loop, {size.name}",
            ratio=ratio(rates["PostgreSQL"], plain),
            bar=20.0,
        )


def _signed_bar(bare: list[float]) -> float | None:
    return min(SIGNED_BAR, SIGNED_RATE / median(bare)) if bare else None


def one_worker(made: Installation, issue_id: int, number: int) -> Sent:
    """Expand an issue and let one worker process send it; raises unless everybody has it."""
    audience.expand(issue_id, datetime.now(UTC))
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    got = worker(made)
    counted = statement(db.session(), issue_id)
    if counted.accepted != number or not counted.balances:
        raise RuntimeError(f"The worker did not send to everybody: {counted}")
    db.session.remove()
    return Sent(number / got["seconds"], got["cpu"] / number * 1e6, got["peak_mb"])


def worker(made: Installation) -> dict[str, float]:
    """Let one worker process take turns until nothing is left; what it cost."""
    process = subprocess.Popen(  # noqa: S603 - our own command line
        tethered(SENDER),
        env=made.env | {"PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    out, _ = process.communicate("\n")
    if process.returncode:
        raise RuntimeError("The worker failed; its log is above.")
    got: dict[str, float] = json.loads(out.splitlines()[-1])
    return got


def smtp_source(port: int, number: int, size: int) -> float:
    """Messages a second of Postfix's own generator over kept connections."""
    command = [program("smtp-source", "postfix"), "-d", "-s", str(SESSIONS)]
    command += ["-l", str(size), "-m", str(number), f"127.0.0.1:{port}"]
    began = time.perf_counter()
    subprocess.run(command, check=True)  # noqa: S603 - our own command line
    return number / (time.perf_counter() - began)


BENCH = Bench("send", "one worker beside smtp-source and the plain loop", run)
