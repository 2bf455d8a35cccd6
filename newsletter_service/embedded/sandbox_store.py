"""The mails that the sandbox took: a file each, and an index that other processes may read."""

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file TEXT NOT NULL,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    size INTEGER NOT NULL,
    received_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS recipient (
    mail_id INTEGER NOT NULL REFERENCES mail (id),
    address TEXT NOT NULL,
    address_key TEXT NOT NULL,
    bounce_due INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS recipient_mail ON recipient (mail_id);
CREATE INDEX IF NOT EXISTS recipient_key ON recipient (address_key, mail_id);
CREATE INDEX IF NOT EXISTS recipient_bounce ON recipient (mail_id) WHERE bounce_due = 1;
"""
_SELECT = "SELECT mail.id, file, sender, subject, size, received_ms FROM mail"


@dataclass(frozen=True, slots=True)
class StoredMail:
    """One mail as it came, with the envelope it came in; `path` is its .eml file."""

    id: int
    path: Path
    sender: str
    recipients: tuple[str, ...]
    subject: str
    size: int
    received_at: datetime

    @property
    def raw(self) -> bytes:
        """The bytes of the mail."""
        return self.path.read_bytes()


@dataclass(frozen=True, slots=True)
class DueBounce:
    """A mail that one of its recipients is still to bounce."""

    mail: StoredMail
    recipient: str


class Sandbox:
    """The mails in one folder; any number of processes may read while one writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mails = path / "mails"
        self._mails.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._index() as index:
            index.execute("PRAGMA journal_mode=WAL")
            index.executescript(_SCHEMA)

    def add(
        self,
        sender: str,
        recipients: Sequence[str],
        raw: bytes,
        received_at: datetime,
        bouncing: frozenset[str] = frozenset(),
    ) -> int:
        """Keep a mail and return its id; `bouncing` holds case-folded addresses."""
        file = self._write(raw)
        received = int(received_at.timestamp() * 1000)
        with self._index() as index:
            cursor = index.execute(
                "INSERT INTO mail (file, sender, subject, size, received_ms)"
                " VALUES (?, ?, ?, ?, ?)",
                (file, sender, _subject(raw), len(raw), received),
            )
            mail_id = int(cursor.lastrowid or 0)
            index.executemany(
                "INSERT INTO recipient VALUES (?, ?, ?, ?)",
                [(mail_id, a, a.casefold(), a.casefold() in bouncing) for a in recipients],
            )
        return mail_id

    def list(self, limit: int = 50, before: int | None = None) -> Sequence[StoredMail]:
        """Return mails, the newest first; `before` is the last id of the page before."""
        return self.search(limit=limit, before=before)

    def search(
        self, to: str = "", subject: str = "", limit: int = 50, before: int | None = None
    ) -> Sequence[StoredMail]:
        """Return mails to exactly that address, with that text in the subject, newest first."""
        where, values = ["1 = 1"], list[str | int]()
        if to:
            where.append("id IN (SELECT mail_id FROM recipient WHERE address_key = ?)")
            values.append(to.strip().casefold())
        if subject:
            where.append("instr(lower(subject), lower(?)) > 0")
            values.append(subject)
        if before is not None:
            where.append("id < ?")
            values.append(before)
        query = f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?"
        return self._mails_by(query, [*values, limit])

    def get(self, mail_id: int) -> StoredMail | None:
        """Return one mail, or None if there is none of that id."""
        return next(iter(self._mails_by(f"{_SELECT} WHERE id = ?", [mail_id])), None)

    def count(self) -> int:
        """Return how many mails there are."""
        with self._index() as index:
            return int(index.execute("SELECT count(*) FROM mail").fetchone()[0])

    def due_bounces(self) -> Sequence[DueBounce]:
        """Return what is still to be bounced, the oldest first."""
        with self._index() as index:
            rows = index.execute(
                "SELECT mail_id, address FROM recipient WHERE bounce_due = 1 ORDER BY mail_id"
            ).fetchall()
        mails = {mail_id: self.get(mail_id) for mail_id, _ in rows}
        return [DueBounce(mail, to) for mail_id, to in rows if (mail := mails[mail_id])]

    def bounced(self, bounce: DueBounce) -> None:
        """Note that a bounce needs no more attention."""
        with self._index() as index:
            index.execute(
                "UPDATE recipient SET bounce_due = 0 WHERE mail_id = ? AND address = ?",
                (bounce.mail.id, bounce.recipient),
            )

    def _mails_by(self, query: str, values: Sequence[str | int]) -> Sequence[StoredMail]:
        with self._index() as index:
            return [self._mail(index, row) for row in index.execute(query, values).fetchall()]

    def _mail(
        self, index: sqlite3.Connection, row: tuple[int, str, str, str, int, int]
    ) -> StoredMail:
        mail_id, file, sender, subject, size, received = row
        found = index.execute("SELECT address FROM recipient WHERE mail_id = ?", (mail_id,))
        return StoredMail(
            id=mail_id,
            path=self._mails / file,
            sender=sender,
            recipients=tuple(address for (address,) in found),
            subject=subject,
            size=size,
            received_at=datetime.fromtimestamp(received / 1000, UTC),
        )

    def _write(self, raw: bytes) -> str:
        """Write the file whole before anybody can learn its name."""
        name = f"{uuid.uuid4().hex}.eml"
        partial = self._mails / f".{name}"
        partial.write_bytes(raw)
        partial.replace(self._mails / name)
        return name

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path / "index.sqlite", timeout=10)) as index:
            index.execute("PRAGMA synchronous=NORMAL")
            with index:
                yield index


def _subject(raw: bytes) -> str:
    header = BytesHeaderParser(policy=policy.default).parsebytes(raw)
    return " ".join(str(header.get("subject", "")).split())
