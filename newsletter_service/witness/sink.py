"""An SMTP server that takes every message and remembers its Message-ID, and nothing else of it.

`python -m newsletter_service.witness.sink --port 2525 --store FILE` until SIGTERM. A line is in the
file before a message is answered for, so killing the sink forgets nothing that it said yes to.
"""

import argparse
import asyncio
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

END = b"\r\n.\r\n"
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_PATH = re.compile(rb"<([^>]*)>")
_EHLO = b"250-sink.invalid\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 35000000"


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that the sink took: for whom, which one, and when by its clock."""

    recipient: str
    message_id: str
    at: float


class Store:
    """What a sink wrote, read from where the last look ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def more(self) -> list[Taken]:
        """The messages taken since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, _, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + 1 if whole else 0
        lines = [line.decode().split("\t") for line in whole.splitlines()]
        return [Taken(recipient, message_id, float(at)) for recipient, message_id, at in lines]


class _Session(asyncio.Protocol):
    """One client. While a reply is held back nothing behind it is looked at."""

    def __init__(self, keep: Callable[[bytes, bytes], None], delay_s: float) -> None:
        self._keep = keep
        self._delay_s = delay_s
        self._buffer = bytearray()
        self._looked = 0
        self._recipient = b""
        self._in_data = self._holding = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._say(b"220 sink.invalid ESMTP")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._go_on()

    def _go_on(self) -> None:
        while not self._holding and (self._message() if self._in_data else self._command()):
            pass

    def _message(self) -> bool:
        end = self._buffer.find(END, max(self._looked - len(END), 0))
        self._looked = len(self._buffer)
        if end < 0:
            return False
        self._keep(self._recipient, bytes(self._buffer[:end]))
        del self._buffer[: end + len(END)]
        self._in_data = False
        if not self._delay_s:
            self._say(b"250 2.0.0 Taken")
            return True
        self._holding = True
        asyncio.get_running_loop().call_later(self._delay_s, self._answer)
        return False

    def _answer(self) -> None:
        self._holding = False
        if not self._transport.is_closing():
            self._say(b"250 2.0.0 Taken")
            self._go_on()

    def _command(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        verb = line[:4].upper()
        if verb == b"RCPT":
            found = _PATH.search(line)
            self._recipient = found[1] if found else b""
        elif verb == b"DATA":
            self._in_data, self._looked = True, 0
        self._say(_REPLIES.get(verb, b"250 2.0.0 Ok"))
        if verb == b"QUIT":
            self._transport.close()
        return verb != b"QUIT"

    def _say(self, reply: bytes) -> None:
        self._transport.write(reply + b"\r\n")


_REPLIES = {b"EHLO": _EHLO, b"DATA": b"354 Go on", b"QUIT": b"221 2.0.0 Bye"}


async def serve(host: str, port: int, store: Path, delay_s: float) -> None:
    """Take messages until SIGTERM."""
    loop = asyncio.get_running_loop()
    file = os.open(store, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def keep(recipient: bytes, message: bytes) -> None:
        found = _MESSAGE_ID.search(message)
        which = found[1] if found else b"-"
        os.write(file, b"%s\t%s\t%.3f\n" % (recipient, which, time.time()))

    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: _Session(keep, delay_s), host, port, backlog=1024)
    await stop.wait()
    server.close()


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    given = parser.parse_args()
    asyncio.run(serve(given.host, given.port, given.store, given.delay_ms / 1000))


if __name__ == "__main__":
    main()
