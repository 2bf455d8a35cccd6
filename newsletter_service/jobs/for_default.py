"""Work of the default queue."""

from datetime import UTC, datetime

from newsletter_service.delivery import audience, finish
from newsletter_service.jobs import Verbs
from newsletter_service.news import fetch, folding, probe
from newsletter_service.operations import doctor
from newsletter_service.pictures import remote


def _now() -> datetime:
    return datetime.now(UTC)


JOBS: Verbs = {
    "audience.expand": lambda issue_id: audience.expand(issue_id, _now()),
    "issue.finish": lambda issue_id: finish.finish(issue_id, _now()),
    "news.fetch": lambda source_id: fetch.fetch(source_id, _now()),
    "news.fold": lambda: folding.fold(_now()),
    "pictures.fetch": lambda: remote.fetch_due(_now()),
    "site.discover": lambda probe_id: probe.discover(probe_id, _now()),
    "doctor.check": lambda: doctor.check(_now()),
}
