"""The claims of one batch that wait for their valves."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from newsletter_service.delivery.flow import FREE, Flow, Held, Pass, is_relay
from newsletter_service.delivery.ledger import Claim
from newsletter_service.relays import Route

PATIENCE_S = 2.0
HOLD_S = 3.0
ASK_S = 0.2


@dataclass(frozen=True, slots=True)
class Taken:
    """A claim that may start, through which relay; without a route all that fit are closed."""

    claim: Claim
    route: Route | None
    passed: Pass = FREE


class Line:
    """The claims of batches that wait; what a limit holds back lets the others pass.

    `several` says that there is more than one relay to wait for.
    """

    def __init__(
        self,
        claims: Iterable[Claim],
        flow: Flow,
        route_of: Callable[[Claim], Route | None],
        *,
        several: bool,
    ) -> None:
        self.waiting = deque(claims)
        self.wait = 0.0
        self._flow = flow
        self._route_of = route_of
        self._parked: dict[str, deque[Claim]] = {}
        self._several = several
        self._open = True
        self._asked = 0.0
        self._alone_since = math.inf

    def __len__(self) -> int:
        return len(self.waiting) + sum(len(claims) for claims in self._parked.values())

    @property
    def hopeless(self) -> bool:
        """Whether what is left has to wait so long that others should have their turn."""
        of_readers = bool(self._parked) and not any(map(is_relay, self._parked))
        long_alone = time.monotonic() - self._alone_since > HOLD_S
        return self.wait > PATIENCE_S or (of_readers and long_alone)

    @property
    def owes_a_turn(self) -> bool:
        """Whether somebody who was held back should be asked again."""
        return bool(self._parked) and time.monotonic() - self._asked > ASK_S

    def extend(self, claims: Iterable[Claim]) -> bool:
        """Others come behind; not any more once a lane has gone because there were none."""
        if self._open:
            self.waiting.extend(claims)
        return self._open

    def leave(self) -> None:
        """A lane goes."""
        self._open = False

    def take(self) -> Taken | None:
        """The next claim that may start; None when there is none, or none within `wait`."""
        self.wait = math.inf
        self._asked = time.monotonic()
        for name in tuple(self._parked):
            claims = self._parked[name]
            found = self._try(claims.popleft())
            if isinstance(found, Taken):
                self._tidy(name)
                return found
            claims.appendleft(found[0])
        while self.waiting:
            found = self._try(self.waiting.popleft())
            if isinstance(found, Taken):
                self._alone_since = math.inf
                return found
            claim, held = found
            if is_relay(held.by) and not self._several:
                self.waiting.appendleft(claim)  # the others would wait for the same
                return None
            self._parked.setdefault(held.by, deque()).append(claim)
        self._alone_since = min(self._alone_since, time.monotonic())
        return None

    def rest(self) -> list[Claim]:
        """Everybody who still waits."""
        return [*self.waiting, *(claim for claims in self._parked.values() for claim in claims)]

    def _try(self, claim: Claim) -> "Taken | tuple[Claim, Held]":
        route = self._route_of(claim)
        if route is None:
            return Taken(claim, None)
        passed = self._flow.admit(claim, route)
        if isinstance(passed, Pass):
            return Taken(claim, route, passed)
        self.wait = min(self.wait, passed.wait)
        return claim, passed

    def _tidy(self, name: str) -> None:
        if not self._parked[name]:
            del self._parked[name]
