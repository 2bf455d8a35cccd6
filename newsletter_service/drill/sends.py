"""One send with its strikes, and the account of it."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError

from newsletter_service.delivery.statement import statement
from newsletter_service.drill.faults import Fault, Struck
from newsletter_service.drill.house import House
from newsletter_service.extensions import db
from newsletter_service.witness.account import Account, compare
from newsletter_service.witness.ledger import is_sent, states_of

MESSAGE_BYTES = 5000
GOES_ON_S = 120.0
ENDS_S = 600.0


@dataclass(frozen=True)
class Send:
    """How much is sent, how often it is struck, and who wants to know how far it is."""

    readers: int
    strikes: int
    chance: random.Random
    tell: Callable[[int], None]


def send(house: House, fault: Fault, plan: Send) -> Account:
    """Send an issue to everybody and strike in the middle of it, again and again."""
    house.made.readers(plan.readers)
    house.look()
    house.arrived.clear()
    began = time.monotonic()
    issue_id = house.made.issue(MESSAGE_BYTES)
    recoveries, stops, strikes = [0.0], [0.0], 0
    for number in range(plan.strikes):
        spread = (number + plan.chance.uniform(0.3, 0.9)) / (plan.strikes + 0.5)
        if not _wait_for(house, plan, round(plan.readers * spread)):
            break
        if house.look() >= plan.readers:
            break
        recovery, struck = _strike(house, fault, issue_id, plan)
        strikes += 1
        recoveries.append(recovery)
        stops.append(struck.stop_s)
    finished = house.wait(lambda: is_sent(issue_id), ENDS_S)
    plan.tell(plan.readers)
    return _account(house, fault, issue_id, (strikes, max(recoveries), max(stops), began, finished))


def _wait_for(house: House, plan: Send, number: int) -> bool:
    def seen() -> bool:
        plan.tell(min(len(house.arrived), plan.readers))
        return len(house.arrived) >= number

    return house.wait(seen, ENDS_S)


def _strike(house: House, fault: Fault, issue_id: int, plan: Send) -> tuple[float, Struck]:
    """Strike, and wait until it goes on and the dead hold nothing; how long that took."""
    at, wall = time.monotonic(), time.time()
    struck = fault.strike(house)
    if fault.name == "sleep":  # it is awake again: from here it has to be right
        at, wall = time.monotonic(), time.time()

    def goes_on() -> bool:
        plan.tell(min(len(house.arrived), plan.readers))
        return house.newest > wall or is_sent(issue_id)

    house.wait(goes_on, GOES_ON_S)
    if struck.pids:
        house.wait(lambda: not _held(house, struck), GOES_ON_S)
    return time.monotonic() - at, struck


def _held(house: House, struck: Struck) -> bool:
    try:
        return house.holds(list(struck.pids)) > 0
    except OperationalError:  # the database is not back yet
        return True


def _account(
    house: House, fault: Fault, issue_id: int, seen: tuple[int, float, float, float, bool]
) -> Account:
    strikes, recovery_s, stop_s, began, finished = seen
    seconds = time.monotonic() - began
    house.wait(lambda: False, 1.0)  # what a late one sends would still come
    db.session.rollback()
    counted = statement(db.session(), issue_id)
    found = compare(states_of(issue_id), house.arrived)
    return Account(
        fault=fault.name,
        strikes=strikes,
        audience=counted.audience,
        accepted=counted.accepted,
        lost=found.lost,
        double=found.double,
        in_doubt=counted.in_doubt,
        doubt_allowed=fault.workers * house.plan.connections * strikes,
        doubt_arrived=found.doubt_arrived,
        recovery_s=round(recovery_s, 1),
        stop_s=round(stop_s, 1),
        seconds=round(seconds, 1),
        balances=counted.balances,
        finished=finished,
    )
