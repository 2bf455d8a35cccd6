"""What the verdict of Drift rests on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, update

from newsletter_service import queue
from newsletter_service.models import Batch, Issue, Lease, ms_of, writing
from newsletter_service.operations import overview, queues, relay_desk
from tests.world import World, world

NOW = datetime.now(UTC)


def codes() -> set[str]:
    """What troubles the installation."""
    return {trouble.code for trouble in overview.look(datetime.now(UTC)).troubles}


def test_a_queue_server_that_is_away_is_said_plainly(small_world: World) -> None:
    assert "queue_away" in codes()
    assert not queues.look(NOW).reachable


def test_an_issue_whose_work_nobody_takes_stands_still(small_world: World) -> None:
    issue_id = small_world.issue()
    with writing() as session:
        session.execute(insert(Batch).values(issue_id=issue_id, first_n=1, last_n=9, pending=9))
        session.execute(update(Issue).values(released_at=NOW - timedelta(hours=1), expanded_at=NOW))
    assert "issue_stalled" in codes()
    with writing() as session:
        lease = ms_of(NOW + timedelta(days=1))
        session.execute(update(Batch).values(owner="somebody", lease_until_ms=lease))
    assert "issue_stalled" not in codes()


def test_a_paused_relay_is_told_with_its_reason(small_world: World) -> None:
    name = relay_desk.look()[0].name
    assert relay_desk.pause(name, "test", "535 5.7.8 wrong password", NOW)
    assert not relay_desk.pause(name, "test", "again", NOW)
    [trouble] = [t for t in overview.look(NOW).troubles if t.code == "relay_paused"]
    assert trouble.values["reason"] == "535 5.7.8 wrong password"
    assert relay_desk.resume(name, "test", NOW)
    assert "relay_paused" not in codes()


def test_doubt_is_counted(small_world: World) -> None:
    with writing() as session:
        session.execute(
            insert(Batch).values(issue_id=7, first_n=1, last_n=9, in_doubt=2, done=True)
        )
    assert overview.look(NOW).doubtful == 2
    assert "in_doubt" in codes()


def test_failed_work_is_listed_tried_again_and_forgotten(
    sqlite_url: str, valkey_url: str, tmp_path: Path
) -> None:
    with world(sqlite_url, tmp_path, redis_url=valkey_url) as made:
        with writing() as session:
            until = ms_of(NOW) + 600_000
            session.execute(insert(Lease).values(name="scheduler", owner="x", until_ms=until))
        waiting = queue.queue("default")
        waiting.enqueue_call("nobody.knows", args=(7,), timeout=-1)
        queue.QueueWorker(made.app, "default", "default-test").work(
            burst=True, logging_level="CRITICAL"
        )
        assert {"failed_jobs", "no_workers"} <= codes()
        [job] = queues.failed("default")
        assert (job.work, job.ids) == ("nobody.knows", (7,))
        assert "NotAllowed" in job.reason
        assert queues.requeue("default", "test") == 1
        look = {each.name: each for each in queues.look(datetime.now(UTC)).queues}
        assert (look["default"].queued, look["default"].failed) == (1, 0)
        assert queues.discard("default", "test") == 0
