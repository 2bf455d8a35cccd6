"""A message made ready while the one before it is on its way."""

from collections.abc import Sequence
from typing import NamedTuple

from newsletter_service.delivery.ledger import Start
from newsletter_service.mail.smtp.envelope import Envelope


class Ready(NamedTuple):
    """A message made, with its envelope; `sound` if it needs no dots doubled.

    It is joined when it leaves: until then its parts are mostly those of every copy.
    """

    start: Start
    parts: Sequence[bytes]
    sound: bool
    envelope: Envelope
