"""What became of an issue, in words: the sentence that can be forwarded, and the statement."""

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from newsletter_service.delivery import canary
from newsletter_service.extensions import db
from newsletter_service.issues import recipients
from newsletter_service.models import Issue, IssueState
from newsletter_service.recently import Recently
from newsletter_service.web.desk import now
from newsletter_service.web.i18n import number

LARGE = 50_000
_meant: Recently[int] = Recently(60.0, lambda found: found > LARGE)


@dataclass(frozen=True)
class Account:
    """The numbers of an issue, from its batches' tallies.

    `rest` are those who have no delivery yet, since a first wave goes before them.
    """

    issue: Issue
    tallies: dict[str, int]
    bounced: int = 0
    rest: int = 0

    @property
    def audience(self) -> int:
        """Everybody the issue is meant for."""
        return self.issue.audience + self.rest

    @property
    def settled(self) -> int:
        """How many are done with."""
        open_ones = self.tallies["pending"] + self.tallies["deferred"]
        return sum(self.tallies.values()) - open_ones

    @property
    def is_moving(self) -> bool:
        """Whether the numbers still change by themselves."""
        return self.issue.state in (IssueState.SCHEDULED, IssueState.SENDING)

    def sentence(self) -> str:
        """All of them in one sentence, or how far it has come."""
        said = ", ".join(self._parts())
        audience = self.audience
        if not audience:
            return str(_("Nobody has been written to yet."))
        if self.settled < audience or self.issue.expanded_at is None:
            return str(
                _(
                    "%(done)s of %(all)s are accounted for so far: %(parts)s.",
                    done=number(self.settled),
                    all=number(audience),
                    parts=said or "–",
                )
            )
        return str(
            ngettext(
                "The one reader is accounted for: %(parts)s.",
                "All %(all)s are accounted for: %(parts)s.",
                audience,
                all=number(audience),
                parts=said,
            )
        )

    def _parts(self) -> list[str]:
        counted = self.tallies
        told = [
            ("accepted", self._sent()),
            ("deferred", _("%(n)s tried again", n=number(counted["deferred"]))),
            ("skipped", _("%(n)s skipped", n=number(counted["skipped"]))),
            ("refused", _("%(n)s refused", n=number(counted["refused"]))),
            ("in_doubt", _("%(n)s unclear", n=number(counted["in_doubt"]))),
        ]
        return [text for name, text in told if counted[name]]

    def _sent(self) -> str:
        sent = number(self.tallies["accepted"])
        if not self.bounced:
            return str(_("%(n)s sent", n=sent))
        return str(
            _("%(n)s sent, of which %(lost)s did not arrive", n=sent, lost=number(self.bounced))
        )

    def lines(self, skipped: dict[str, int]) -> list[dict[str, Any]]:
        """The lines of the statement; `skipped` parts the skipped ones by reason."""
        counted = self.tallies
        parts = [(skip_words().get(reason, reason), n) for reason, n in skipped.items()]
        came_back = [(_("of which did not arrive"), self.bounced)] if self.bounced else []
        lines = [
            {"label": _("Sent"), "count": counted["accepted"], "kind": "good", "parts": came_back},
            {"label": _("Waiting for their turn"), "count": counted["pending"], "kind": "neutral"},
            {"label": _("After the first wave"), "count": self.rest, "kind": "neutral"},
            {"label": _("Trying again"), "count": counted["deferred"], "kind": "wait"},
            {"label": _("Skipped"), "count": counted["skipped"], "kind": "neutral", "parts": parts},
            {"label": _("Refused"), "count": counted["refused"], "kind": "bad"},
            {"label": _("Unclear"), "count": counted["in_doubt"], "kind": "wait"},
        ]
        always = {_("Sent")}
        return [line for line in lines if line["count"] or line["label"] in always]


def rest_of(issue: Issue) -> int:
    """How many get it after its first wave; of many up to a minute old, since pages ask often."""
    if not canary.is_watched(issue):
        return 0
    key = str(db.engine.url), issue.id
    meant = _meant.get(key, lambda: recipients.meant(db.session(), issue, now()))
    return max(0, meant - issue.audience)


def skip_words() -> dict[str, str]:
    """Why somebody was skipped."""
    return {
        "suppressed": _("suppressed"),
        "unsubscribed": _("had unsubscribed"),
        "paused": _("had paused"),
        "cancelled": _("the issue was cancelled"),
        "expired": _("became too late"),
        "internal_error": _("an error on our side"),
        "eai_unsupported": _("the address needs a newer mail server"),
        "invalid_address": _("the address cannot be written to"),
    }


def bounce_words() -> dict[str, str]:
    """Why a letter came back."""
    return {
        "userunknown": _("the address does not exist"),
        "hostunknown": _("the domain does not exist"),
        "hasmoved": _("the person has moved"),
        "notaccept": _("the domain takes no mail"),
        "suspend": _("the account is closed"),
        "mailboxfull": _("the mailbox is full"),
        "expired": _("nobody answered in time"),
        "networkerror": _("the mail server could not be reached"),
        "systemerror": _("the mail server had an error"),
        "systemfull": _("the mail server was full"),
        "onhold": _("the mail server asked us to wait"),
        "contenterror": _("the content was refused"),
        "mesgtoobig": _("the letter was too large"),
        "blocked": _("our mail server is blocked there"),
        "badreputation": _("our mail server is not trusted there"),
        "authfailure": _("our signature was not accepted"),
        "policyviolation": _("it broke a rule of theirs"),
        "rejected": _("the sender was refused"),
        "spamdetected": _("it was taken for spam"),
        "filtered": _("a filter stopped it"),
    }
