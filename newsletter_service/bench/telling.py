"""Whether the form's time tells who subscribes: new, pending, confirmed, suppressed (R 6.3)."""

import http.client
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from urllib.parse import urlencode

from sqlalchemy import select, update

from newsletter_service import suppression
from newsletter_service.address import address_key, parse
from newsletter_service.bench.installation import Installation, installation
from newsletter_service.bench.measure import Bench, Line, Setting, quantile
from newsletter_service.bench.servers import free_port, wait_for
from newsletter_service.embedded.tether import tethered
from newsletter_service.models import (
    NewsletterList,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
    writing,
)
from newsletter_service.subscribers import opt_in
from newsletter_service.subscribers.consent import RequestContext

STATES = ("new", "pending", "confirmed", "suppressed")
POSTS = 300
PATIENCE_S = 60.0


def run(setting: Setting) -> Iterator[Line]:
    """One POST for each state in turn, so that whatever else the machine does hits all alike."""
    posts, port = (20 if setting.quick else POSTS), free_port()
    place = setting.place / "telling"
    with installation(f"sqlite:///{place}/telling.db", place, listen=f"127.0.0.1:{port}") as made:
        slug = _prepare(made, posts)
        took: dict[str, list[float]] = defaultdict(list)
        with _serving(port, made.env):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
            for number in range(posts):
                for state in STATES:
                    took[state].append(_post(connection, slug, f"{state}{number}@example.org"))
    usual = median(took["new"])
    for state in STATES:
        yield Line(
            "telling",
            f"one POST, {state}",
            "ms",
            tuple(took[state]),
            against="" if state == "new" else "one POST, new",
            ratio=None if state == "new" else median(took[state]) / usual,
            detail={"p5 ms": quantile(took[state], 0.05), "p95 ms": quantile(took[state], 0.95)},
        )


def _prepare(made: Installation, posts: int) -> str:
    now, key = datetime.now(UTC), made.settings.address_key
    with writing() as session:
        slug = session.get_one(NewsletterList, made.list_id).slug
    for state in ("pending", "confirmed"):
        for number in range(posts):
            opt_in.subscribe(slug, f"{state}{number}@example.org", "sv", RequestContext(), now)
    with writing() as session:
        whose = select(Subscriber.id).where(Subscriber.address.startswith("confirmed"))
        session.execute(
            update(Subscription)
            .where(Subscription.subscriber_id.in_(whose))
            .values(state=SubscriptionState.CONFIRMED, confirmed_at=now)
        )
        for number in range(posts):
            address = parse(f"suppressed{number}@example.org")
            suppression.suppress(
                session,
                address_key(address.normalised, key),
                reason=SuppressionReason.COMPLAINT,
                source="bench",
                now=now,
            )
    return slug


@contextmanager
def _serving(port: int, env: dict[str, str]) -> Iterator[None]:
    argv = [sys.executable, "-m", "newsletter_service", "web"]
    process = subprocess.Popen(  # noqa: S603 - our own command line
        tethered(argv), env=env | {"PATH": "/usr/bin:/bin"}
    )
    try:
        wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait()


def _post(connection: http.client.HTTPConnection, slug: str, address: str) -> float:
    body = urlencode({"email": address})
    began = time.perf_counter()
    connection.request(
        "POST",
        f"/prenumerera/{slug}",
        body,
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    answer = connection.getresponse()
    answer.read()
    took = (time.perf_counter() - began) * 1000
    if answer.status != 303:
        raise RuntimeError(f"the form answered {answer.status}")
    return took


BENCH = Bench("telling", "whether the form's time tells who subscribes", run)
