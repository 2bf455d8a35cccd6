"""Work of the confirm queue."""

from datetime import UTC, datetime

from newsletter_service.delivery import notices
from newsletter_service.jobs import Verbs
from newsletter_service.subscribers import sign_ups

JOBS: Verbs = {
    "sign_ups.take": lambda: sign_ups.take(datetime.now(UTC)),
    "notices.send": notices.send_due,
}
