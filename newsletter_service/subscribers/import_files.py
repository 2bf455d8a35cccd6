"""An import's file in SQL, in pieces: put there, read like a file, removed."""

import hashlib
import io
from collections import OrderedDict
from typing import Any, BinaryIO

from sqlalchemy import delete, func, insert, select

from newsletter_service.extensions import db
from newsletter_service.models import ImportPart, writing

PIECE = 512 * 1024
FILE_BYTES_AT_MOST = 256 * 1024 * 1024
_PIECES_HELD = 8


class TooLarge(ValueError):
    """The file is larger than may be kept."""


def put(import_id: int, stream: BinaryIO) -> tuple[int, str]:
    """Store a file piece by piece; its size and its digest. Raises `TooLarge`."""
    digest, size, n = hashlib.sha256(), 0, 0
    while piece := stream.read(PIECE):
        size += len(piece)
        if size > FILE_BYTES_AT_MOST:
            raise TooLarge
        digest.update(piece)
        with writing() as session:
            session.execute(insert(ImportPart).values(import_id=import_id, n=n, body=piece))
        n += 1
    return size, digest.hexdigest()


def is_there(import_id: int) -> bool:
    """Whether the file is still kept."""
    found = select(ImportPart.n).where(ImportPart.import_id == import_id).limit(1)
    return db.session.scalar(found) is not None


def remove(import_id: int) -> None:
    """Remove the file; harmless when it is gone."""
    with writing() as session:
        session.execute(delete(ImportPart).where(ImportPart.import_id == import_id))


def open_file(import_id: int) -> BinaryIO:
    """The file, to be read and sought in; a piece is a query of its own."""
    return io.BufferedReader(_Stored(import_id), PIECE)


class _Stored(io.RawIOBase):
    def __init__(self, import_id: int) -> None:
        self._import_id = import_id
        self._at = 0
        self._held: OrderedDict[int, bytes] = OrderedDict()
        last = db.session.execute(
            select(ImportPart.n, func.length(ImportPart.body))
            .where(ImportPart.import_id == import_id)
            .order_by(ImportPart.n.desc())
            .limit(1)
        ).first()
        db.session.rollback()
        self._size = last[0] * PIECE + last[1] if last else 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        number, offset = divmod(self._at, PIECE)
        found = self._piece(number)[offset : offset + len(buffer)] if self._at < self._size else b""
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def _piece(self, number: int) -> bytes:
        if number not in self._held:
            body = db.session.scalar(
                select(ImportPart.body).where(
                    ImportPart.import_id == self._import_id, ImportPart.n == number
                )
            )
            db.session.rollback()
            self._held[number] = body or b""
            if len(self._held) > _PIECES_HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(number)
        return self._held[number]
