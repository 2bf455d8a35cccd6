"""A message made ready while the one before it is on its way."""

from typing import NamedTuple

from newsletter_service.delivery.ledger import Start
from newsletter_service.mail.smtp.envelope import Envelope


class Ready(NamedTuple):
    """A message made, with its envelope; `sound` if it needs no dots doubled."""

    start: Start
    data: bytes
    sound: bool
    envelope: Envelope
