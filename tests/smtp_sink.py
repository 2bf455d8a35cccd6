"""A hostile SMTP server that remembers: for tests in-process and as a process of its own.

In-process, in a thread with its own event loop:

    with Sink(Behaviour(rules=[Rule(at="dot", nth=3, close=True)])) as sink:
        RelayUrl.parse(sink.url)
        sink.messages, sink.sessions

As a process, each message a line of JSON that is written before the dot is answered:

    python tests/smtp_sink.py --port 2525 --store FILE.jsonl --behaviour '{"pipelining": false}'

It prints one line of JSON with the port and the URL when it listens. `stored(FILE)` reads the
messages back. A faulty client (bare CR or LF, dots not doubled) is refused and noted in `faults`.
"""

import argparse
import asyncio
import base64
import datetime
import ipaddress
import json
import os
import re
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LONGEST_LINE = 16 * 1024


@dataclass
class Rule:
    """What to do otherwise, where, and when; the first rule that matches is taken.

    `at`: connect, ehlo, starttls, auth, mail, rcpt, data, body (the first bytes after 354), dot,
    rset, noop, quit. `nth` is the how-manieth event of that kind, from 1; `since` every one from
    that on; `times` how often the rule is used. `recipient` is a pattern such as `*@busy.test`.
    `reply` replaces ours; `raw` is sent as it is instead; `inject` goes out behind the reply;
    `store` keeps the message whatever is answered (the default is to keep it when 2yz is).
    """

    at: str
    nth: int | None = None
    since: int | None = None
    times: int | None = None
    recipient: str | None = None
    reply: str | None = None
    raw: str | None = None
    inject: str | None = None
    delay: float = 0.0
    store: bool | None = None
    close: bool = False
    used: int = 0

    def matches(self, at: str, count: int, recipients: list[str]) -> bool:
        """Whether the rule speaks about this event."""
        return (
            self.at == at
            and (self.nth is None or self.nth == count)
            and (self.since is None or count >= self.since)
            and (self.times is None or self.used < self.times)
            and (
                self.recipient is None
                or any(fnmatchcase(address, self.recipient) for address in recipients)
            )
        )


@dataclass
class Behaviour:
    """What the server offers. `tls`: none, starttls, implicit; `hosts` stand in its certificate.

    `users` are names and passwords; with none, AUTH is not offered. `bodies` false keeps of each
    message only its header, size and hash-like facts, for runs with very many.
    `receive_buffer` is how much the system takes for us while we don't read.
    """

    pipelining: bool = True
    smtputf8: bool = True
    dsn: bool = True
    size: int | None = 35_000_000
    tls: str = "none"
    hosts: list[str] = field(default_factory=lambda: ["localhost", "127.0.0.1"])
    users: dict[str, str] = field(default_factory=dict)
    auth: list[str] = field(default_factory=lambda: ["PLAIN", "LOGIN"])
    auth_before_tls: bool = False
    bodies: bool = True
    receive_buffer: int | None = None
    rules: list[Rule] = field(default_factory=list)

    @classmethod
    def from_json(cls, text: str) -> "Behaviour":
        """Read what `--behaviour` was given."""
        values = json.loads(text)
        rules = [Rule(**rule) for rule in values.pop("rules", [])]
        return cls(**values, rules=rules)


@dataclass
class Message:
    """One message that was kept, its bytes as the client meant them (dots undoubled)."""

    mail_from: str
    rcpt_to: list[str]
    data: bytes
    mail_arguments: list[str]
    rcpt_arguments: list[list[str]]
    session: int
    received: float
    size: int

    @property
    def message_id(self) -> str:
        """The Message-ID of the header, or an empty text."""
        found = re.search(rb"^message-id:\s*(\S+)", self.data, re.IGNORECASE | re.MULTILINE)
        return found[1].decode("ascii", "replace") if found else ""

    def to_json(self) -> str:
        """Write the message as one line."""
        return json.dumps({**asdict(self), "data": self.data.decode("latin-1")})

    @classmethod
    def from_json(cls, line: str) -> "Message":
        """Read what to_json wrote."""
        values = json.loads(line)
        return cls(**{**values, "data": values["data"].encode("latin-1")})


@dataclass
class Session:
    """What was seen on one connection; `auth_bytes` is every byte of every AUTH exchange."""

    number: int
    commands: list[str] = field(default_factory=list)
    auth_bytes: bytes = b""
    tls: bool = False
    quit: bool = False
    messages: int = 0
    faults: list[str] = field(default_factory=list)
    largest_group: int = 0
    closed: bool = False


def stored(path: Path) -> list[Message]:
    """Read the messages that a sink process wrote; a line cut off by its death is left out."""
    if not path.exists():
        return []
    text = path.read_text("ascii")
    whole = text[: text.rfind("\n") + 1]
    return [Message.from_json(line) for line in whole.splitlines()]


