"""A letter and one reader's values joined to the bytes to send. Pure, and fast on purpose.

`Prepared.of` does the costly work once per edition: it writes the fixed headers, encodes both
parts as quoted-printable and cuts them at the slots. `Prepared.message` then only joins. A
value is encoded by itself and stands between soft line breaks, so whatever its length no line
of the rest moves.
"""

import html
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from newsletter_service.mail import headers, merge_fields, quoted, return_path
from newsletter_service.mail.dkim import DkimKey, Seal
from newsletter_service.mail.fixed_headers import FixedHeaders
from newsletter_service.mail.merge_fields import Field
from newsletter_service.mail.quoted import BadValue

UNSUBSCRIBE_URL = "unsubscribe_url"
_HEAD, _BODY = 1, 2

_IN_BRACKETS = bytes(byte for byte in range(ord("!"), ord("~") + 1) if byte not in b"<>")
_RECIPIENT = re.compile(r"[^\s\0<>@,;:]+@[A-Za-z0-9.-]+")


class MissingValue(KeyError):
    """A reader's values lack one that the letter has a slot for."""


@dataclass(frozen=True)
class Letter:
    """A rendered mail before it is personal; ``slots`` maps each name to its mark."""

    subject: str
    html: str
    text: str
    locale: str
    slots: Mapping[str, str]


class Reader(NamedTuple):
    """One copy's recipient and personal values.

    ``to`` is as in the envelope, ``date`` is aware, ``message_id`` has ``<>``.
    """

    to: str
    date: datetime
    message_id: str
    values: Mapping[str, str]


_ANYBODY = Reader(
    to="anybody@example.org",
    date=datetime.fromtimestamp(0, UTC),
    message_id="<any@example.org>",
    values={UNSUBSCRIBE_URL: "https://example.org/any"},
)


class _Places(NamedTuple):
    """Which value goes where in the pieces."""

    name: str
    in_text: tuple[int, ...]
    in_html: tuple[int, ...]


@dataclass(frozen=True)
class Prepared:
    """An edition ready to be joined with any reader's values."""

    pieces: tuple[bytes, ...]
    places: tuple[_Places, ...]
    unsubscribes: bool
    mailto: str | None
    reference_header: str | None
    size: int
    """Bytes that every copy has in common."""
    subject: tuple[str, ...] = ()
    """Words and names of slots in turn, where the subject is personal; else it is in a piece."""
    fields: Mapping[str, Field] = field(default_factory=dict)
    """The readers' own answers that it asks for, by the slot's name."""

    @classmethod
    def of(cls, letter: Letter, fixed: FixedHeaders) -> "Prepared":
        """Prepare a letter; raise headers.BadHeader if a fixed value cannot stand in a header."""
        mark = _boundary(letter)
        subject = tuple(_cut(letter.subject, letter.slots))
        personal = subject if len(subject) > 1 else ()
        own = b"" if personal else headers.text("Subject", letter.subject)
        lines = fixed.lines(own, mark)
        pieces = [b"", lines, b"\r\n" + _part_head(mark, "plain")]
        in_text = _append(pieces, letter.text, letter.slots)
        pieces[-1] += b"\r\n" + _part_head(mark, "html")
        in_html = _append(pieces, letter.html, letter.slots)
        pieces[-1] += b"\r\n--" + mark + b"--\r\n"
        return cls(
            pieces=tuple(pieces),
            places=tuple(
                _Places(name, tuple(in_text[name]), tuple(in_html[name]))
                for name in {**in_text, **in_html}
            ),
            unsubscribes=fixed.list_id is not None,
            mailto=fixed.unsubscribe_mailto,
            reference_header=fixed.reference_header,
            size=sum(map(len, pieces)),
            subject=personal,
            fields=merge_fields.asked(letter.slots),
        )

    def seal(self, keys: Sequence[DkimKey], without: Iterable[str] = ()) -> Seal:
        """What signing has in common for all copies, to be given to `message`."""
        values = {**_ANYBODY.values, **dict.fromkeys(self.subject[1::2], "any")}
        personal = self._personal_lines(_ANYBODY._replace(values=values))
        body = [self.pieces[_BODY][2:], *self.pieces[_BODY + 1 :]]
        return Seal(keys, self.pieces[_HEAD], personal, body, without)

    def message(self, reader: Reader, seal: Seal | None = None) -> bytes:
        """Return the copy for one reader, lines ended by CRLF; the same bytes every time.

        With a `seal` it is signed. Raises what `parts` raises.
        """
        return b"".join(self.parts(reader, seal))

    def parts(self, reader: Reader, seal: Seal | None = None) -> list[bytes]:
        """The copy as pieces to be joined when it leaves: nearly all are the edition's own.

        Raises MissingValue when a slot has no value, BadValue or headers.BadHeader when one
        would break the message.
        """
        pieces = list(self.pieces)
        pieces[0] = self._personal_lines(reader)
        values = reader.values
        for name, in_text, in_html in self.places:
            value = values.get(name)
            if value is None:
                raise MissingValue(name)
            encoded = quoted.value(name, value)
            for at in in_text:
                pieces[at] = encoded
            if in_html and _is_markup(value):
                encoded = quoted.value(name, html.escape(value))
            for at in in_html:
                pieces[at] = encoded
        if seal is not None:
            pieces.insert(0, seal.lines(pieces[0], pieces[_BODY:]))
        return pieces

    def _personal_lines(self, reader: Reader) -> bytes:
        if reader.date.tzinfo is None:
            raise BadValue("The Date of a message needs a time zone.")
        message_id = headers.checked_message_id(reader.message_id)
        lines = (
            f"Date: {_date(reader.date, reader.date.utcoffset())}\r\n"
            f"Message-ID: {message_id}\r\n"
            f"To: {_recipient(reader.to)}\r\n"
        )
        if self.reference_header:
            lines += f"{self.reference_header}: {message_id[1:].partition('@')[0]}\r\n"
        if self.unsubscribes:
            lines += self._unsubscribe_line(reader.values)
        if self.subject:
            return lines.encode() + self._subject_line(reader.values)
        return lines.encode()

    def _subject_line(self, values: Mapping[str, str]) -> bytes:
        words = list(self.subject)
        for at in range(1, len(words), 2):
            value = values.get(words[at])
            if value is None:
                raise MissingValue(words[at])
            words[at] = value
        return headers.text("Subject", "".join(words))

    def _unsubscribe_line(self, values: Mapping[str, str]) -> str:
        """Write it raw at any length: an encoded word here ends one-click (RFC 2047 section 5)."""
        url = values.get(UNSUBSCRIBE_URL)
        if url is None:
            raise MissingValue(UNSUBSCRIBE_URL)
        if not (url.startswith(("https://", "http://")) and _fits_in_brackets(url)):
            raise BadValue(f"{UNSUBSCRIBE_URL} is no web address that a header can hold.")
        if self.mailto is None:
            return f"List-Unsubscribe: <{url}>\r\n"
        token = url.rpartition("/")[2]
        address = return_path.leaving_address(token, self.mailto)
        return f"List-Unsubscribe: <{url}>,\r\n <mailto:{address}?subject=unsubscribe>\r\n"


