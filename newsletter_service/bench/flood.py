"""Ten thousand robots at the form while people sign up: when people's mails leave (R 6.2).

Robots post from a network each and prove nothing. A person's browser does the work that the form
asks for; what is measured is from pressing the button to the relay's word that it has the mail.
"""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlencode

import altcha
from sqlalchemy import func, select

from newsletter_service.bench.confirming import WORKER, running
from newsletter_service.bench.installation import installation
from newsletter_service.bench.measure import Bench, Line, Setting, quantile
from newsletter_service.bench.servers import free_port, sink
from newsletter_service.bench.signing_up import PAGES, VISITORS, post, serving
from newsletter_service.embedded.valkey import EmbeddedValkey
from newsletter_service.extensions import db
from newsletter_service.models import DeliveryState, Notice, SignUp

ROBOTS = 10_000
PATH = "/prenumerera/nytt"
PERSON_EVERY_S = 2.0
PATIENCE_S = 60.0


def run(setting: Setting) -> Iterator[Line]:
    """Robots as fast as the service answers them, and a person every two seconds."""
    robots = ROBOTS // (100 if setting.quick else 1)
    place = setting.place / "flood"
    with ExitStack() as stack:
        web, relay = free_port(), stack.enter_context(sink())
        made = stack.enter_context(
            installation(
                f"sqlite:///{place}/flood.db",
                place,
                listen=f"127.0.0.1:{web}",
                trusted_proxies=1,
                smtp_url=f"smtp://127.0.0.1:{relay}?tls=none",
            )
        )
        stack.enter_context(EmbeddedValkey(place))
        stack.enter_context(serving(PAGES, web, made.env))
        stack.enter_context(running(made, WORKER))
        asked = _flooded(web, robots)
        waits = _delays(asked)
        mailed = db.session.scalar(select(func.count()).select_from(Notice)) or 0
        waiting = db.session.scalar(select(func.count()).select_from(SignUp)) or 0
        db.session.remove()
    yield Line(
        "flood",
        f"a person's mail among {robots} robots, p99",
        "s",
        (quantile(waits, 0.99),),
        detail={
            "median s": quantile(waits, 0.5),
            "people": len(waits),
            "robots mailed": mailed - len(waits),
            "robots waiting": waiting,
        },
    )


def _flooded(port: int, robots: int) -> dict[str, float]:
    """When each person pressed the button, by address."""
    asked: dict[str, float] = {}
    over = threading.Event()

    def people() -> None:
        while not over.is_set() or not asked:
            address = f"person{len(asked)}@p{len(asked)}.example"
            asked[address] = _press(port, address)
            over.wait(PERSON_EVERY_S)

    def some_robots() -> None:
        for _n in range(robots // VISITORS):
            post(port, PATH)

    crowd = [threading.Thread(target=some_robots) for _ in range(VISITORS)]
    person = threading.Thread(target=people)
    for each in (*crowd, person):
        each.start()
    for each in crowd:
        each.join()
    over.set()
    person.join()
    return asked


def _press(port: int, address: str) -> float:
    """Sign up as a browser does, the work done while the address was written."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"{PATH}/task", headers={"X-Forwarded-For": "203.0.113.7"})
    task = altcha.Challenge.from_dict(json.loads(connection.getresponse().read()))
    solution = altcha.solve_challenge(task)
    if solution is None:
        raise RuntimeError("The work could not be done.")
    body = urlencode({"email": address, "altcha": altcha.Payload(task, solution).to_base64()})
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Forwarded-For": f"203.0.113.{hash(address) % 250}",
    }
    connection.close()  # the work took longer than a server waits for more
    pressed = time.time()
    connection.request("POST", PATH, body, headers)
    connection.getresponse().read()
    connection.close()
    return pressed


def _delays(asked: dict[str, float]) -> list[float]:
    ends = time.monotonic() + PATIENCE_S
    wanted = select(Notice.address, Notice.settled_ms).where(
        Notice.address.in_(asked), Notice.state == DeliveryState.ACCEPTED
    )
    while True:
        found = {row.address: row.settled_ms / 1000 for row in db.session.execute(wanted)}
        db.session.remove()
        if len(found) == len(asked):
            return [found[address] - pressed for address, pressed in asked.items()]
        if time.monotonic() > ends:
            raise RuntimeError(f"{len(asked) - len(found)} people had no mail in time.")
        time.sleep(0.5)


BENCH = Bench("flood", "when a person's mail leaves while robots sign up", run)
