"""The mails around an approval: to those who may approve, and back to who asked.

Approvers get a link that logs them, and nobody else, in by a button; it approves nothing.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import notices
from newsletter_service import settings as settings_module
from newsletter_service.accounts import links
from newsletter_service.accounts.people import called
from newsletter_service.issues import merging, telling
from newsletter_service.models import Issue, Person, Review, ReviewAct, Role

TOLD_FOR = timedelta(days=3)
Words = dict[str, str]


def asked(session: Session, issue: Issue, actor: str, now: datetime) -> int:
    """Tell everybody who may approve it; how many were told."""
    told = 0
    for person in approvers(session, issue, actor):
        secret = links.for_mail(session, person, now, TOLD_FOR)
        with force_locale(person.locale or "sv"):
            values = {"who": called(actor), "when": _when(issue)} | _about(session, issue)
        told += notices.tell(
            session,
            "approval",
            person,
            subject=f"issue:{issue.id}",
            key=f"{issue.version}:{int(now.timestamp())}",
            now=now,
            expires_at=now + TOLD_FOR,
            values=values | {"path": f"/desk/utskick/{issue.id}/godkannande"},
            list_id=issue.list_id,
            secret=secret.raw,
        )
    return told


def approvers(session: Session, issue: Issue, actor: str) -> list[Person]:
    """Who may approve what this person asks about."""
    people = session.scalars(select(Person).where(Person.disabled_at.is_(None)).order_by(Person.id))
    mine = {actor, issue.created_by}
    return [one for one in people if one.has_role(Role.APPROVER) and one.email not in mine]


def approved(session: Session, issue: Issue, actor: str, now: datetime) -> None:
    """Tell who asked."""
    for person in _askers(session, issue):
        with force_locale(person.locale or "sv"):
            planned = issue.send_at is not None and issue.send_at > now
            words = {
                "title": _("No. %(number)s is approved", number=issue.number),
                "what": _(
                    "%(who)s approved “%(subject)s”.", who=called(actor), **_subject(session, issue)
                ),
                "remedy": _("It leaves %(when)s, as you asked for.", when=_when(issue))
                if planned
                else _("Choose when it leaves."),
                "button_text": _("Open the issue"),
            }
        _alert(session, issue, person, words, key=f"approved:{issue.version}", now=now)


def not_planned(session: Session, issue: Issue, now: datetime) -> None:
    """Tell who asked that it is approved and does not leave at the time they asked for."""
    for person in _askers(session, issue):
        with force_locale(person.locale or "sv"):
            words = {
                "title": _("No. %(number)s is approved, but not planned", number=issue.number),
                "what": _(
                    "“%(subject)s” does not leave %(when)s: the time had passed, or the check found"
                    " something.",
                    when=_when(issue),
                    **_subject(session, issue),
                ),
                "remedy": _("Choose when it leaves."),
                "button_text": _("Open the issue"),
            }
        _alert(session, issue, person, words, key=f"unplanned:{issue.version}", now=now)


def sent_back(session: Session, issue: Issue, actor: str, why: str, now: datetime) -> None:
    """Tell who asked what should change."""
    for person in _askers(session, issue):
        with force_locale(person.locale or "sv"):
            words = {
                "title": _("No. %(number)s came back to you", number=issue.number),
                "what": _("%(who)s writes: “%(why)s”", who=called(actor), why=why),
                "remedy": _("Change it, and ask for approval again."),
                "button_text": _("Open the issue"),
            }
        key = f"back:{issue.version}:{int(now.timestamp())}"
        _alert(session, issue, person, words, key=key, now=now)


def voided(session: Session, issue: Issue, actor: str, now: datetime) -> None:
    """Tell who approved, and who asked, that it is a draft again."""
    wanted = {issue.approved_by} if issue.approved_by else set()
    asker = _asked(session, issue)
    people = _known(session, wanted | ({asker.actor} if asker else set()))
    for person in people:
        if person.email == actor:
            continue
        with force_locale(person.locale or "sv"):
            words = {
                "title": _("No. %(number)s must be approved again", number=issue.number),
                "what": _(
                    "%(who)s changed “%(subject)s” after approval was asked for or given, so that"
                    " it is a draft again.",
                    who=called(actor),
                    **_subject(session, issue),
                ),
                "remedy": _("Nothing now. You get a mail when approval is asked for again."),
                "button_text": _("Look at the issue"),
            }
        _alert(session, issue, person, words, key=f"voided:{issue.version}", now=now)


def late(session: Session, issue: Issue, now: datetime) -> None:
    """Tell both sides that the time has passed and nothing was sent."""
    asker = _asked(session, issue)
    mine = asker.actor if asker else issue.created_by
    people = {one.id: one for one in approvers(session, issue, mine)}
    people |= {one.id: one for one in _askers(session, issue)}
    for person in people.values():
        with force_locale(person.locale or "sv"):
            words = {
                "title": _("No. %(number)s waits for approval", number=issue.number),
                "what": _(
                    "“%(subject)s” was to leave %(when)s, but nobody has approved it, so nothing"
                    " was sent.",
                    when=_when(issue),
                    **_subject(session, issue),
                ),
                "remedy": _("Approve it or send it back; its writer then chooses a new time."),
                "button_text": _("Look at the issue"),
            }
        _alert(session, issue, person, words, key=f"late:{issue.send_at_local}", now=now)


def _asked(session: Session, issue: Issue) -> Review | None:
    return session.scalars(
        select(Review)
        .where(Review.issue_id == issue.id, Review.act == ReviewAct.ASKED)
        .order_by(Review.id.desc())
        .limit(1)
    ).one_or_none()


def _askers(session: Session, issue: Issue) -> list[Person]:
    asked_by = _asked(session, issue)
    return _known(session, {issue.created_by} | ({asked_by.actor} if asked_by else set()))


def _known(session: Session, emails: Iterable[str]) -> list[Person]:
    wanted = Person.email.in_([email for email in emails if email])
    return list(session.scalars(select(Person).where(wanted, Person.disabled_at.is_(None))))


def _alert(  # noqa: PLR0913 - one mail's particulars
    session: Session, issue: Issue, person: Person, words: Words, *, key: str, now: datetime
) -> None:
    url = f"{settings_module.current().base_url}/desk/utskick/{issue.id}/granska"
    notices.tell(
        session,
        "alert",
        person,
        subject=f"issue:{issue.id}",
        key=key[:48],
        now=now,
        expires_at=now + TOLD_FOR,
        values=words | {"url": url},
        list_id=issue.list_id,
    )


def _about(session: Session, issue: Issue) -> dict[str, object]:
    return {"number": issue.number, "newsletter": issue.newsletter.title("sv")} | _subject(
        session, issue
    )


def _subject(session: Session, issue: Issue) -> Words:
    return {"subject": merging.subject(session, issue)}


def _when(issue: Issue) -> str:
    """The time that was asked for, by the clock on the wall; empty if none was."""
    if issue.send_at is None:
        return ""
    day, clock = telling.day_and_clock(issue.send_at)
    return str(_("%(day)s at %(clock)s", day=day, clock=clock))
