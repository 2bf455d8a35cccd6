"""How long a confirmation takes while an issue is sent flat out (P6; design part 7, confirm)."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from sqlalchemy import func, select

from newsletter_service.bench.installation import Installation, installation
from newsletter_service.bench.measure import Bench, Line, Setting, quantile
from newsletter_service.bench.sending import SENDER
from newsletter_service.bench.servers import postgres, sink
from newsletter_service.delivery import audience
from newsletter_service.embedded.tether import tethered
from newsletter_service.embedded.valkey import EmbeddedValkey
from newsletter_service.extensions import db
from newsletter_service.models import Delivery, DeliveryState, Notice
from newsletter_service.subscribers import opt_in
from newsletter_service.subscribers.consent import RequestContext

WORKER = [sys.executable, "-m", "newsletter_service", "worker", "confirm"]
EVERY_S = 0.2
PATIENCE_S = 60.0
MOST_S = 2.0


def run(setting: Setting) -> Iterator[Line]:
    """Readers subscribe one after another: with nothing else going on, and beside a bulk send."""
    visitors = 10 if setting.quick else 100
    with ExitStack() as stack:
        port = stack.enter_context(sink())
        url = stack.enter_context(postgres(setting.place))
        place = setting.place / "confirm"
        relay = f"smtp://127.0.0.1:{port}?tls=none"
        made = stack.enter_context(installation(url, place, smtp_url=relay, turn_seconds=600))
        made.readers(setting.audience(200_000))
        stack.enter_context(EmbeddedValkey(place))
        stack.enter_context(running(made, WORKER))
        _delays(visitors=3, first=0)  # the worker is up
        quiet = _delays(visitors, first=1000)
        issue_id = made.issue(40_000)
        audience.expand(issue_id, datetime.now(UTC))
        with running(made, SENDER):
            _wait_until_it_sends(issue_id)
            busy = _delays(visitors, first=2000)
            went_on = _accepted(issue_id) < setting.audience(200_000)
    yield Line("confirm", "nothing else is sent, p99", "s", (quantile(quiet, 0.99),))
    yield Line(
        "confirm",
        "beside a bulk send, p99",
        "s",
        (quantile(busy, 0.99),),
        most=MOST_S,
        detail={
            "median s": quantile(busy, 0.5),
            "of": len(busy),
            "bulk send": "went on to the end" if went_on else "ended before: too few readers",
        },
    )


@contextmanager
def running(made: Installation, command: list[str]) -> Iterator[None]:
    """One more process of an installation, until the block ends."""
    env = made.env | {"PATH": "/usr/bin:/bin"}
    process = subprocess.Popen(  # noqa: S603 - our own command line
        tethered(command), env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    try:
        yield
    finally:
        process.terminate()
        process.communicate()


def _delays(visitors: int, first: int) -> list[float]:
    """Seconds from each sign-up to the relay's word that it has the confirmation."""
    context, asked = RequestContext(), {}
    for number in range(first, first + visitors):
        address = f"visitor{number}@v{number}.example"
        asked[address] = time.time()
        opt_in.subscribe("nytt", address, "sv", context, datetime.now(UTC))
        db.session.remove()
        time.sleep(EVERY_S)
    ends = time.monotonic() + PATIENCE_S
    while len(found := _settled(asked)) < visitors:
        if time.monotonic() > ends:
            raise RuntimeError(f"{visitors - len(found)} confirmations did not leave in time.")
        time.sleep(EVERY_S)
    return [found[address] - began for address, began in asked.items()]


def _settled(asked: dict[str, float]) -> dict[str, float]:
    rows = db.session.execute(
        select(Notice.address, Notice.settled_ms).where(
            Notice.address.in_(asked), Notice.state == DeliveryState.ACCEPTED
        )
    ).all()
    db.session.remove()
    return {row.address: row.settled_ms / 1000 for row in rows}


def _wait_until_it_sends(issue_id: int) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not _accepted(issue_id):
        if time.monotonic() > ends:
            raise RuntimeError("The bulk send did not begin.")
        time.sleep(EVERY_S)


def _accepted(issue_id: int) -> int:
    number = db.session.scalar(
        select(func.count()).where(
            Delivery.issue_id == issue_id, Delivery.state == DeliveryState.ACCEPTED
        )
    )
    db.session.remove()
    return number or 0


BENCH = Bench("confirm", "the delay of a confirmation while an issue is sent", run)
