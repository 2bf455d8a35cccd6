"""Work of the inbound queue."""

from datetime import UTC, datetime

from newsletter_service.bounces import certificates, intake, mailbox, provider_events
from newsletter_service.issues import link_check
from newsletter_service.jobs import Verbs
from newsletter_service.subscribers import import_turns


def _now() -> datetime:
    return datetime.now(UTC)


JOBS: Verbs = {
    "links.try": lambda issue_id: link_check.look(issue_id, _now()),
    "readers.import": lambda import_id: import_turns.work(import_id, _now()),
    "bounces.process": lambda message_id: intake.process(message_id, _now()),
    "bounces.poll": lambda: mailbox.poll(_now()),
    "providers.process": lambda: provider_events.process(_now()),
    "providers.certificate": lambda row_id: certificates.fetch(row_id, _now()),
}
