"""A whole newsletter that passes the check, and ways to spoil one thing in it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from newsletter_service.extensions import db
from newsletter_service.issues import blocks, compose
from newsletter_service.issues.preflight import Finding, Report, examine
from newsletter_service.mail.message import Letter
from newsletter_service.models import (
    Block,
    BlockKind,
    DoctorReport,
    Issue,
    IssueState,
    IssueText,
    NewsletterList,
    Organisation,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SITE = "https://fjallangen.se"
_K = BlockKind
PARTS: tuple[tuple[BlockKind, dict[str, Any]], ...] = (
    (
        _K.ITEM,
        {
            "title": "Kryomikroskop för alla i parken",
            "summary": "Nu kan även små bolag boka tid vid mikroskopet i hus 3. Det första "
            "passet är gratis.",
            "url": f"{SITE}/nyheter/kryo",
            "image_url": f"{SITE}/bilder/kryo.jpg",
            "image_alt": "En forskare vid ett mikroskop",
            "image_height": 400,
            "lead": True,
        },
    ),
    (_K.HEADING, {"text": "Nyheter i korthet"}),
    (
        _K.ITEM,
        {
            "title": "Tre bolag flyttar in",
            "summary": "De arbetar med batterier, vatten och ljus. Välkomna hälsar hela huset.",
            "url": f"{SITE}/nyheter/inflyttning",
        },
    ),
    (
        _K.EVENT,
        {
            "title": "Frukost om nya regler",
            "summary": "En jurist berättar vad som gäller från årsskiftet.",
            "starts_on": "2026-12-03",
            "last_day": "2026-12-01",
            "place": "Aulan",
            "url": f"{SITE}/kalender/frukost",
        },
    ),
    (
        _K.TEXT,
        {
            "markdown": "## Sök vårens plats\n\nAnsök senast tisdag 15 december. Mer står på "
            f"[sidan om platserna]({SITE}/plats)."
        },
    ),
    (
        _K.IMAGE,
        {"url": f"{SITE}/bilder/hus3.png", "alt": "Hus 3 i snö", "width": 1200, "height": 600},
    ),
    (_K.QUOTE, {"text": "Det bästa är lunchkön.", "by": "Anna Berg, Vattenbolaget"}),
    (_K.BUTTON, {"text": "Se hela kalendern", "url": f"{SITE}/kalender"}),
)
WORDS = {
    "subject": "Kryomikroskop för alla, och tre nya bolag",
    "preheader": "Dessutom: frukost om nya regler torsdag 3 december",
    "introduction": "Hej! Här är höstens nyheter från Fjällängen. Läs och hälsa på oss.",
}

Spoil = Callable[["Paper"], None]


@dataclass
class Paper:
    """An issue being spoiled. `change` works on its letters as they would be sent.

    `undo` takes back what a spoiling did outside the database.
    """

    issue: Issue
    change: Callable[[Letter], Letter] | None = None
    undo: Callable[[], object] = bool

    def block(self, kind: BlockKind) -> Block:
        """The first block of a kind."""
        return next(one for one in self.issue.blocks if one.kind == kind)

    def report(self, *only: str) -> Report:
        """What the check says of it."""
        session = db.session()
        session.flush()
        frozen = {}
        if self.change is not None:
            made = compose.letter(session, self.issue, "sv")
            frozen = {"sv": self.change(made)}
        return examine(session, self.issue, NOW, frozen, only)

    def findings(self, *only: str) -> list[Finding]:
        """What the rules find, all of them or some."""
        report = self.report(*only)
        return [*report.must, *report.should, *report.tips]

    def found(self, *only: str) -> set[str]:
        """The names of the rules that found something."""
        return {one.rule for one in self.findings(*only)}


def good(list_id: int) -> Paper:
    """A newsletter with nothing to find fault with; not committed."""
    session = db.session()
    newsletter = session.get_one(NewsletterList, list_id)
    newsletter.sender_address = "nyhetsbrev@fjallangen.se"
    session.get_one(Organisation, 1).website = SITE
    known = {"name": "alignment", "subject": "fjallangen.se", "outcome": "ok"}
    session.add(DoctorReport(at=NOW, passed=True, checks=[known]))
    issue = Issue(
        list_id=list_id,
        number=session.query(Issue).count() + 1,
        state=IssueState.DRAFT,
        created_at=NOW,
        changed_at=NOW,
        version=3,
        tested_version=3,
        texts=[IssueText(locale="sv", **WORDS)],
        blocks=[made(position, *part) for position, part in enumerate(PARTS, 1)],
    )
    session.add(issue)
    session.flush()
    return Paper(issue)


def made(position: int, kind: BlockKind, values: dict[str, Any]) -> Block:
    """A block in Swedish."""
    return Block(position=position, kind=kind, data={"sv": blocks.complete(kind, values)})


def text(**words: str) -> Spoil:
    """Other words around the blocks."""

    def spoil(paper: Paper) -> None:
        for name, value in words.items():
            setattr(paper.issue.text("sv"), name, value)

    return spoil


def part(kind: BlockKind, **values: Any) -> Spoil:
    """Other values in the first block of a kind."""

    def spoil(paper: Paper) -> None:
        block = paper.block(kind)
        block.data = {"sv": block.data["sv"] | values}

    return spoil


def more(kind: BlockKind, **values: Any) -> Spoil:
    """One more block."""

    def spoil(paper: Paper) -> None:
        paper.issue.blocks.append(made(99, kind, values))

    return spoil


def newsletter(**values: Any) -> Spoil:
    """Another setting of the list."""

    def spoil(paper: Paper) -> None:
        for name, value in values.items():
            setattr(db.session.get_one(NewsletterList, paper.issue.list_id), name, value)

    return spoil


def organisation(**values: Any) -> Spoil:
    """Another setting of the organisation."""

    def spoil(_paper: Paper) -> None:
        for name, value in values.items():
            setattr(db.session.get_one(Organisation, 1), name, value)

    return spoil


def html(old: str, new: str) -> Spoil:
    """A template that writes something else in the HTML."""

    def change(letter: Letter) -> Letter:
        assert old in letter.html
        return replace(letter, html=letter.html.replace(old, new))

    return _changing(change)


def plain(old: str | None, new: str) -> Spoil:
    """A template that writes something else in the text; None for all of it."""

    def change(letter: Letter) -> Letter:
        return replace(letter, text=letter.text.replace(old, new) if old is not None else new)

    return _changing(change)


def _changing(change: Callable[[Letter], Letter]) -> Spoil:
    def spoil(paper: Paper) -> None:
        paper.change = change

    return spoil


def both(*spoils: Spoil) -> Spoil:
    """One after the other."""

    def spoil(paper: Paper) -> None:
        for one in spoils:
            one(paper)

    return spoil
