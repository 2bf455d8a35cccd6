"""Opening what an issue leads to and shows, in a job, through the guarded client (P7).

What came of it is stored by address, so that a page never waits for a network, and an address
that stands in several issues is tried once.
"""

import io
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from PIL import Image
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from newsletter_service import outward
from newsletter_service.address import is_reserved
from newsletter_service.extensions import db
from newsletter_service.issues import dead_links
from newsletter_service.issues.checks.case import Case, link_key
from newsletter_service.issues.checks.links import host_of, is_well_formed
from newsletter_service.models import Issue, IssueState, LinkCheck, LinkOutcome, writing
from newsletter_service.pictures import remote
from newsletter_service.queue import nudge
from newsletter_service.safe_http import FetchError, Refused, SafeClient, TooLarge

log = logging.getLogger(__name__)

FRESH = timedelta(hours=6)
# What is planned is looked at once more this long before it leaves, and just before it does.
LAST_LOOK = timedelta(hours=1)
FINAL_LOOK = timedelta(minutes=10)
MOST_LINKS = 120
AT_ONCE = 8
TIMEOUT_S = 8.0
MOST_BYTES = 2_000_000
LOST_AFTER = timedelta(minutes=1)
STILL_WRITTEN = timedelta(days=14)
GONE = frozenset({404, 410})
_WAITING = (
    *(IssueState.DRAFT, IssueState.IN_REVIEW, IssueState.APPROVED),
    IssueState.SCHEDULED,
)
_LEAVES_SOON = (IssueState.APPROVED, IssueState.SCHEDULED)


@dataclass(frozen=True)
class _Tried:
    """What came of one address."""

    url: str
    outcome: LinkOutcome
    status: int = 0
    final_url: str = ""
    kind: str = ""
    size: int = 0
    width: int | None = None
    height: int | None = None


def ask(issue_id: int, now: datetime) -> None:
    """Have a worker try all the addresses of an issue anew, also of pictures that were refused."""
    with writing() as session:
        issue = session.get_one(Issue, issue_id)
        issue.links_tried_at = None
        shown = [link.url for link in Case(session, issue, now).links if link.is_picture]
        remote.ask_again(session, shown, now)
        nudge("links.try", issue_id)


def look(issue_id: int, now: datetime) -> int:
    """Try the addresses of an issue that were not tried lately; returns how many were.

    The network is used between two short transactions, never inside one.
    """
    issue = db.session.get(Issue, issue_id)
    if issue is None or issue.state not in _WAITING:
        db.session.rollback()
        return 0
    wanted = _wanted(issue, now)
    client = replace(outward.client(), timeout_s=TIMEOUT_S, max_bytes=MOST_BYTES)
    tried = _try_all(client, wanted)
    with writing() as session:
        _store(session, tried, now)
        session.get_one(Issue, issue_id).links_tried_at = now
    dead_links.tell(issue_id, now)
    return len(tried)


def overdue(now: datetime) -> list[int]:
    """Issues that changed since their links were tried, and those that leave soon."""
    leaves = Issue.state == IssueState.SCHEDULED
    stale = or_(
        Issue.links_tried_at.is_(None),
        Issue.links_tried_at < Issue.changed_at,
        Issue.state.in_(_LEAVES_SOON) & (Issue.links_tried_at < now - FRESH),
        leaves & (Issue.send_at <= now + LAST_LOOK) & (Issue.links_tried_at < now - LAST_LOOK),
        leaves
        & Issue.send_at.between(now, now + FINAL_LOOK)
        & (Issue.links_tried_at < now - FINAL_LOOK),
    )
    found = select(Issue.id).where(
        Issue.state.in_(_WAITING),
        Issue.changed_at < now - LOST_AFTER,
        or_(Issue.changed_at > now - STILL_WRITTEN, leaves),
        stale,
    )
    return list(db.session.scalars(found))


def _wanted(issue: Issue, now: datetime) -> dict[str, bool]:
    """The addresses to try, and whether each is a picture's; all of them when it was asked for."""
    session = db.session()
    case = Case(session, issue, now)
    mine = {
        link.url: link.is_picture
        for link in case.links
        if link.url.lower().startswith(("http://", "https://")) and is_well_formed(link)
    }
    fresh = _freshness(issue, now)
    lately = {url for url, one in case.tried.items() if now - one.tried_at < fresh}
    lately = lately if issue.links_tried_at else set()
    session.rollback()
    left = {url: picture for url, picture in mine.items() if url not in lately}
    return dict(list(left.items())[:MOST_LINKS])


def _freshness(issue: Issue, now: datetime) -> timedelta:
    """For how long an answer counts: the sooner it leaves, the shorter."""
    left = issue.send_at - now if issue.send_at else FRESH
    return next((one for one in (FINAL_LOOK, LAST_LOOK) if left <= one), FRESH)


def _try_all(client: SafeClient, wanted: dict[str, bool]) -> list[_Tried]:
    """Several at once; what fails on their side is tried a second time."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        tried = list(threads.map(lambda url: _try(client, url, wanted[url]), wanted))
        failing = [one.url for one in tried if one.outcome == LinkOutcome.FAILING]
        again = threads.map(lambda url: _try(client, url, wanted[url]), failing)
        known = {one.url: one for one in tried} | {one.url: one for one in again}
    return list(known.values())


def _try(client: SafeClient, url: str, is_picture: bool) -> _Tried:
    if is_reserved(
        host_of(url)
    ):  # nobody is there (RFC 2606, 6761): the name servers are not asked
        return _Tried(url, LinkOutcome.UNKNOWN)
    try:
        answer = client.get(url, accept="image/*" if is_picture else "text/html,*/*;q=0.8")
    except TooLarge:
        return _Tried(url, LinkOutcome.OK, 200, size=MOST_BYTES + 1)
    except Refused:
        return _Tried(url, LinkOutcome.UNKNOWN)
    except FetchError:
        return _Tried(url, LinkOutcome.SILENT)
    except Exception:  # one strange site must not keep the others from being tried
        log.exception("link_not_tried")
        return _Tried(url, LinkOutcome.SILENT)
    width, height = _measured(answer.body) if is_picture else (None, None)
    return _Tried(
        url=url,
        outcome=_outcome(answer.status),
        status=answer.status,
        final_url=answer.final_url[:2000],
        kind=answer.headers.get("content-type", "").partition(";")[0].strip().lower()[:100],
        size=len(answer.body),
        width=width,
        height=height,
    )


def _outcome(status: int) -> LinkOutcome:
    if status in GONE:
        return LinkOutcome.GONE
    if status >= 500:
        return LinkOutcome.FAILING
    return LinkOutcome.DENIED if status >= 400 else LinkOutcome.OK


def _measured(body: bytes) -> tuple[int | None, int | None]:
    """The size of a picture in pixels; only its head is read."""
    try:
        with Image.open(io.BytesIO(body)) as picture:
            return picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None, None


def _store(session: Session, tried: Iterable[_Tried], now: datetime) -> None:
    by_key = {link_key(one.url): one for one in tried}
    known = {
        row.url_key: row
        for row in session.scalars(select(LinkCheck).where(LinkCheck.url_key.in_(by_key)))
    }
    for key, one in by_key.items():
        row = known.get(key) or LinkCheck(url_key=key, url=one.url[:2000])
        row.tried_at, row.outcome, row.status = now, one.outcome, one.status
        row.final_url, row.kind, row.size = one.final_url, one.kind, one.size
        row.width, row.height = one.width, one.height
        session.add(row)
