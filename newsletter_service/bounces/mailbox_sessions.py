"""A mailbox opened over IMAP or POP: what waits in it, its messages, their removal.

The standard library speaks both; every wait on the network is bounded, and so is what is read.
"""

import imaplib
import poplib
import re
import ssl
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from newsletter_service.bounces.mailbox_url import MailboxUrl
from newsletter_service.mail.smtp.relay_url import Tls

PATIENCE_S = 30.0
WINDOW = 500
LONGEST_LINE = 1024 * 1024
LARGEST_LIST = 4 * 1024 * 1024
LARGEST_MESSAGE = 2 * 1024 * 1024
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,18})\b")
_FAULTS = (imaplib.IMAP4.error, poplib.error_proto, OSError, EOFError, UnicodeError)


class MailboxFault(Exception):
    """A mailbox could not be used; `kind` is unreachable, tls, login or failed."""

    def __init__(self, kind: str, said: str) -> None:
        self.kind, self.said = kind, said
        super().__init__(said)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in the mailbox: a name that stays with it, its number now, its size in bytes."""

    uid: str
    number: int
    size: int


class Mailbox(Protocol):
    """An open mailbox."""

    def waiting(self, known: Collection[str], most: int) -> list[Waiting]:
        """At most so many of its messages, the oldest first, without those that are known."""
        ...

    def read(self, message: Waiting) -> bytes:
        """The raw message; empty where somebody else removed it."""
        ...

    def remove(self, messages: Sequence[Waiting]) -> None:
        """Take messages out for good, at the latest when the mailbox is closed in order."""
        ...

    def close(self) -> None:
        """Close it in order."""
        ...

    def drop(self) -> None:
        """Break the connection off."""
        ...


@contextmanager
def opened(url: MailboxUrl, patience_s: float = PATIENCE_S) -> Iterator[Mailbox]:
    """An open mailbox, closed in order afterwards. Raises `MailboxFault`."""
    with _faults("unreachable", url):
        mailbox: Mailbox = (_Imap if url.protocol == "imap" else _Pop)(url, patience_s)
    try:
        with _faults("failed", url):
            yield mailbox
            mailbox.close()
    finally:
        mailbox.drop()


@contextmanager
def _faults(kind: str, url: MailboxUrl) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError as error:
        raise MailboxFault("tls", _said(error, url)) from error
    except _FAULTS as error:
        raise MailboxFault(kind, _said(error, url)) from error


def _said(error: BaseException, url: MailboxUrl) -> str:
    """What the server said; never the password, should it give it back."""
    said = error.args[0] if error.args and isinstance(error.args[0], bytes) else str(error)
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.replace(url.password, "…").split())[:200] or type(error).__name__


def _context(url: MailboxUrl) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=url.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Literals:
    """imaplib takes in whatever size a server announces; no further than this."""

    def read(self, size: int) -> bytes:
        if size > LARGEST_MESSAGE:
            raise imaplib.IMAP4.abort("the server sends more than was asked for")
        taken: bytes = super().read(size)  # type: ignore[misc]
        return taken


class _Imap4(_Literals, imaplib.IMAP4):
    """IMAP before or without TLS."""


class _Imap4Ssl(_Literals, imaplib.IMAP4_SSL):
    """IMAP under TLS from the first byte."""


class _Imap:
    """IMAP4rev1. Messages are named by UIDVALIDITY and UID."""

    def __init__(self, url: MailboxUrl, patience_s: float) -> None:
        self._server = _imap_server(url, patience_s)
        try:
            if url.tls is Tls.STARTTLS:
                self._server.starttls(_context(url))
            with _faults("login", url):
                _log_in(self._server, url)
            with _faults("failed", url):
                self._open(url.folder)
        except BaseException:
            self.drop()
            raise

    def _open(self, folder: str) -> None:
        quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
        self._count = int(self._asked(self._server.select, f'"{quoted}"')[0])
        validity = self._server.response("UIDVALIDITY")[1][0] or b"0"
        self._validity = validity.decode("ascii")
        offered = b" ".join(self._asked(self._server.capability)).upper().split()
        self._can_expunge_some = b"UIDPLUS" in offered

    def waiting(self, known: Collection[str], most: int) -> list[Waiting]:
        found: list[Waiting] = []
        for first in range(1, self._count + 1, WINDOW):
            last = min(first + WINDOW - 1, self._count)
            lines = self._asked(self._server.fetch, f"{first}:{last}", "(UID RFC822.SIZE)")
            found += [each for each in self._listed(lines) if each.uid not in known]
            if len(found) >= most:
                break
        return found[:most]

    def _listed(self, lines: Iterable[Any]) -> Iterator[Waiting]:
        for line in lines:
            text = line if isinstance(line, bytes) else b""
            uid, size = _UID.search(text), _SIZE.search(text)
            if uid and size:
                yield Waiting(f"{self._validity}.{uid[1].decode()}", int(uid[1]), int(size[1]))

    def read(self, message: Waiting) -> bytes:
        parts = self._asked(self._server.uid, "FETCH", str(message.number), "(BODY.PEEK[])")
        return next((part[1] for part in parts if isinstance(part, tuple)), b"")

    def remove(self, messages: Sequence[Waiting]) -> None:
        if not messages:
            return
        uids = ",".join(str(each.number) for each in messages)
        self._asked(self._server.uid, "STORE", uids, "+FLAGS.SILENT", "(\\Deleted)")
        if self._can_expunge_some:
            self._asked(self._server.uid, "EXPUNGE", uids)
        else:
            self._asked(self._server.expunge)

    def close(self) -> None:
        self._server.logout()

    def drop(self) -> None:
        with suppress(*_FAULTS):  # after an orderly end there is nothing left to break off
            self._server.shutdown()

    def _asked(self, command: Callable[..., tuple[str, list[Any]]], *words: str) -> list[Any]:
        answer, data = command(*words)
        if answer != "OK":
            raise imaplib.IMAP4.error(data[0] if data else answer)
        return data


def _imap_server(url: MailboxUrl, patience_s: float) -> imaplib.IMAP4:
    if url.tls is Tls.IMPLICIT:
        return _Imap4Ssl(url.host, url.port, ssl_context=_context(url), timeout=patience_s)
    return _Imap4(url.host, url.port, timeout=patience_s)


def _log_in(server: imaplib.IMAP4, url: MailboxUrl) -> None:
    if "AUTH=PLAIN" in server.capabilities:
        server.authenticate("PLAIN", lambda _: f"\0{url.user}\0{url.password}".encode())
    else:
        quoted = url.user.replace("\\", "\\\\").replace('"', '\\"')
        server.login(f'"{quoted}"', url.password)


class _Lines:
    """poplib refuses lines that mail should not have and returned mail does; read them."""

    file: Any
    budget = LARGEST_LIST

    def _getline(self) -> tuple[bytes, int]:
        line: bytes = self.file.readline(LONGEST_LINE + 1)
        self.budget -= len(line)
        if len(line) > LONGEST_LINE or self.budget < 0:
            raise poplib.error_proto("the server sends more than was asked for")
        if not line:
            raise poplib.error_proto("the server closed the connection")
        return line.removesuffix(b"\n").removesuffix(b"\r"), len(line)


class _Pop3(_Lines, poplib.POP3):
    """POP before or without TLS."""


class _Pop3Ssl(_Lines, poplib.POP3_SSL):
    """POP under TLS from the first byte."""


class _Pop:
    """POP3. Messages are named by UIDL; removed ones go when the session ends in order."""

    def __init__(self, url: MailboxUrl, patience_s: float) -> None:
        self._server = _pop_server(url, patience_s)
        try:
            if url.tls is Tls.STARTTLS:
                self._server.stls(_context(url))
            with _faults("login", url):
                self._server.user(url.user)
                self._server.pass_(url.password)
        except BaseException:
            self.drop()
            raise

    def waiting(self, known: Collection[str], most: int) -> list[Waiting]:
        sizes = dict(_pairs(self._server.list()[1]))
        found = [
            Waiting(uid.decode("ascii", "replace"), int(number), int(sizes.get(number, b"0")))
            for number, uid in _pairs(self._server.uidl()[1])
        ]
        return [each for each in found if each.uid not in known][:most]

    def read(self, message: Waiting) -> bytes:
        self._server.budget = LARGEST_MESSAGE
        lines = self._server.retr(message.number)[1]
        return b"\r\n".join(lines) + b"\r\n"

    def remove(self, messages: Sequence[Waiting]) -> None:
        self._server.budget = LARGEST_LIST
        for each in messages:
            self._server.dele(each.number)

    def close(self) -> None:
        self._server.quit()

    def drop(self) -> None:
        with suppress(*_FAULTS):
            self._server.close()


def _pop_server(url: MailboxUrl, patience_s: float) -> _Pop3 | _Pop3Ssl:
    if url.tls is Tls.IMPLICIT:
        return _Pop3Ssl(url.host, url.port, timeout=patience_s, context=_context(url))
    return _Pop3(url.host, url.port, timeout=patience_s)


def _pairs(lines: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for line in lines:
        number, _, rest = line.partition(b" ")
        if number.isdigit() and rest.split():
            yield number, rest.split()[0]
