"""The journal's files: a line of JSON for every act, a file for every month, only ever added to.

Each append ends with a mark, which the database keeps too: that is how both know whether they
belong together. Nothing in them leads to a person without the address key.
"""

import json
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from newsletter_service.models import JournalKind, ms_of

NAMES = "journal-*.jsonl"
_TAIL = 4096
_APPENDING = os.O_RDWR | os.O_CREAT | os.O_APPEND


@dataclass(frozen=True, slots=True)
class Line:
    """One act as a file holds it; `at` in milliseconds since 1970."""

    at: int
    what: JournalKind
    address_key: bytes = b""
    scope: int = 0
    reason: str = ""

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "at": self.at,
                "what": self.what,
                "key": self.address_key.hex(),
                "scope": self.scope,
                "reason": self.reason,
            }
        )

    @classmethod
    def of(cls, text: str) -> "Line | None":
        """The line again; None where a crash cut it off."""
        try:
            read: dict[str, Any] = json.loads(text)
            return cls(
                int(read["at"]),
                JournalKind(read["what"]),
                bytes.fromhex(read["key"]),
                int(read["scope"]),
                str(read["reason"]),
            )
        except (ValueError, KeyError, TypeError):
            return None


class JournalFiles:
    """The files in a folder, the oldest first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, lines: Iterable[Line], now: datetime) -> str:
        """Add lines and a mark, safely on the disk; returns the mark. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark = secrets.token_hex(8)
        path = self.folder / f"journal-{now:%Y-%m}.jsonl"
        fresh = not path.exists()
        with open(os.open(path, _APPENDING, 0o600), "a+b") as file:  # noqa: PTH123 - owner only
            if file.seek(0, os.SEEK_END) and not _ends_with_a_line(file.fileno(), file.tell()):
                file.write(b"\n")
            for line in (*lines, Line(ms_of(now), JournalKind.MARK, reason=mark)):
                file.write(line.as_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            _sync_folder(self.folder)
        return mark

    def lines(self) -> Iterator[Line]:
        """Everything in them, in the order of writing; what is cut off is left out."""
        for path in self.paths():
            with path.open(encoding="utf-8", errors="replace") as file:
                yield from (line for line in map(Line.of, file) if line is not None)

    def paths(self) -> list[Path]:
        """The files there are."""
        return sorted(self.folder.glob(NAMES))

    def last_mark(self) -> str:
        """The mark at the end of the newest file; empty where there is none."""
        for path in reversed(self.paths()):
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _TAIL))
                tail = file.read().decode("utf-8", "replace").splitlines()
            for text in reversed(tail):
                line = Line.of(text)
                if line is not None and line.what is JournalKind.MARK:
                    return line.reason
        return ""


def _ends_with_a_line(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
