"""Pictures elsewhere become pictures of ours: asked for with news, fetched in a job (8.14, P7).

A letter that shows a picture from another site would tell that site who reads it. So a picture
is fetched once through the guarded client, made anew, and served by us. One that is no picture,
or a counting pixel, is shown nowhere.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from newsletter_service import outward
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.models import (
    Block,
    BlockKind,
    Issue,
    IssueState,
    Item,
    RemotePicture,
    StoredFile,
    writing,
)
from newsletter_service.pictures import library, render
from newsletter_service.queue import nudge
from newsletter_service.safe_http import FetchError

log = logging.getLogger(__name__)

AT_ONCE = 10
MOST_TRIES = 4
TIMEOUT_S = 15.0
KEPT = timedelta(days=180)
_FORGOTTEN = 100
_CLAIMED_FOR = timedelta(minutes=5)
_FIRST_WAIT = timedelta(minutes=10)
_LONGEST_URL = 2000
_ACCEPT = "image/jpeg,image/png,image/webp,image/gif;q=0.9"
# What no second try changes.
_FINAL = frozenset({"kind", "broken", "too_small", "too_large", "status_404", "status_410"})
_FINAL_FETCHES = frozenset({"scheme", "credentials", "port", "address", "bad_url", "too_large"})
_FORMS = {BlockKind.ITEM: "story", BlockKind.EVENT: "story", BlockKind.FILM: "story"}


@dataclass(frozen=True)
class Fate:
    """What became of a picture elsewhere: a file of ours, refused for good, or neither yet."""

    file: StoredFile | None = None
    refused: bool = False


def ask(session: Session, urls: Iterable[str], now: datetime) -> None:
    """Inside a verb: have pictures fetched that nobody asked for before."""
    wanted = {_key(url): url for url in urls if _is_elsewhere(url)}
    if not wanted:
        return
    known = session.scalars(
        select(RemotePicture.url_key).where(RemotePicture.url_key.in_(wanted))
    ).all()
    for key in wanted.keys() - set(known):
        session.add(RemotePicture(url_key=key, url=wanted[key], asked_at=now, due_at=now))
    if len(known) < len(wanted):
        nudge("pictures.fetch")


def ask_again(session: Session, urls: Iterable[str], now: datetime) -> None:
    """Inside a verb: what was refused is fetched anew; a page may have become a picture."""
    keys = [_key(url) for url in urls]
    refused = (RemotePicture.url_key.in_(keys), RemotePicture.error != "")
    for row in session.scalars(select(RemotePicture).where(*refused)):
        row.error, row.tries, row.due_at = "", 0, now
        nudge("pictures.fetch")


def fates(session: Session, urls: Iterable[str]) -> dict[str, Fate]:
    """What became of each; what nobody asked for is not in it."""
    keys = {_key(url): url for url in urls if _is_elsewhere(url)}
    rows = session.scalars(
        select(RemotePicture)
        .where(RemotePicture.url_key.in_(keys))
        .options(joinedload(RemotePicture.file))
    )
    return {
        keys[row.url_key]: Fate(row.file, bool(row.error) and row.due_at is None) for row in rows
    }


def is_refused(session: Session, url: str) -> bool:
    """Whether it was fetched and is no picture to show."""
    return fates(session, [url]).get(url, Fate()).refused


def thumbs(session: Session, urls: Iterable[str]) -> dict[str, str]:
    """The addresses of our own small pictures, for the desk; no other site is asked."""
    asked = list(urls)
    found = {url: fate.file for url, fate in fates(session, asked).items() if fate.file is not None}
    found |= {
        url: file
        for url in asked
        if url not in found and (file := library.by_address(session, url)) is not None
    }
    return {url: library.address(file, "thumb") for url, file in found.items()}


def adopted(
    session: Session, kind: str, values: Mapping[str, Any], *, drop: bool = False
) -> dict[str, Any]:
    """A block's values with our own picture in place of one elsewhere, and its size.

    `drop` takes out an address that is refused for good, where nobody typed it; else it stays for
    the check to tell of.
    """
    name = "url" if kind == BlockKind.IMAGE else "image_url"
    url = str(values.get(name) or "").strip()
    if not url or name not in values:
        return dict(values)
    fate = fates(session, [url]).get(url, Fate())
    if fate.refused:
        return dict(values) | ({name: ""} if drop else {})
    file = library.by_address(session, url) or fate.file
    return dict(values) | (_shown(file, kind, name) if file is not None else {})


def fetch_due(now: datetime) -> int:
    """Fetch some of the pictures whose time has come; returns how many became ours."""
    claimed = _claim(now)
    http = outward.client(render.MAX_BYTES, TIMEOUT_S)
    kept = 0
    for picture_id, url in claimed:
        made: render.Rendered | str
        try:
            answer = http.get(url, accept=_ACCEPT)
            made = render.render(answer.body) if answer.status == 200 else f"status_{answer.status}"
        except (FetchError, render.NotAPicture) as error:
            made = error.code
        kept += _settle(picture_id, made, now)
    if claimed:
        log.info("pictures_fetched", extra={"asked": len(claimed), "kept": kept})
    return kept


def is_due(now: datetime) -> bool:
    """Whether a picture's time has come, for the sweep."""
    found = select(RemotePicture.id).where(RemotePicture.due_at <= now).limit(1)
    return db.session.scalar(found) is not None


