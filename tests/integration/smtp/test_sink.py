"""The sink of the tests is itself held to what it promises."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.smtp_sink import Behaviour, Sink, stored

SINK = Path(__file__).parents[2] / "smtp_sink.py"
ENVELOPE = b"EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n"


def said(port: int, data: bytes) -> bytes:
    """Say everything at once and return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"a\nb\r\n.\r\n", "a bare CR or LF"),
        (b"a\rb\r\n.\r\n", "a bare CR or LF"),
        (b"a\r\n.b\r\n.\r\n", "a dot that is not doubled"),
        (b".a\r\n.\r\n", "a dot that is not doubled"),
    ],
)
def test_a_faulty_message_is_refused_and_noted(body: bytes, fault: str) -> None:
    with Sink() as sink:
        assert fault.encode() in said(sink.port, ENVELOPE + body)
        assert sink.faults == [fault]
        assert sink.messages == []


def test_a_command_that_ends_in_a_bare_lf_is_noted() -> None:
    with Sink() as sink:
        said(sink.port, b"EHLO a.test\nQUIT\r\n")
        assert sink.faults == ["a command line without CRLF"]


@pytest.mark.parametrize("body", [b"", b"..\r\n", b"\r\n", b"..a\r\n...\r\n"])
def test_dots_are_undoubled(body: bytes) -> None:
    with Sink() as sink:
        said(sink.port, ENVELOPE + body + b".\r\nQUIT\r\n")
        [message] = sink.messages
        assert message.data == body.replace(b"..", b".")
        assert sink.sessions[0].quit


def test_a_sink_killed_as_a_process_remembers_every_message_it_answered_for(
    tmp_path: Path,
) -> None:
    store = tmp_path / "store.jsonl"
    behaviour = json.dumps({"rules": [{"at": "rcpt", "nth": 3, "reply": "550 5.1.1 No"}]})
    command = [sys.executable, str(SINK), "--store", str(store), "--behaviour", behaviour]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = json.loads(process.stdout.readline())["port"]
        for n in range(4):
            body = b"Message-ID: <%d@a.test>\r\n\r\n\xe5\r\n.\r\n" % n
            said(port, ENVELOPE + body)
        os.kill(process.pid, signal.SIGKILL)
    assert [message.message_id for message in stored(store)] == [f"<{n}@a.test>" for n in (0, 1, 3)]
    assert stored(store)[0].data.endswith(b"\xe5\r\n")
    with store.open("a") as file:
        file.write('{"cut off')
    assert len(stored(store)) == 3


def test_its_behaviour_can_be_written_as_json() -> None:
    text = '{"pipelining": false, "rules": [{"at": "dot", "close": true}]}'
    behaviour = Behaviour.from_json(text)
    assert not behaviour.pipelining
    assert behaviour.rules[0].close
