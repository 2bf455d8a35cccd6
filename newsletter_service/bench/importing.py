"""How long a million readers take to come in, and in how much memory: the command as people run it.

Each round has a fresh database; the file holds an address, a language and two answers. A file of a
tenth of the size is measured beside it: memory must not grow with the file.
"""

import json
import os
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

import openpyxl
from sqlalchemy import create_engine, text

from newsletter_service.bench.installation import Installation, installation
from newsletter_service.bench.measure import Bench, Line, Setting
from newsletter_service.bench.servers import postgres
from newsletter_service.embedded.tether import tethered
from newsletter_service.models import FieldKind
from newsletter_service.subscribers import fields
from newsletter_service.subscribers.fields import Choice, Definition

READERS = 1_000_000
QUICK = 20_000
AREAS = ("Energi", "Vård", "Läkemedel", "Något annat")
HEADING = ["email", "locale", "organisation", "område"]


@dataclass(frozen=True)
class Taken:
    """What one command did with one file."""

    seconds: float
    peak_mb: float


def run(setting: Setting) -> Iterator[Line]:
    """Both databases in turn, round by round."""
    number = QUICK if setting.quick else READERS
    files = {
        "CSV": (_csv(setting.place / "readers.csv", number), number),
        "a tenth": (_csv(setting.place / "tenth.csv", number // 10), number // 10),
        "Excel, a tenth": (_workbook(setting.place / "tenth.xlsx", number // 10), number // 10),
    }
    took: dict[tuple[str, str], list[Taken]] = defaultdict(list)
    with ExitStack() as stack:
        server = stack.enter_context(postgres(setting.place))
        for turn in range(setting.rounds):
            for name in ("PostgreSQL", "SQLite"):
                for kind, (file, rows) in files.items():
                    place = setting.place / f"{name}-{kind}-{turn}".replace(" ", "-")
                    url = _fresh(server) if name == "PostgreSQL" else f"sqlite:///{place}.db"
                    with installation(url, place) as made:
                        took[name, kind].append(_taken(made, file, rows))
            told = ", ".join(f"{n} {k} {t[-1].seconds:.0f} s" for (n, k), t in took.items())
            setting.tell(f"  round {turn + 1}: {told}")
    yield from _lines(files, took)


def _lines(
    files: dict[str, tuple[Path, int]], took: dict[tuple[str, str], list[Taken]]
) -> Iterator[Line]:
    for (name, kind), each in took.items():
        file, rows = files[kind]
        detail: dict[str, float | str] = {
            "minutes": round(median(one.seconds for one in each) / 60, 2),
            "peak MB": round(median(one.peak_mb for one in each)),
            "MB of file": round(file.stat().st_size / 1e6, 1),
        }
        rates = tuple(rows / one.seconds for one in each)
        yield Line("import", f"{name}, {kind}, {rows} rows", "rows/s", rates, detail=detail)


def _taken(made: Installation, file: Path, rows: int) -> Taken:
    """Run the command in a process of its own."""
    now = datetime.now(UTC)
    choices = tuple(Choice(each) for each in AREAS)
    for wanted in (
        Definition("Organisation", FieldKind.TEXT),
        Definition("Område", FieldKind.CHOICE, choices=choices),
    ):
        fields.define(made.list_id, wanted, actor="bench", now=now)
    command = [sys.executable, "-m", "newsletter_service", "subscribers", "import", str(file)]
    command += ["--list", "nytt", "--confirmed", "--evidence", "Measured", "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own command line
        tethered(command), env=os.environ | made.env, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    told = json.loads(process.stdout.read())
    _pid, _status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if told["taken"] != rows:
        raise RuntimeError(f"{told['taken']} of {rows} were taken: {told['not_taken']}")
    return Taken(seconds, usage.ru_maxrss / 1024)


def _rows(number: int) -> Iterator[list[str]]:
    yield HEADING
    for n in range(number):
        locale = "en" if n % 10 == 0 else "sv"
        address = f"reader{n}@d{n % 5000}.example.org"
        yield [address, locale, f"Bolag {n % 50_000} AB", AREAS[n % len(AREAS)]]


def _csv(file: Path, number: int) -> Path:
    with file.open("w", encoding="utf-8") as opened:
        opened.writelines(";".join(row) + "\n" for row in _rows(number))
    return file


def _workbook(file: Path, number: int) -> Path:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("1")
    for row in _rows(number):
        sheet.append(row)
    book.save(file)
    return file


def _fresh(server: str) -> str:
    """The same server with an empty database."""
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return server


BENCH = Bench("import", "a file of a million readers, taken in by the command", run)
