"""The month itself: issues with times, ticks in processes that die, and what must hold."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import event, select

from newsletter_service.accounts import people
from newsletter_service.delivery import canary, complaints
from newsletter_service.extensions import db
from newsletter_service.issues import approve, departure, late, release, review
from newsletter_service.models import (
    Block,
    Issue,
    IssueState,
    NewsletterList,
    Notice,
    Role,
    writing,
)
from newsletter_service.settings import current
from tests.world import World, world

ANNA, ERIK = "anna@park.test", "erik@park.test"
STOCKHOLM = ZoneInfo("Europe/Stockholm")
STEP = timedelta(minutes=20)
ACTS: tuple[Callable[[datetime], object], ...] = (
    departure.start_due,
    review.tell_late,
    review.plan_approved,
    late.tell,
    canary.judge_all,
    complaints.watch,
)


@dataclass
class Seen:
    """What the month was like."""

    ticks: int = 0
    killed: int = 0
    silent: int = 0
    started: dict[int, datetime] = field(default_factory=dict)
    whole_ticks: list[datetime] = field(default_factory=list)


class Month:
    """Some weeks of one newsletter, from a moment on, by a seed."""

    def __init__(self, made: World, begins: datetime, days: int, seed: int) -> None:
        self.made, self.chance, self.seen = made, Random(seed), Seen()
        self.begins, self.ends = begins, begins + timedelta(days=days)
        self.planned: list[int] = []
        self.asked: list[int] = []

    def prepare(self, issues: int) -> None:
        """Two colleagues, and issues of which some wait for approval; times of every kind."""
        people.create(ANNA, "", [Role.EDITOR])
        people.create(ERIK, "", [Role.APPROVER])
        for number in range(issues):
            local = self._time(number)
            issue_id = self._draft()
            if number % 4 == 3:
                self._set_approval(needed=True)
                review.ask(issue_id, actor=ANNA, now=self.begins, at_local=local)
                self.asked.append(issue_id)
                self._set_approval(needed=False)
            else:
                release.release(issue_id, actor=ANNA, now=self.begins, at_local=local)
                self.planned.append(issue_id)

    def live(self) -> None:
        """Every tick of it, and an approval now and then."""
        now = self.begins
        while now < self.ends:
            now += STEP
            if self.chance.random() < 0.02:
                silence = timedelta(hours=self.chance.uniform(1, 14))
                self.seen.silent += 1
                now += silence
            self._tick(now)
            self._note(now)
            if self.asked and self.chance.random() < 0.01:
                self._approve(self.chance.choice(self.asked), now)
        for _ in range(3):  # whatever was killed last is done by the next one
            self._tick(self.ends, kill=False)
        self._note(self.ends)

    def faults(self) -> list[str]:
        """What went wrong; nothing, if all is well."""
        return [*self._times(), *self._forgotten(), *self._mails()]

    def _draft(self) -> int:
        issue_id = self.made.issue(IssueState.DRAFT)
        with writing() as session:
            issue = session.get_one(Issue, issue_id)
            issue.created_by = ANNA
            issue.created_at = issue.changed_at = self.begins
            issue.released_at = issue.expires_at = None
            block: Block = issue.blocks[0]
            block.data = {"sv": dict(block.data["sv"], url="https://park.se/kryo")}
        return issue_id

    def _set_approval(self, *, needed: bool) -> None:
        with writing() as session:
            session.get_one(NewsletterList, self.made.list_id).approval_required = needed

    def _time(self, number: int) -> str:
        """A time within the month by the clock on the wall; the second one at half past two."""
        span = (self.ends - self.begins).total_seconds()
        moment = self.begins + timedelta(seconds=self.chance.uniform(3600, span - 7200))
        local = moment.astimezone(STOCKHOLM)
        if number == 1:
            local = local.replace(hour=2, minute=30)
        if local.astimezone(UTC) <= self.begins:
            local += timedelta(days=1)
        return f"{local:%Y-%m-%dT%H:%M}"

    def _approve(self, issue_id: int, now: datetime) -> None:
        issue = db.session.get_one(Issue, issue_id)
        if issue.state == IssueState.IN_REVIEW:
            self._set_approval(needed=True)
            review.say_yes(issue_id, actor=ERIK, now=now, seen=approve.hash_of(db.session(), issue))
            self._set_approval(needed=False)
        db.session.rollback()

    def _tick(self, now: datetime, *, kill: bool = True) -> None:
        """One tick by one or two schedulers, each of which may die at any statement or commit."""
        several = 2 if self.chance.random() < 0.2 else 1
        deaths = [
            self.chance.randrange(1, 25) if kill and self.chance.random() < 0.4 else 0
            for _ in range(several)
        ]
        db.session.remove()
        db.engine.dispose()
        children = [self._fork(now, dies_at) for dies_at in deaths]
        ends = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        assert set(ends) <= {0, -signal.SIGKILL}, ends
        self.seen.ticks += 1
        self.seen.killed += ends.count(-signal.SIGKILL)
        if 0 in ends:
            self.seen.whole_ticks.append(now)

    def _fork(self, now: datetime, dies_at: int) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            if dies_at:
                _die_at(dies_at)
            for act in ACTS:
                act(now)
        except BaseException:
            os._exit(1)
        os._exit(0)

    def _note(self, now: datetime) -> None:
        """A start is seen once, and never moves."""
        rows = db.session.execute(select(Issue.id, Issue.released_at)).all()
        db.session.rollback()
        for issue_id, released_at in rows:
            if released_at is None:
                continue
            before = self.seen.started.setdefault(issue_id, released_at)
            assert before == released_at, f"issue {issue_id} started twice"

    def _times(self) -> Iterator[str]:
        patience = timedelta(hours=current().late_hours)
        for issue in db.session.scalars(select(Issue)):
            started = self.seen.started.get(issue.id)
            if started is None or issue.send_at is None:
                continue
            if not issue.send_at <= started < issue.send_at + patience:
                yield f"issue {issue.id} was to leave {issue.send_at} and left {started}"

    def _forgotten(self) -> Iterator[str]:
        """Whoever had a whole tick in time has left; whoever had none has been told of."""
        patience = timedelta(hours=current().late_hours)
        for issue in db.session.scalars(select(Issue)):
            if issue.send_at is None or issue.send_at > self.ends:
                continue
            in_time = [
                t for t in self.seen.whole_ticks if issue.send_at <= t < issue.send_at + patience
            ]
            if issue.state == IssueState.SCHEDULED and in_time:
                yield f"issue {issue.id} did not leave although {in_time[0]} was in time"
            is_late = issue.state == IssueState.SCHEDULED and issue.send_at + patience <= self.ends
            if (is_late or issue.state == IssueState.IN_REVIEW) and issue.told_late_at is None:
                yield f"nobody was told of issue {issue.id}, {issue.state}"

    def _mails(self) -> Iterator[str]:
        """Each thing was told to each person once."""
        late_ones = select(Notice.subject, Notice.address, Notice.purpose_key).where(
            Notice.purpose_key.like("late:%")
        )
        told = Counter((row[0], row[1], row[2]) for row in db.session.execute(late_ones))
        yield from (f"told twice: {key}" for key, number in told.items() if number > 1)
        per_issue = Counter((subject, address) for subject, address, _key in told)
        yield from (f"told again: {key}" for key, number in per_issue.items() if number > 1)
        for issue in db.session.scalars(select(Issue).where(Issue.told_late_at.is_not(None))):
            if (f"issue:{issue.id}", ANNA) not in per_issue:
                yield f"nobody told its writer of issue {issue.id}"


def _die_at(number: int) -> None:
    """Be killed, as by a power cut, at the so-manieth statement or commit from now."""
    left = [number]

    def one_less(*_ignored: object) -> None:
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(db.engine, "before_cursor_execute", one_less)
    event.listen(db.engine, "commit", one_less)


@contextmanager
def month(
    database_url: str, place: Path, begins: datetime, days: int, seed: int
) -> Iterator[Month]:
    """A month in a fresh installation."""
    with world(database_url, place) as made:
        made.readers(3)
        yield Month(made, begins, days, seed)
