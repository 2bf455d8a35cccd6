"""What this worker has at hand of today's numbers (`warm_up`)."""

from collections.abc import Sequence

from newsletter_service.delivery import warm_up
from newsletter_service.delivery.engine import SendingEngine
from newsletter_service.delivery.warm_up import Plan


class Quotas:
    """Takes a block of every plan's number at a time, and gives back what was not needed."""

    def __init__(self, engine: SendingEngine) -> None:
        self._engine = engine
        self._flow = engine.flow
        self._plans: Sequence[Plan] = ()

    async def take(self, plans: Sequence[Plan]) -> dict[str, int]:
        """Have a block of today's number at hand for every plan; how many more it is."""
        more = {}
        for plan in plans:
            if plan.day != self._flow.day:
                self._flow.spend(plan.what)  # yesterday's are not today's
            wanted = plan.block - self._flow.quota(plan.what)
            if plan.left and wanted > plan.block // 2:
                more[plan.what] = await self._engine.sql(warm_up.take, plan, wanted)
        if plans:
            self._flow.day = plans[0].day
        self._plans = plans
        return more

    async def give_back(self) -> None:
        """What was not needed is for others."""
        for plan in self._plans:
            if unused := self._flow.spend(plan.what):
                await self._engine.sql(warm_up.give_back, plan, unused)