def _is_markup(value: str) -> bool:
    """Whether HTML would read any of it as more than words; quicker than asking for a class."""
    return "&" in value or "<" in value or ">" in value or '"' in value or "'" in value


def _fits_in_brackets(url: str) -> bool:
    return url.isascii() and not url.encode().translate(None, _IN_BRACKETS)


def _boundary(letter: Letter) -> bytes:
    """Return a boundary that is the same for every copy and, by ``=_``, in no encoded body."""
    content = "\0".join((letter.subject, letter.text, letter.html))
    return b"=_" + sha256(content.encode()).hexdigest()[:32].encode()


def _part_head(mark: bytes, subtype: str) -> bytes:
    return (
        b"--" + mark + b"\r\n"
        b"Content-Type: text/" + subtype.encode() + b'; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )


def _append(
    pieces: list[bytes], content: str, slots: Mapping[str, str]
) -> defaultdict[str, list[int]]:
    """Cut the content at its slots and append the encoded pieces, an empty one for each slot.

    Returns where the slots of each name are.
    """
    places = defaultdict[str, list[int]](list)
    for index, run in enumerate(_cut(content, slots)):
        if index % 2:
            pieces[-1] = quoted.room_for_a_soft_break(pieces[-1]) + quoted.SOFT
            places[run].append(len(pieces))
            pieces += [b"", quoted.SOFT]
        else:
            pieces[-1] += quoted.quoted_printable(run.encode())
    return places


def _cut(content: str, slots: Mapping[str, str]) -> list[str]:
    """What stands between the slots, and the names of the slots, in turn."""
    names = {mark: name for name, mark in slots.items()}
    if not names:
        return [content]
    cut = re.split("(" + "|".join(map(re.escape, names)) + ")", content)
    return [names[run] if index % 2 else run for index, run in enumerate(cut)]


@lru_cache(maxsize=64)
def _date(date: datetime, _offset: timedelta | None) -> str:
    """Many copies leave in the same second; the same moment in another zone is another text."""
    return format_datetime(date)


def _recipient(to: str) -> str:
    if not _RECIPIENT.fullmatch(to):
        raise BadValue("The recipient is no mail address with an ASCII domain.")
    return to
