"""The gate's ordinary case at the speed of the sending: accepted ones out, claimed ones in.

What `gate` decides row by row with the same conditions is done here for a whole group at once,
on a connection of its own that is kept open. Every row that does not move goes to `gate`, which
says why.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Engine

from newsletter_service.delivery.ledger import Outcome, Start
from newsletter_service.models import DeliveryState

Keys = set[tuple[int, int]]
Moved = tuple[Keys, Keys]
"""Keys of the deliveries that were settled, and of those that were started."""


class Passage(Protocol):
    """For the loop's thread. After an error nobody knows whether the group was committed."""

    errors: tuple[type[Exception], ...]
    """What is raised where the database can't be reached or says no."""

    leaves_the_loop: bool
    """Whether the loop goes on with other things while a group is being committed."""

    async def take(self, outcomes: Sequence[Outcome], starts: Sequence[Start]) -> Moved | None:
        """Commit a group of ordinary outcomes and starts; None says that all of them moved.

        Raises what drivers raise.
        """

    def close(self) -> None:
        """Let go of the connection."""


def is_ordinary(outcome: Outcome) -> bool:
    """Whether an outcome may pass here: taken by the relay at the first try."""
    return outcome.state is DeliveryState.ACCEPTED and not outcome.claim.retried


def kept_connection(database: Engine) -> Any:
    """A driver's connection that the pool knows nothing of any more."""
    borrowed = database.raw_connection()
    connection: Any = borrowed.driver_connection
    borrowed.detach()
    return connection