def forget_old(now: datetime) -> int:
    """Drop pictures of old news that no letter shows and nobody uploaded; how many went."""
    total = 0
    while True:
        with writing() as session:
            old = session.scalars(
                select(RemotePicture).where(RemotePicture.asked_at < now - KEPT).limit(_FORGOTTEN)
            ).all()
            files = {row.file_id for row in old if row.file_id is not None}
            for row in old:
                session.delete(row)
            session.flush()
            total += _forget_files(session, files)
        if len(old) < _FORGOTTEN:
            return total


def _forget_files(session: Session, file_ids: set[int]) -> int:
    """Drop those of these files that nothing shows any more."""
    named = select(RemotePicture.file_id).where(RemotePicture.file_id.is_not(None))
    gone = session.scalars(
        select(StoredFile).where(
            StoredFile.id.in_(file_ids),
            StoredFile.kept_at.is_(None),
            StoredFile.uploaded.is_(False),
            StoredFile.id.not_in(named),
        )
    ).all()
    for file in gone:
        session.delete(file)
    return len(gone)


def _claim(now: datetime) -> list[tuple[int, str]]:
    """Take some for a while, so that two workers do not fetch the same."""
    with writing() as session:
        rows = session.scalars(
            select(RemotePicture)
            .where(RemotePicture.due_at <= now)
            .order_by(RemotePicture.due_at, RemotePicture.id.desc())
            .limit(AT_ONCE + 1)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows[:AT_ONCE]:
            row.due_at = now + _CLAIMED_FOR
            row.tries += 1
        if len(rows) > AT_ONCE:
            nudge("pictures.fetch")
        return [(row.id, row.url) for row in rows[:AT_ONCE]]


def _settle(picture_id: int, made: "render.Rendered | str", now: datetime) -> bool:
    """Keep what came of it, and put it into the drafts that name it."""
    with writing() as session:
        row = session.get_one(RemotePicture, picture_id)
        if isinstance(made, render.Rendered):
            row.file = library.stored(session, made, now)
            row.due_at, row.error = None, ""
        else:
            row.error = made[:40]
            final = made in _FINAL or made in _FINAL_FETCHES or row.tries >= MOST_TRIES
            row.due_at = None if final else now + _FIRST_WAIT * 6**row.tries
        session.flush()
        if row.due_at is None:
            _into_drafts(session, row.url)
        return row.file is not None


def _into_drafts(session: Session, url: str) -> None:
    """The same picture from our own address: no change that anybody must look at anew."""
    drafts = select(Block).join(Issue, Issue.id == Block.issue_id)
    for block in session.scalars(drafts.where(Issue.state == IssueState.DRAFT)):
        kind = str(block.kind)
        came = session.scalar(select(Item.image_url).where(Item.id == block.item_id))
        data = {
            locale: adopted(session, kind, values, drop=came == url)
            if url in values.values()
            else values
            for locale, values in block.data.items()
        }
        if data != block.data:
            block.data = data


def _shown(file: StoredFile, kind: str, name: str) -> dict[str, Any]:
    form = _FORMS.get(BlockKind(kind), "whole")
    shown: dict[str, Any] = {name: library.address(file, form)}
    if kind == BlockKind.IMAGE:
        shown |= {"width": file.width, "height": file.height}
    elif kind in (BlockKind.ITEM, BlockKind.FILM):
        shown["image_height"] = file.story_height
    return shown


def _is_elsewhere(url: str) -> bool:
    """Whether it is somebody else's; ours are never fetched, nor lost because that failed."""
    ours = f"{settings_module.current().base_url}/"
    is_web = url.startswith(("http://", "https://")) and len(url) <= _LONGEST_URL
    return is_web and not url.startswith(ours)


def _key(url: str) -> bytes:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()
