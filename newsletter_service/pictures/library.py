"""The library: pictures and PDFs that editors upload, describe and use again.

What is uploaded is kept under a key made of its bytes, so the same picture is kept once and its
address never shows anything else.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service import settings as settings_module
from newsletter_service.extensions import db
from newsletter_service.models import StoredBytes, StoredFile, writing
from newsletter_service.pictures import render

MAX_BYTES = render.MAX_BYTES
AT_ONCE = 24
PDF = "application/pdf"
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", PDF: "pdf"}
_FORMS = {"": "whole", "b": "story", "s": "thumb"}


class NotAFile(Exception):
    """What came is neither a picture nor a PDF that we keep. `code` says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"the file cannot be kept: {code}")


@dataclass(frozen=True)
class Upload:
    """A file as it came, with its name and what it shows."""

    body: bytes
    name: str = ""
    alt: str = ""


def keep(upload: Upload, *, actor: str, now: datetime) -> int:
    """Put a file into the library; returns its id. Raises `NotAFile`."""
    made = prepared(upload)
    with writing() as session:
        kept = stored(session, made, now)
        kept.uploaded, kept.retired_at = True, None
        kept.created_by = kept.created_by or actor
        kept.name = _name(upload.name) or kept.name
        kept.alt = upload.alt.strip()[:500] or kept.alt
        audit.record(session, actor, "file.uploaded", f"file:{kept.id}", mime=kept.mime)
        return kept.id


def describe(file_id: int, alt: str) -> None:
    """Say what a picture shows."""
    with writing() as session:
        session.get_one(StoredFile, file_id).alt = " ".join(alt.split())[:500]


def retire(file_id: int, *, actor: str, now: datetime) -> None:
    """Take a file out of the library; letters that show it still do."""
    with writing() as session:
        session.get_one(StoredFile, file_id).retired_at = now
        audit.record(session, actor, "file.retired", f"file:{file_id}")


def get(file_id: int) -> StoredFile | None:
    """One file of the library."""
    found = db.session.get(StoredFile, file_id)
    return found if found is not None and found.uploaded else None


def uploaded(search: str = "", *, pictures_only: bool = False, skip: int = 0) -> list[StoredFile]:
    """The library, newest first, one more than `AT_ONCE` where there are more."""
    query = select(StoredFile).where(StoredFile.uploaded, StoredFile.retired_at.is_(None))
    if pictures_only:
        query = query.where(StoredFile.mime != PDF)
    for word in search.split()[:5]:
        like = f"%{word.replace('%', '').replace('_', '')}%"
        query = query.where(StoredFile.name.ilike(like) | StoredFile.alt.ilike(like))
    query = query.order_by(StoredFile.created_at.desc(), StoredFile.id.desc())
    return list(db.session.scalars(query.offset(skip).limit(AT_ONCE + 1)))


def bytes_of(key: str, ending: str) -> StoredBytes | None:
    """The rendition at an address such as `3f…9c-s.jpg`; None where there is none."""
    stem, _dash, letter = key.partition("-")
    form = _FORMS.get(letter)
    if form is None:
        return None
    found = db.session.scalar(
        select(StoredBytes)
        .join(StoredFile, StoredFile.id == StoredBytes.file_id)
        .where(StoredFile.key == stem, StoredBytes.form == form)
    )
    return found if found is not None and _ENDINGS[found.mime] == ending else None


def address(file: StoredFile, form: str = "whole") -> str:
    """The public address of a rendition, or of a PDF, which never shows anything else."""
    base = settings_module.current().base_url
    ending = _ENDINGS[file.mime]
    if not file.is_picture:
        return f"{base}/fil/{file.key}/{_slug(file.name)}.pdf"
    letter = next(letter for letter, name in _FORMS.items() if name == form)
    return f"{base}/bild/{file.key}{'-' + letter if letter else ''}.{ending}"


def by_address(session: Session, url: str) -> StoredFile | None:
    """The file that an address of ours shows."""
    base = f"{settings_module.current().base_url}/bild/"
    if not url.startswith(base):
        return None
    key = url.removeprefix(base).partition(".")[0].partition("-")[0]
    return session.scalar(select(StoredFile).where(StoredFile.key == key))


def keep_for_good(session: Session, urls: Iterable[str], now: datetime) -> None:
    """Inside a verb: what a frozen letter shows outlives the news it came with."""
    for url in set(urls):
        found = by_address(session, url)
        if found is not None and found.kept_at is None:
            found.kept_at = now


def prepared(upload: Upload) -> render.Rendered | bytes:
    """A file made anew, for `stored`. Raises `NotAFile`."""
    if upload.body.startswith(b"%PDF-"):
        if len(upload.body) > MAX_BYTES:
            raise NotAFile("too_large")
        if b"%%EOF" not in upload.body[-2048:]:
            raise NotAFile("broken")
        return upload.body
    try:
        return render.render(upload.body)
    except render.NotAPicture as error:
        raise NotAFile(error.code) from error


def stored(session: Session, made: render.Rendered | bytes, now: datetime) -> StoredFile:
    """Inside a verb: keep what was made, once; the same bytes have the same row."""
    first = made if isinstance(made, bytes) else made.whole.body
    key = hashlib.sha256(first).hexdigest()[:32]
    known = session.scalar(select(StoredFile).where(StoredFile.key == key))
    if known is not None:
        return known
    kept = StoredFile(key=key, created_at=now, size=len(first), mime=PDF, uploaded=False)
    if isinstance(made, bytes):
        kept.renditions = [StoredBytes(form="whole", mime=PDF, body=made)]
    else:
        kept.mime = made.whole.mime
        kept.width, kept.height = made.whole.width, made.whole.height
        kept.story_height = round(600 * made.story.height / made.story.width)
        kept.renditions = [
            StoredBytes(form=form, mime=one.mime, body=one.body)
            for form, one in (("whole", made.whole), ("story", made.story), ("thumb", made.thumb))
        ]
    session.add(kept)
    session.flush()
    return kept


def _name(written: str) -> str:
    return " ".join(PurePath(written.replace("\\", "/")).name.split())[:200]


def _slug(name: str) -> str:
    """A file's name as it stands in an address."""
    stem = name.rsplit(".", 1)[0].lower()
    for letter, plain in (("å", "a"), ("ä", "a"), ("ö", "o"), ("é", "e")):
        stem = stem.replace(letter, plain)
    kept = "".join(one if one.isascii() and one.isalnum() else "-" for one in stem)
    return "-".join(part for part in kept.split("-") if part)[:60] or "dokument"
