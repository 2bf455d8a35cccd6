"""What the editors are told about a suggestion that came by itself, or why none came."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import notices
from newsletter_service import settings as settings_module
from newsletter_service.issues import preflight, why_here
from newsletter_service.models import BlockKind, Issue, NewsletterList, Person, Role

TOLD_FOR = timedelta(days=3)
NOTHING_NEW, DRAFT_WAITS = "nothing_new", "draft_waits"


@dataclass(frozen=True)
class Outcome:
    """What came of an occasion: an issue, or 0 and why not; `moment` is ISO 8601 in UTC."""

    moment: str
    issue_id: int
    why: str
    least_news: int = 0
    told: bool = False


def tell(
    session: Session,
    newsletter: NewsletterList,
    outcome: Outcome,
    leaves: datetime | None,
    now: datetime,
) -> None:
    """Inside a verb: mail every editor once about an occasion, in their language."""
    issue = session.get(Issue, outcome.issue_id) if outcome.issue_id else None
    findings = preflight.check(session, issue, now) if issue is not None else []
    for person in session.scalars(select(Person).where(Person.disabled_at.is_(None))):
        if not person.has_role(Role.EDITOR):
            continue
        locale = person.locale or "sv"
        with force_locale(locale):
            values = (
                _about(issue, findings, leaves, locale)
                if issue is not None
                else _why_none(newsletter, outcome.why, locale)
            )
        notices.tell(
            session,
            "proposal",
            person,
            subject=f"list:{newsletter.id}",
            key=outcome.moment[:16],
            now=now,
            expires_at=now + TOLD_FOR,
            values=values,
            list_id=newsletter.id,
        )


def why_none(why: str) -> str:
    """Why an occasion brought no suggestion, a sentence in the language of the request."""
    if why == DRAFT_WAITS:
        return str(_("An issue was being worked on already, so no other was suggested."))
    return str(_("There was no news that an earlier issue had not told, so none was suggested."))


def _why_none(newsletter: NewsletterList, why: str, locale: str) -> dict[str, Any]:
    base = settings_module.current().base_url
    waits = why == DRAFT_WAITS
    return {
        "title": _("No suggestion for %(list)s this time", list=newsletter.title(locale)),
        "what": why_none(why),
        "left": [],
        "contents": [],
        "url": f"{base}/desk/{'utskick' if waits else 'nyheter'}",
        "button_text": _("See the issues") if waits else _("See the news"),
    }


def _about(
    issue: Issue, findings: list[preflight.Finding], leaves: datetime | None, locale: str
) -> dict[str, Any]:
    base = settings_module.current().base_url
    values = {
        "what": _(
            "No. %(number)s of %(list)s is composed out of your latest news: “%(subject)s”.",
            number=issue.number,
            list=issue.newsletter.title(locale),
            subject=issue.text(issue.newsletter.locales[0]).subject,
        ),
        "contents": _parts(issue),
        "url": f"{base}/desk/utskick/{issue.id}",
    }
    if leaves is not None:
        return values | {
            "title": _("No. %(number)s leaves in a few minutes", number=issue.number),
            "left": [_("Nothing, if it is right. Until it leaves you can take it back.")],
            "button_text": _("Look at the issue"),
        }
    return values | {
        "title": _("A suggestion for no. %(number)s is ready", number=issue.number),
        "left": _left(findings),
        "button_text": _("Open the draft"),
    }


def _left(findings: list[preflight.Finding]) -> list[str]:
    """What is left to do, most pressing first."""
    must = Counter(finding.what for finding in findings if finding.blocks)
    look = Counter(finding.what for finding in findings if not finding.blocks)
    lines = [_("Must be mended: %(what)s", what=what) for what in must]
    if look:
        lines.append(
            ngettext(
                "%(num)s thing is worth a look: %(what)s",
                "%(num)s things are worth a look: %(what)s",
                len(look),
                what=" ".join(look),
            )
        )
    lines.append(_("Read it through, send a test to yourself, and release it."))
    return [str(line) for line in lines]


def _parts(issue: Issue) -> list[dict[str, str]]:
    """The letter at a glance: headings and headlines in their order, each with why it is there."""
    found = []
    for block in issue.blocks:
        values = block.values(issue.newsletter.locales[0])
        heading = block.kind == BlockKind.HEADING
        title = str(values.get("text") if heading else values.get("title") or "")
        if title:
            why = why_here.sentence(block.why)
            found.append({"title": title, "why": why, "heading": "yes" if heading else ""})
    return found