def certificate(folder: Path, hosts: list[str]) -> Path:
    """Write a self-signed certificate with its key as `sink.pem`, good as its own CA file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smtp sink")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([_general(h) for h in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "sink.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class _GoneError(Exception):
    """This conversation is over, by either side."""


class Server:
    """The sink on the running event loop; `store` is a file that messages are appended to."""

    def __init__(self, behaviour: Behaviour, store: Path | None = None) -> None:
        self.behaviour = behaviour
        self.messages: list[Message] = []
        self.sessions: list[Session] = []
        self.counts: dict[str, int] = {}
        self.port = 0
        self._folder = tempfile.TemporaryDirectory(prefix="sink-")
        self.ca_file: Path | None = None
        self.context: ssl.SSLContext | None = None
        self._file = store.open("a", encoding="ascii") if store else None
        self._listener: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1."""
        if self.behaviour.tls != "none":
            self.ca_file = certificate(Path(self._folder.name), self.behaviour.hosts)
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(self.ca_file)
        implicit = self.context if self.behaviour.tls == "implicit" else None
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.behaviour.receive_buffer:
            room = self.behaviour.receive_buffer
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        listening.bind(("127.0.0.1", port))
        self._listener = await asyncio.start_server(
            self._talk, sock=listening, ssl=implicit, backlog=512
        )
        self.port = listening.getsockname()[1]

    async def stop(self) -> None:
        """Hang up on everybody and stop."""
        if self._listener:
            self._listener.close()
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        if self._file:
            self._file.close()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        """The relay URL by which a client that trusts this sink reaches it."""
        where = f"localhost:{self.port}"
        secret = next((f"{u}:{p}@" for u, p in self.behaviour.users.items()), "")
        if self.behaviour.tls == "none":
            return f"smtp://127.0.0.1:{self.port}?tls=none"
        if self.behaviour.tls == "implicit":
            return f"smtps://{secret}{where}?ca_file={self.ca_file}"
        return f"smtp://{secret}{where}?tls=starttls&ca_file={self.ca_file}"

    def keep(self, message: Message) -> None:
        """Remember a message; in the file it survives the death of this process."""
        if self._file:
            self._file.write(message.to_json() + "\n")
            self._file.flush()
        self.messages.append(message)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        session = Session(len(self.sessions) + 1, tls=self.behaviour.tls == "implicit")
        self.sessions.append(session)
        try:
            await _Talk(self, session, reader, writer).run()
        except (_GoneError, OSError, asyncio.CancelledError):
            pass  # what happened is in the session
        finally:
            session.closed = True
            self._talks.discard(task)
            writer.transport.abort() if session.tls else writer.close()


