"""What a message must pass before it may start: the relay's valve, its readers' group's, and so on.

Shares come from SQL (`shares`); between two looks, and when the database is away, the last ones
stay in force. With no limit anywhere a message passes without a look at any valve.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from newsletter_service.delivery.adaptive import Adaptive
from newsletter_service.delivery.ledger import Claim
from newsletter_service.delivery.pace import Pace
from newsletter_service.relays import Route

SEAT_S = 0.02
REFILL_S = 0.5


@dataclass(frozen=True, slots=True)
class Allowed:
    """What this worker may use of one limit; None is no limit. `shut_s`: nothing for so long.

    `more` mails may be sent today besides what is left of those before; when they are used up
    and `none_left_s` is set, there are no others for so long.
    """

    rate: float | None = None
    seats: int | None = None
    more: int | None = None
    shut_s: float = 0.0
    none_left_s: float = 0.0


@dataclass(slots=True)
class Valve:
    """One limit as this worker obeys it."""

    pace: Pace = field(default_factory=Pace)
    seats: int | None = None
    quota: int | None = None
    shut_until: float = 0.0
    none_until: float = 0.0
    used: int = 0

    def wait(self, now: float, *, seated: bool) -> float:
        """Seconds until something may start. Who is `seated` has a connection already."""
        if now < self.shut_until:
            return self.shut_until - now
        if self.quota is not None and self.quota <= 0:
            return max(self.none_until - now, REFILL_S)
        if self.seats is not None and self.used >= self.seats + seated:
            return SEAT_S
        wait = self.pace.wait(now)
        return wait if wait < math.inf else REFILL_S

    def enter(self, now: float, *, seated: bool) -> None:
        """Something starts."""
        self.used += not seated
        if self.quota is not None:
            self.quota -= 1
        self.pace.take(now)


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to start, held until the message's end; `valves` count it until then."""

    valves: tuple[Valve, ...] = ()
    group: str = ""
    seat: Valve | None = None

    def leave(self) -> None:
        """The message is over."""
        for valve in self.valves:
            valve.used -= 1
        if self.seat is not None:
            self.seat.used -= 1

    def hand_on(self, coming: "Pass") -> "Pass":
        """The message is over, and its connection goes on with the one that is coming."""
        if self.seat is None or coming.seat is not None:
            self.leave()
            return coming
        replace(self, seat=None).leave()
        return replace(coming, seat=self.seat)


@dataclass(frozen=True, slots=True)
class Held:
    """Not yet: which valve holds it, and for how long."""

    by: str
    wait: float


FREE = Pass()


class Flow:
    """The valves of one worker.

    `group_of` names an address's group, `domain_of` the domain of a list's sender.
    """

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self.limited = False
        self.group_of: Callable[[str], str] = lambda _: ""
        self.domain_of: Mapping[int, str] = {}
        self.took: set[str] = set()
        self.day: date | None = None
        self._valves: dict[str, Valve] = {}
        self._granted: dict[str, Allowed] = {}
        self._adaptive: dict[int, Adaptive] = {}

    def allow(self, granted: Mapping[str, Allowed]) -> None:
        """Obey these limits from now on, and no others."""
        now = time.monotonic()
        self._granted = dict(granted)
        for name, allowed in granted.items():
            valve = self._valves.setdefault(name, Valve())
            valve.pace.change(allowed.rate, now)
            valve.seats = allowed.seats
            valve.quota = (valve.quota or 0) + allowed.more if allowed.more is not None else None
            valve.none_until = now + allowed.none_left_s
            valve.shut_until = now + allowed.shut_s if allowed.shut_s > 0 else 0.0
        for name in self._valves.keys() - granted.keys():
            del self._valves[name]
        for relay_id in self._adaptive:
            self._narrow(relay_id)
        self.limited = bool(self._valves)

    def seats(self, relay_id: int) -> int | None:
        """How many connections to a relay this worker may use; None is as many as it has."""
        valve = self._valves.get(f"relay:{relay_id}")
        return valve.seats if valve else None

    def in_use(self) -> dict[str, int]:
        """How much of every limit is being used now."""
        return {name: valve.used for name, valve in self._valves.items()}

    def quota(self, name: str) -> int:
        """How much is left of what was given for today."""
        valve = self._valves.get(name)
        return (valve.quota or 0) if valve else 0

    def spend(self, name: str) -> int:
        """Use no more of it; how much was left."""
        left = self.quota(name)
        if name in self._valves:
            self._valves[name].quota = 0
        return left

    def admit(self, claim: Claim, route: Route, seat: Valve | None = None) -> Pass | Held:
        """Leave to start, or what holds it; who has a `seat` goes on with its connection."""
        if not self.limited:
            return FREE
        group = self.group_of(claim.address or "")
        domain = self.domain_of.get(claim.list_id, "")
        names = (f"relay:{route.id}", f"group:{group}", f"domain:{domain}")
        return self.enter(names, group, seat)

    def enter(
        self, names: Iterable[str], group: str = "", seat: Valve | None = None
    ) -> Pass | Held:
        """Pass all of these valves at once, or none of them."""
        now = time.monotonic()
        found = [(name, valve) for name in names if (valve := self._valves.get(name))]
        waits = [(valve.wait(now, seated=valve is seat), name) for name, valve in found]
        longest, by = max(waits, default=(0.0, ""))
        if longest > 0:
            return Held(by, longest)
        for _, valve in found:
            valve.enter(now, seated=valve is seat)
        relay = next((valve for name, valve in found if is_relay(name)), None)
        others = tuple(valve for name, valve in found if not is_relay(name))
        return Pass(others, group, None if relay is seat else relay)

    def accepted(self, passed: Pass, relay_id: int, seconds: float) -> None:
        """The relay took a message, after so long."""
        if passed.group:
            self.took.add(passed.group)
        if self._of(relay_id).took(seconds, time.monotonic()):
            self._narrow(relay_id)

    def ease(self, relay_id: int) -> None:
        """The relay asked us to slow down."""
        if self._of(relay_id).ease(time.monotonic()):
            self._narrow(relay_id)

    def _of(self, relay_id: int) -> Adaptive:
        found = self._adaptive.get(relay_id)
        if found is None:
            found = self._adaptive[relay_id] = Adaptive(self.connections)
        return found

    def _narrow(self, relay_id: int) -> None:
        """Let the relay's valve follow what was found by trying."""
        name, found = f"relay:{relay_id}", self._adaptive[relay_id]
        seats = self._granted.get(name, Allowed()).seats
        if found.is_full:
            if name not in self._granted:
                self._valves.pop(name, None)
            else:
                self._valves[name].seats = seats
        else:
            valve = self._valves.setdefault(name, Valve())
            valve.seats = min(int(found.width), self.connections if seats is None else seats)
        self.limited = bool(self._valves)


def is_relay(name: str) -> bool:
    """Whether a valve is a relay's."""
    return name.startswith("relay:")
