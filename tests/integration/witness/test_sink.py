"""The drill's own mail server: it remembers what it said yes to, whatever happens to it."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter_service.witness.sink import Store
from tests.servers import eventually, free_port, listens

ENVELOPE = b"MAIL FROM:<s@x.test>\r\nRCPT TO:<%s@x.test>\r\nDATA\r\n"
MESSAGE = b"Subject: x\r\nMessage-ID: <%s@id.test>\r\n\r\n..dot\r\n.\r\n"


@contextmanager
def sink(port: int, store: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "newsletter_service.witness.sink", "--port", str(port)]
    with subprocess.Popen([*argv, "--store", str(store), "--delay-ms", "5"]) as process:
        assert eventually(lambda: listens(port))
        try:
            yield process
        finally:
            process.kill()


def talk(port: int, *said: bytes) -> bytes:
    """Say it all at once, as who pipelines does; the whole answer until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"EHLO x.test\r\n" + b"".join(said) + b"QUIT\r\n")
        return b"".join(iter(lambda: client.recv(4096), b""))


def test_a_killed_sink_has_written_down_what_it_answered_for(tmp_path: Path) -> None:
    port, store = free_port(), Store(tmp_path / "sink.tsv")
    with sink(port, tmp_path / "sink.tsv"):
        answer = talk(port, *(part % name for name in (b"a", b"b") for part in (ENVELOPE, MESSAGE)))
    with sink(port, tmp_path / "sink.tsv"):
        talk(port, ENVELOPE % b"c", MESSAGE % b"c")

    codes = [line[:4] for line in answer.splitlines()]
    message = [b"250 ", b"250 ", b"354 ", b"250 "]
    assert codes[-9:] == [*message, *message, b"221 "]
    assert [(one.recipient, one.message_id) for one in store.more()] == [
        (f"{name}@x.test", f"<{name}@id.test>") for name in "abc"
    ]
    assert store.more() == []