class _Talk:
    """One conversation."""

    def __init__(
        self,
        server: Server,
        session: Session,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.server = server
        self.session = session
        self.reader = reader
        self.writer = writer
        self.buffer = bytearray()
        self.authenticated = False
        self.commands: dict[str, Callable[[str], Coroutine[Any, Any, None]]] = {
            "EHLO": self.ehlo,
            "STARTTLS": self.starttls,
            "AUTH": self.auth,
            "MAIL": self.mail,
            "RCPT": self.rcpt,
            "DATA": self.data,
            "RSET": self.rset,
            "NOOP": self.noop,
            "QUIT": self.quit,
        }
        self.forget()

    @property
    def offers(self) -> Behaviour:
        return self.server.behaviour

    def forget(self) -> None:
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.mail_arguments: list[str] = []
        self.rcpt_arguments: list[list[str]] = []

    async def run(self) -> None:
        await self.answer("connect", "220 sink.test ESMTP")
        while True:
            text = (await self.line()).decode("utf-8", "surrogateescape")
            self.session.commands.append("AUTH" if text[:4].upper() == "AUTH" else text)
            verb = text.partition(" ")[0].upper()
            command = self.commands.get(verb)
            if command is None:
                await self.say("500 5.5.1 I do not know that")
            else:
                await command(text)

    # Bytes.

    async def fill(self) -> None:
        data = await self.reader.read(65536)
        if not data:
            raise _GoneError
        self.buffer += data

    async def line(self) -> bytes:
        while (end := self.buffer.find(b"\n")) < 0:
            if len(self.buffer) > LONGEST_LINE:
                raise _GoneError
            await self.fill()
        line = bytes(self.buffer[: end + 1])
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            self.session.faults.append("a command line without CRLF")
        if self.session.commands:
            self.session.largest_group = max(self.session.largest_group, self.buffer.count(b"\n"))
        del self.buffer[: end + 1]
        return line.rstrip(b"\r\n")

    async def say(self, reply: str) -> None:
        self.writer.write(reply.encode() + b"\r\n")
        await self.writer.drain()

    # Rules.

    def rule(self, at: str, recipients: list[str] | None = None) -> Rule:
        """Count the event and return the rule for it, or one that changes nothing."""
        counts = self.server.counts
        counts[at] = counts.get(at, 0) + 1
        addresses = self.recipients if recipients is None else recipients
        for rule in self.offers.rules:
            if rule.matches(at, counts[at], addresses):
                rule.used += 1
                return rule
        return Rule(at)

    async def obey(self, rule: Rule, usual: str) -> str:
        """Do what the rule says and return the reply that was given, empty for none."""
        if rule.delay:
            await asyncio.sleep(rule.delay)
        if rule.raw is not None:
            self.writer.write(rule.raw.encode("latin-1"))
            await self.writer.drain()
        reply = "" if rule.raw is not None or (rule.close and not rule.reply) else usual
        if reply:
            reply = rule.reply or usual
            self.writer.write(f"{reply}\r\n{rule.inject or ''}".encode())
            await self.writer.drain()
        elif rule.close and rule.reply:
            reply = rule.reply
            await self.say(reply)
        if rule.close or reply.startswith("421"):
            raise _GoneError
        return reply

    async def answer(self, at: str, usual: str, recipients: list[str] | None = None) -> str:
        return await self.obey(self.rule(at, recipients), usual)

    # Commands.

    async def ehlo(self, text: str) -> None:
        offers = self.offers
        words = ["sink.test", "8BITMIME", "ENHANCEDSTATUSCODES"]
        words += ["PIPELINING"] if offers.pipelining else []
        words += ["SMTPUTF8"] if offers.smtputf8 else []
        words += ["DSN"] if offers.dsn else []
        words += [f"SIZE {offers.size}"] if offers.size is not None else []
        words += ["STARTTLS"] if offers.tls == "starttls" and not self.session.tls else []
        if offers.users and (self.session.tls or offers.auth_before_tls):
            words.append("AUTH " + " ".join(offers.auth))
        lines = [f"250-{word}" for word in words[:-1]] + [f"250 {words[-1]}"]
        await self.answer("ehlo", "\r\n".join(lines))

    async def starttls(self, text: str) -> None:
        if self.server.context is None or self.session.tls:
            await self.say("502 5.5.1 No TLS here")
            return
        reply = await self.answer("starttls", "220 2.0.0 Go ahead")
        if not reply.startswith("220"):
            return
        if self.buffer:
            self.session.faults.append("spoke on before TLS")
        await self.writer.start_tls(self.server.context)
        self.session.tls = True

    async def auth(self, text: str) -> None:
        self.session.auth_bytes += text.encode()
        words = text.split()
        if len(words) == 3 and words[1].upper() == "PLAIN":
            _, user, password = base64.b64decode(words[2]).decode().split("\0")
        elif words[1:] == ["LOGIN"]:
            user, password = await self.ask("VXNlcm5hbWU6"), await self.ask("UGFzc3dvcmQ6")
        else:
            await self.say("504 5.5.4 Not that way")
            return
        self.authenticated = self.offers.users.get(user) == password
        good = "235 2.7.0 Welcome" if self.authenticated else "535 5.7.8 Not you"
        await self.answer("auth", good)

    async def ask(self, prompt: str) -> str:
        await self.say(f"334 {prompt}")
        line = await self.line()
        self.session.auth_bytes += line
        return base64.b64decode(line).decode()

    async def mail(self, text: str) -> None:
        address, arguments = self.path(text)
        usual = "250 2.1.0 Ok"
        if self.offers.users and not self.authenticated:
            usual = "530 5.7.0 Authentication required"
        elif self.sender is not None:
            usual = "503 5.5.1 Nested MAIL"
        elif "SMTPUTF8" in arguments and not self.offers.smtputf8:
            usual = "555 5.5.4 No SMTPUTF8 here"
        elif not text.isascii() and "SMTPUTF8" not in arguments:
            usual = "553 5.6.7 Not without SMTPUTF8"
        reply = await self.answer("mail", usual)
        if reply.startswith("2"):
            self.sender, self.mail_arguments = address, arguments

    async def rcpt(self, text: str) -> None:
        address, arguments = self.path(text)
        usual = "250 2.1.5 Ok" if self.sender is not None else "503 5.5.1 MAIL first"
        if not text.isascii() and "SMTPUTF8" not in self.mail_arguments:
            usual = "553 5.6.7 Not without SMTPUTF8"
        reply = await self.answer("rcpt", usual, [address])
        if reply.startswith("2"):
            self.recipients.append(address)
            self.rcpt_arguments.append(arguments)

    def path(self, text: str) -> tuple[str, list[str]]:
        pattern = r"(?:MAIL FROM|RCPT TO):<([^<>]*)>((?: \S+)*)"
        match = re.fullmatch(pattern, text, re.IGNORECASE)
        if match is None:
            self.session.faults.append("a path that is not one")
            return "", []
        return match[1], match[2].split()

    async def data(self, text: str) -> None:
        usual = "354 Go on" if self.recipients else "554 5.5.1 No recipients"
        reply = await self.answer("data", usual)
        if not reply.startswith("354"):
            return
        rule = self.rule("body")
        if rule.close or rule.reply or rule.raw or rule.delay:
            if not self.buffer and not rule.reply:
                await self.fill()
            await self.obey(rule, rule.reply or "")
        await self.receive(await self.content())

    async def content(self) -> bytes:
        """Read up to the final dot; return what came, dots still doubled."""
        start = 0
        while True:
            # The CRLF of the DATA command is the first half of an end with no content.
            if self.buffer.startswith(b".\r\n"):
                del self.buffer[:3]
                return b""
            end = self.buffer.find(b"\r\n.\r\n", start)
            if end >= 0:
                content = bytes(self.buffer[: end + 2])
                del self.buffer[: end + 5]
                return content
            start = max(0, len(self.buffer) - 4)
            await self.fill()

    async def receive(self, wire: bytes) -> None:
        fault = _fault_of(wire)
        if fault:
            self.session.faults.append(fault)
        rule = self.rule("dot")
        usual = f"554 5.6.0 {fault}" if fault else "250 2.0.0 Kept"
        expected = rule.reply or ("" if rule.close or rule.raw is not None else usual)
        if rule.store is True or (rule.store is None and expected.startswith("2")):
            self.keep(wire)
        self.forget()
        await self.obey(rule, usual)

    def keep(self, wire: bytes) -> None:
        data = wire[1:] if wire.startswith(b".") else wire
        data = data.replace(b"\r\n..", b"\r\n.")
        kept = data if self.offers.bodies else data.partition(b"\r\n\r\n")[0]
        self.session.messages += 1
        message = Message(
            mail_from=self.sender or "",
            rcpt_to=self.recipients,
            data=kept,
            mail_arguments=self.mail_arguments,
            rcpt_arguments=self.rcpt_arguments,
            session=self.session.number,
            received=time.time(),
            size=len(data),
        )
        self.server.keep(message)

    async def rset(self, text: str) -> None:
        self.forget()
        await self.answer("rset", "250 2.0.0 Ok")

    async def noop(self, text: str) -> None:
        await self.answer("noop", "250 2.0.0 Ok")

    async def quit(self, text: str) -> None:
        self.session.quit = True
        await self.answer("quit", "221 2.0.0 Bye")
        raise _GoneError


def _fault_of(wire: bytes) -> str:
    if not wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n"):
        return "a bare CR or LF"
    if re.search(rb"(?:\A|\r\n)\.(?!\.)", wire):
        return "a dot that is not doubled"
    return ""


class Sink:
    """The sink in a thread of its own."""

    def __init__(
        self, behaviour: Behaviour | None = None, port: int = 0, store: Path | None = None
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._server = Server(behaviour or Behaviour(), store)
        self._port = port
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._server.start(self._port))
        return self

    def __exit__(self, *_why: object) -> None:
        self._run(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    @property
    def url(self) -> str:
        """The relay URL by which a client that trusts this sink reaches it."""
        return self._server.url

    @property
    def messages(self) -> list[Message]:
        """What was kept so far."""
        return list(self._server.messages)

    @property
    def sessions(self) -> list[Session]:
        """What was seen so far, a session for each connection."""
        return list(self._server.sessions)

    @property
    def faults(self) -> list[str]:
        """What clients did that the protocol forbids."""
        return [fault for session in self.sessions for fault in session.faults]

    def behave(self, behaviour: Behaviour) -> None:
        """Change its ways from the next event on (not its TLS); events are counted anew."""
        self._server.behaviour = behaviour
        self._server.counts.clear()

    def wait_until(self, condition: Callable[[Self], bool], timeout: float = 5.0) -> bool:
        """Wait for something about this sink to become true; say whether it did."""
        deadline = time.monotonic() + timeout
        while not condition(self):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)


async def _serve(arguments: argparse.Namespace) -> None:
    server = Server(Behaviour.from_json(arguments.behaviour), arguments.store)
    await server.start(arguments.port)
    ca_file = str(server.ca_file) if server.ca_file else None
    about = {"port": server.port, "url": server.url, "ca_file": ca_file, "pid": os.getpid()}
    sys.stdout.write(json.dumps(about) + "\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await server.stop()


def main() -> None:
    """Run as a process until SIGTERM."""
    parser = argparse.ArgumentParser(description="A hostile SMTP server that remembers.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--store", type=Path, default=None)
    parser.add_argument("--behaviour", default="{}")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
