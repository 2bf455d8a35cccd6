"""Clicks in total, where a newsletter counts them: redirects that are the same for every reader.

The release gives each address of the letter a number and puts the redirect in its place. What is
kept is two totals per address, people and machines; nothing says who pressed or when (P10).
"""

import re
from collections.abc import Mapping

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter_service import settings as settings_module
from newsletter_service.accounts import sending
from newsletter_service.mail import addresses_in
from newsletter_service.mail.message import Letter
from newsletter_service.models import CountedLink, Issue, writing

# Scanners of mail, previews, crawlers and programs, by what they call themselves.
_MACHINE = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|scan|preview|proxy|monitor|validator|checker|fetch|headless"
    r"|curl|wget|python|httpx|okhttp|go-http|java/|libwww|axios|node\b|ruby|perl|php"
    r"|barracuda|proofpoint|mimecast|safelinks|microsoft office|ms-office|bitdefender|symantec"
    r"|trend ?micro|fortinet|zscaler|sophos|forcepoint|cloudmark|messagelabs|ironport"
    r"|facebookexternalhit|slack|whatsapp|telegram|discord|skypeuri|bingpreview",
    re.IGNORECASE,
)
_AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)
_SAYS_WHY = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


class NoSuchLink(LookupError):
    """The issue has no counted address of this number."""


def counted(session: Session, issue: Issue, made: dict[str, Letter]) -> dict[str, Letter]:
    """The letters with redirects, if the newsletter counts; for the release, inside its verb.

    Pages of our own stay as they are: leaving, answering and the archive are nobody's business;
    so do links whose words are an address.
    """
    session.execute(delete(CountedLink).where(CountedLink.issue_id == issue.id))
    if not sending.of_list(issue.newsletter).clicks:
        return made
    base = settings_module.current().base_url
    found = [one for letter in made.values() for one in addresses_in.listed(letter)]
    bare = {one for letter in made.values() for one in addresses_in.shown(letter)}
    outside = [one for one in dict.fromkeys(found) if one not in bare and not _is_ours(one, base)]
    numbers = {address: n for n, address in enumerate(outside, 1)}
    session.add_all(
        CountedLink(issue_id=issue.id, n=n, url=address, people=0, machines=0)
        for address, n in numbers.items()
    )

    def redirect(address: str) -> str:
        return f"{base}/l/{issue.id}/{numbers[address]}" if address in numbers else address

    return {lo: addresses_in.changed(letter, redirect) for lo, letter in made.items()}


def target(session: Session, issue_id: int, n: int) -> str:
    """Where a redirect leads: only where the letter did. Raises `NoSuchLink`."""
    link = session.get(CountedLink, (issue_id, n))
    if link is None:
        raise NoSuchLink
    return link.url


def count(issue_id: int, n: int, *, machine: bool) -> None:
    """Add one press to a person's or a machine's total."""
    column = CountedLink.machines if machine else CountedLink.people
    with writing() as session:
        this = (CountedLink.issue_id == issue_id, CountedLink.n == n)
        session.execute(update(CountedLink).where(*this).values({column: column + 1}))


def take_back(issue_id: int, numbers: set[int]) -> None:
    """Presses that were taken for a person's were a machine's: it pressed everything at once."""
    with writing() as session:
        session.execute(
            update(CountedLink)
            .where(
                CountedLink.issue_id == issue_id,
                CountedLink.n.in_(numbers),
                CountedLink.people > 0,
            )
            .values(people=CountedLink.people - 1, machines=CountedLink.machines + 1)
        )


def of_issue(session: Session, issue_id: int) -> list[CountedLink]:
    """The counted addresses of an issue, the most pressed first."""
    return list(
        session.scalars(
            select(CountedLink)
            .where(CountedLink.issue_id == issue_id)
            .order_by(CountedLink.people.desc(), CountedLink.n)
        )
    )


def is_machine(method: str, user_agent: str, said: Mapping[str, str]) -> bool:
    """Whether a request is no person's press: asks for no page, looks ahead, or says so."""
    ahead = any(_AHEAD.search(said.get(name, "")) for name in _SAYS_WHY)
    return method != "GET" or ahead or not user_agent.strip() or bool(_MACHINE.search(user_agent))


def _is_ours(address: str, base: str) -> bool:
    return address == base or address.startswith((base + "/", base + "?"))
