"""Work of the send queue."""

from newsletter_service.delivery import turn
from newsletter_service.jobs import Verbs

JOBS: Verbs = {"delivery.turn": turn.take}
