"""A message made ready while the one before it is on its way."""

from dataclasses import dataclass

from newsletter_service.delivery.ledger import Claim, Start
from newsletter_service.mail.smtp.dsn import DsnParams


@dataclass(frozen=True, slots=True)
class Ready:
    """A message made, with the arguments of its envelope."""

    start: Start
    data: bytes
    envelope: tuple[str, str, int, bool, DsnParams]

    @property
    def claim(self) -> Claim:
        """Whose it is."""
        return self.start.claim
