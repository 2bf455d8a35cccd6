"""*Historik*: who did what to an issue, in words."""

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _

from newsletter_service.accounts import people
from newsletter_service.models import AuditEvent
from newsletter_service.web.i18n import recent


def timeline(events: Iterable[AuditEvent]) -> list[dict[str, Any]]:
    """The events as entries of a timeline; acts without words of their own are left out."""
    words = _acts()
    return [
        {
            "time": recent(event.at),
            "datetime": event.at.isoformat(),
            "title": words[event.act],
            "text": _why(event),
            "kind": "neutral",
        }
        for event in events
        if event.act in words
    ]


def _why(event: AuditEvent) -> str:
    why = str(event.detail.get("why") or event.detail.get("reason") or "")
    return f"{_who(event.actor)}: {why}" if why else _who(event.actor)


def _who(actor: str) -> str:
    known = {
        "command line": _("from the command line"),
        "scheduler": _("by the scheduler"),
        "sample": _("made as an example"),
        "rhythm": _("by the newsletter's rhythm"),
    }
    return str(known.get(actor) or people.called(actor))


def _acts() -> dict[str, str]:
    return {
        "issue.suggested": _("Suggested out of the news"),
        "issue.begun": _("Begun"),
        "issue.changed": _("Content changed"),
        "issue.tested": _("Test sent"),
        "issue.review_asked": _("Approval asked for"),
        "issue.approved": _("Approved"),
        "issue.approval_voided": _("Changed, so that it must be approved again"),
        "issue.sent_back": _("Sent back to its writer"),
        "issue.review_taken_back": _("Approval no longer asked for"),
        "issue.approval_late": _("Not approved in time, so it did not leave"),
        "issue.discarded": _("Thrown away"),
        "issue.restored": _("Taken back"),
        "issue.mended": _("Mended by the check"),
        "issue.let_stand": _("Left as it is"),
        "issue.looked_at_again": _("Looked at again"),
        "issue.released": _("Released"),
        "issue.rescheduled": _("Another time chosen"),
        "issue.held": _("Held back by the last check, nothing was sent"),
        "issue.start_missed": _("Could not leave in time"),
        "issue.links_died": _("Links of the planned issue answered no more"),
        "issue.audience_chosen": _("Recipients chosen"),
        "issue.canary_passed": _("Sent to everybody after the first wave"),
        "issue.release_undone": _("Release undone"),
    }
