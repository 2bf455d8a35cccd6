"""The embedded Valkey keeps what it acknowledged, has one owner, and leaves no orphan."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from newsletter_service.embedded.valkey import EmbeddedValkey, EmbeddedValkeyError, answers, attach

OWNER = """
import sys, time
from pathlib import Path
from newsletter_service.embedded.valkey import EmbeddedValkey
valkey = EmbeddedValkey(Path(sys.argv[1]))
print(valkey.start(), valkey.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path) as running:
        yield running


def eventually(seen: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if seen():
            return True
        time.sleep(0.02)
    return seen()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_it_answers_on_a_socket_only_we_can_open_and_on_no_port(valkey: EmbeddedValkey) -> None:
    client = Redis.from_url(valkey.url)

    assert client.ping()
    assert stat.S_IMODE(valkey.socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(valkey.socket.parent.stat().st_mode) == 0o700
    assert client.config_get("port")["port"] == "0"
    assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    assert client.config_get("appendfsync")["appendfsync"] == "everysec"


def test_a_killed_server_comes_back_with_every_acknowledged_write(valkey: EmbeddedValkey) -> None:
    client = Redis.from_url(valkey.url)
    for n in range(2_000):
        client.rpush("acknowledged", n)
    killed = valkey.pid
    assert killed is not None

    os.kill(killed, signal.SIGKILL)

    assert eventually(lambda: valkey.pid not in (None, killed) and answers(valkey.url))
    assert client.lrange("acknowledged", 0, -1) == [str(n).encode() for n in range(2_000)]


def test_what_was_written_is_there_after_a_clean_stop_and_start(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path) as first:
        Redis.from_url(first.url).set("kept", "yes")
    with EmbeddedValkey(tmp_path) as second:
        assert Redis.from_url(second.url).get("kept") == b"yes"


def test_a_clean_stop_leaves_no_process_no_socket_and_no_url(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path) as running:
        pid = running.pid
        assert pid is not None

    assert not alive(pid)
    assert not running.socket.parent.exists()
    assert not (tmp_path / "valkey.url").exists()


def test_a_second_owner_is_refused_in_one_clear_sentence(
    valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    with pytest.raises(EmbeddedValkeyError, match="Another process already runs the Valkey of"):
        EmbeddedValkey(tmp_path).start()

    assert answers(valkey.url)


def test_no_orphan_is_left_when_the_owner_is_killed_and_the_next_one_starts(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    url, pid = owner.stdout.readline().split()
    Redis.from_url(url).set("survives", "yes")

    owner.kill()
    owner.wait()

    assert eventually(lambda: not alive(int(pid)))
    with EmbeddedValkey(tmp_path) as next_one:
        assert Redis.from_url(next_one.url).get("survives") == b"yes"


def test_others_attach_to_the_running_server(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    assert attach(tmp_path) == valkey.url


def test_attaching_to_nothing_says_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedValkeyError, match="newsletter up"):
        attach(tmp_path)


def test_a_data_directory_with_a_very_long_path_still_works(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 90) / ("å" * 60)
    deep.mkdir(parents=True)
    with EmbeddedValkey(deep) as running:
        assert Redis.from_url(running.url).ping()


def test_a_runtime_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "theirs"
    elsewhere.mkdir()
    valkey = EmbeddedValkey(tmp_path)
    valkey.socket.parent.symlink_to(elsewhere)
    try:
        with pytest.raises((EmbeddedValkeyError, RedisError), match="belongs to somebody else"):
            valkey.start()
    finally:
        valkey.socket.parent.unlink()
