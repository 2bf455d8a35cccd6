"""Whoever can write to Redis can make us work, but never run a line that is not ours (R 8.15)."""

import json
import pickle
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select

from newsletter_service import jobs, queue
from newsletter_service.extensions import db
from newsletter_service.models import Notice, SignUp
from newsletter_service.subscribers import sign_ups
from tests.integration.attacks.conftest import forget_limits
from tests.integration.attacks.town import Outside
from tests.world import World, world


@pytest.fixture
def served(sqlite_url: str, tmp_path: Path, valkey_url: str) -> Iterator[World]:
    """An installation whose queue stands open to everybody."""
    with world(sqlite_url, tmp_path, redis_url=valkey_url) as made:
        jobs.register(*queue.QUEUES)
        yield made


class Exploit:
    """What pickle would run on reading it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def packed(name: object, args: object = (), **more: object) -> bytes:
    return zlib.compress(json.dumps([name, None, args, more]).encode())


def plant(redis: Redis, number: int, **fields: Any) -> None:
    """Put a job into the queue as an intruder would, past our own code."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    usual = {"origin": "default", "status": "queued", "created_at": now, "enqueued_at": now}
    redis.hset(f"rq:job:bad{number}", mapping=usual | {"description": "x", "timeout": -1} | fields)
    redis.sadd("rq:queues", "rq:queue:default")
    redis.rpush("rq:queue:default", f"bad{number}")


def work(made: World) -> None:
    """Work off the queue until it is empty."""
    worker = queue.QueueWorker(made.app, "default", f"w{time.monotonic_ns()}")
    worker.work(burst=True, logging_level="ERROR")


def genuine_job_is_done(made: World, redis: Redis) -> bool:
    """Whether one worker gets through all that waits, to a job of ours at the end."""
    queue.nudge_now([("news.fetch", (987654,))])
    job_id = redis.lindex("rq:queue:default", -1).decode()
    work(made)
    left = redis.llen("rq:queue:default"), redis.exists(f"rq:job:{job_id}")
    return left == (0, 0)


def test_nothing_planted_in_the_queue_is_run_and_the_worker_lives_on(
    served: World, valkey_url: str, tmp_path: Path
) -> None:
    marker = tmp_path / "executed"
    touch = ["pathlib.Path.touch", [str(marker)]]
    exploit = pickle.dumps(Exploit(marker))
    jobs_planted: list[dict[str, Any]] = [
        {"data": exploit},
        {"data": zlib.compress(exploit)},
        {"data": packed(*touch)},
        {"data": packed("os.mkdir", [str(marker)])},
        {"data": packed("os.system", [f"touch {marker}"])},
        {"data": packed("newsletter_service.queue.connection")},
        {"data": packed(["os", "mkdir"], [str(marker)])},
        {"data": packed({"a": 1}, {"b": 2})},
        {"data": packed(None)},
        {"data": packed("news.fetch", ["not a number", {}, []], surprise=1)},
        {"data": packed("news.fetch", [10**30])},
        {"data": packed("news.fetch", ["x" * 1_000_000])},
        {"data": zlib.compress(b"[" * 100_000)},
        {"data": b""},
        {"data": b"\xff" * 100, "status": b"\xff"},
        {"data": packed("doctor.check") + b"junk", "meta": exploit},
        *(
            {"data": packed("news.fetch", [1]), f"{when}_callback_name": "os.mkdir"}
            for when in ("success", "failure", "stopped")
        ),
        {"data": packed("news.fetch", [1]), "meta": zlib.compress(exploit)},
        {"data": packed("news.fetch", [1]), "created_at": "yesterday", "timeout": "x"},
    ]
    with Redis.from_url(valkey_url) as redis:
        for number, fields in enumerate(jobs_planted):
            plant(redis, number, **fields)
        redis.rpush("rq:queue:default", "no-such-job", b"\xff\xfe", "")
        for _ in range(len(jobs_planted) + 5):
            work(served)
            if not redis.llen("rq:queue:default"):
                break
        assert not marker.exists()
        assert redis.llen("rq:queue:default") == 0
        assert genuine_job_is_done(served, redis)


def test_a_worker_survives_each_planted_job_by_itself(
    served: World, valkey_url: str, tmp_path: Path
) -> None:
    """The next genuine job is done by the same worker, not by one that was started anew."""
    exploit = pickle.dumps(Exploit(tmp_path / "executed"))
    hostile = [exploit, zlib.compress(exploit), packed("os.getcwd"), b"", packed(None), b"\xff"]
    with Redis.from_url(valkey_url) as redis:
        for number, data in enumerate(hostile):
            plant(redis, number, data=data)
        assert genuine_job_is_done(served, redis)
    assert not (tmp_path / "executed").exists()


def test_our_own_jobs_are_json(served: World, valkey_url: str) -> None:
    queue.nudge_now([("news.fetch", (1,))])
    with Redis.from_url(valkey_url) as redis:
        (job_id,) = redis.lrange("rq:queue:default", 0, -1)
        data = redis.hget(f"rq:job:{job_id.decode()}", "data")
    assert json.loads(zlib.decompress(data))[0] == "news.fetch"
    assert served.list_id


@pytest.mark.parametrize("redis_url", ["redis://127.0.0.1:1/0", "unix:///no/such/socket", ""])
def test_without_a_queue_a_sign_up_is_quick_and_its_mail_waits_as_a_row(
    sqlite_url: str, tmp_path: Path, redis_url: str
) -> None:
    with world(sqlite_url, tmp_path, redis_url=redis_url) as made:
        forget_limits()
        made.app.test_client_class = Outside
        began = time.monotonic()
        answers = [
            made.app.test_client().post("/prenumerera/nytt", data={"email": f"a{n}@reader.test"})
            for n in range(5)
        ]
        assert time.monotonic() - began < 10
        assert {answer.status_code for answer in answers} == {303}
        assert {answer.location for answer in answers} == {"/prenumerera/nytt/tack"}
        assert len(db.session.scalars(select(SignUp)).all()) == 5
        sign_ups.take(datetime.now(UTC) + timedelta(hours=3))
        waiting = db.session.scalars(select(Notice)).all()
        assert [notice.state for notice in waiting] == ["pending"] * 5
