"""Which column of a file means what: proposed by its headings, changed by people, kept. Pure.

The headings of other services' exports, as they write them: listmonk `uuid, email, name,
attributes, status, created_at, updated_at` (cmd/subscribers.go); Mailchimp `Email Address, …,
OPTIN_TIME, CONFIRM_TIME, …, LEID, EUID, NOTES, TAGS`, with `UNSUB_TIME` or `CLEAN_TIME` in the
files of those who left or bounced; Mailman addresses alone, or `Name <address>`, one a line; Get a
Newsletter the names of its API (`email, first_name, last_name, active, lists, created, updated`,
by its PHP client) or those its pages show, in Swedish or English (`E-post, Namn, Prenumerationer,
Status, Uppdaterad`, by its help pages); no export of it was at hand.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parseaddr
from typing import Any

from newsletter_service.subscribers.tables import Record, UnreadableFile

_ADDRESS = frozenset(
    {"address", "adress", "email", "e-mail", "email address", "e-post", "epost", "e-postadress"}
    | {"epostadress", "mail", "mejl", "mejladress", "mailadress", "e-mail address", "emailaddress"}
    | {"email_address", "e-mailadress", "subscriber", "prenumerant"}
)
_LOCALE = frozenset({"locale", "language", "lang", "språk", "sprak"})
_STATUS = frozenset(
    {"status", "state", "subscription_status", "subscribed", "active", "aktiv", "läge", "tillstånd"}
    | {"prenumerationsstatus", "subscription status"}
)
# any value in one of these says that the person is no reader any more
_GONE = frozenset(
    {"unsub_time", "clean_time", "unsubscribed_at", "unsubscribe_date", "avregistrerad"}
    | {"avslutad", "cancelled", "avregistreringsdatum", "subscription_cancelled"}
)
_LOCALES = {"sv": "sv", "sve": "sv", "swe": "sv", "svenska": "sv", "swedish": "sv"} | {
    "en": "en", "eng": "en", "engelska": "en", "english": "en"
}  # fmt: skip
_READING = frozenset(
    {"", "enabled", "subscribed", "confirmed", "active", "aktiv", "true", "1", "yes", "ja"}
    | {"prenumererar", "prenumerant", "member", "regular"}
)


@dataclass(frozen=True)
class Columns:
    """Which column holds what. `answers` maps a field's id to its column; `source` names whose
    export it looks like, where it looks like one."""

    address: int
    heading: bool = True
    locale: int | None = None
    status: int | None = None
    gone: tuple[int, ...] = ()
    answers: Mapping[int, int] = field(default_factory=dict)
    source: str = ""

    def as_json(self) -> dict[str, Any]:
        """The same, to be kept."""
        return {
            "address": self.address,
            "heading": self.heading,
            "locale": self.locale,
            "status": self.status,
            "gone": list(self.gone),
            "answers": {str(key): column for key, column in self.answers.items()},
            "source": self.source,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Columns":
        """What was kept."""
        answers = {int(key): column for key, column in kept["answers"].items()}
        return cls(**{**kept, "gone": tuple(kept["gone"]), "answers": answers})


@dataclass(frozen=True)
class Row:
    """One row: its line in the file, the address as written, the locale or nothing.

    `reads` is False where the file says that the person has left.
    """

    line: int
    address: str
    locale: str = ""
    reads: bool = True
    answers: Mapping[int, str] = field(default_factory=dict)


def propose(first: Sequence[list[str]], labels: Mapping[int, Iterable[str]]) -> Columns:
    """What the columns seem to be, by the first rows; `labels` are the names of each field.

    Raises `UnreadableFile` where no column holds addresses, and for an export of listmonk that
    does not say who has left.
    """
    if not first:
        raise UnreadableFile("nothing")
    names = [_name(cell) for cell in first[0]]
    address = _first(names, _ADDRESS)
    if address is None:
        return Columns(_by_looks(first), heading=not any("@" in name for name in names))
    source = _source(set(names))
    status = _first(names, _STATUS)
    if source == "listmonk" and status is None:
        raise UnreadableFile("no_status")
    wanted = {_name(label): number for number, all_ in labels.items() for label in all_}
    answers = {wanted[name]: n for n, name in reversed(list(enumerate(names))) if name in wanted}
    gone = tuple(n for n, name in enumerate(names) if name in _GONE)
    taken = {address, status, *gone}
    return Columns(
        address=address,
        locale=_first(names, _LOCALE),
        status=status,
        gone=gone,
        answers={key: n for key, n in sorted(answers.items()) if n not in taken},
        source=source,
    )


def changed(proposed: Columns, wanted: Mapping[str | int, int]) -> Columns:
    """The columns with some said by hand: `email`, `locale`, `status`, or a field's id."""
    answers = dict(proposed.answers)
    named: dict[str, int] = {}
    for name, column in wanted.items():
        if isinstance(name, int):
            answers[name] = column
        else:
            named[{"email": "address"}.get(name, name)] = column
    return replace(proposed, answers=answers, **named)  # type: ignore[arg-type]


def rows(records: Iterable[Record], columns: Columns) -> Iterator[Row]:
    """The rows below the headings, as the columns say."""
    for number, (line, cells) in enumerate(records):
        if number == 0 and columns.heading:
            continue
        yield _row(line, cells, columns)


def _row(line: int, cells: list[str], columns: Columns) -> Row:
    address = _cell(cells, columns.address)
    if "<" in address:
        address = parseaddr(address)[1] or address
    reads = _cell(cells, columns.status).lower() in _READING
    reads = reads and not any(_cell(cells, column) for column in columns.gone)
    locale = _LOCALES.get(_cell(cells, columns.locale).lower(), "")
    if not columns.answers:
        return Row(line, address, locale, reads)
    answers = {key: _cell(cells, column) for key, column in columns.answers.items()}
    return Row(line, address, locale, reads, {key: text for key, text in answers.items() if text})


def _source(names: set[str]) -> str:
    if "uuid" in names and names & {"attributes", "created_at", "updated_at", "attribs"}:
        return "listmonk"
    if names & {"leid", "euid"} or {"member_rating", "optin_time"} <= names:
        return "Mailchimp"
    if _is_get_a_newsletter(names):
        return "Get a Newsletter"
    return ""


def _is_get_a_newsletter(names: set[str]) -> bool:
    if "active" in names and names & {"lists", "first_name"}:
        return True
    swedish = {"e-post", "prenumerationer"} <= names and names & {"namn", "förnamn", "status"}
    english = {"e-mail", "subscriptions"} <= names and names & {"name", "first name", "status"}
    return bool(swedish or english)


def _by_looks(first: Sequence[list[str]]) -> int:
    """The column in which most of the first rows hold something like an address."""
    counts: dict[int, int] = {}
    for cells in first:
        for n, cell in enumerate(cells):
            counts[n] = counts.get(n, 0) + ("@" in cell)
    best = max(counts, key=lambda n: (counts[n], -n))
    if not counts[best]:
        raise UnreadableFile("no_address")
    return best


def _first(names: Sequence[str], wanted: frozenset[str]) -> int | None:
    return next((n for n, name in enumerate(names) if name in wanted), None)


def _name(cell: str) -> str:
    return " ".join(cell.strip().strip("\"'\ufeff").lower().split())


def _cell(cells: list[str], column: int | None) -> str:
    """A cell, or nothing where the row is shorter than the heading."""
    return cells[column].strip() if column is not None and column < len(cells) else ""
