"""What the rules of the check look at: an issue, its letters and what surrounds them."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from lxml import html as lxml_html  # type: ignore[import-untyped]
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service import relays
from newsletter_service import settings as settings_module
from newsletter_service.address import is_reserved
from newsletter_service.issues import (
    compose,
    coverage,
    editions,
    merging,
    recipients,
    translating,
)
from newsletter_service.issues.checks.sample import Copy, Press
from newsletter_service.issues.coverage import Coverage
from newsletter_service.mail import merge_fields
from newsletter_service.mail.letter import LetterError
from newsletter_service.mail.message import Letter
from newsletter_service.models import (
    Block,
    BlockKind,
    Issue,
    IssueState,
    IssueText,
    LinkCheck,
    ListField,
    Organisation,
)
from newsletter_service.settings import Settings

# [words](address), also with an empty address or one in angle brackets
_MARKDOWN_LINK = re.compile(r"(?<!!)\[([^\]\n]*)\]\(([^)\n]*)\)")

ADDRESSES = frozenset({"url", "link", "image_url"})
PROSE = frozenset(
    {
        *("subject", "preheader", "introduction", "title", "summary", "text", "markdown"),
        *("link_text", "by", "place", "alt", "image_alt"),
    }
)


@dataclass(frozen=True)
class Link:
    """An address that the issue leads to or shows, and where it stands."""

    url: str
    place: str
    required: bool = False
    is_picture: bool = False


@dataclass(frozen=True)
class Words:
    """Words that somebody wrote: the place, the field's name, the language and the text."""

    place: str
    name: str
    locale: str
    text: str


@dataclass(frozen=True)
class Case:
    """An issue under examination. Everything costly is worked out once, when first asked for.

    `frozen` are the letters that will be sent, where they exist; else they are rendered.
    """

    session: Session
    issue: Issue
    now: datetime
    frozen: Mapping[str, Letter] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        """The installation's settings."""
        return settings_module.current()

    @cached_property
    def reaches_strangers(self) -> bool:
        """Whether it is meant for the world: live, and from a domain that can exist.

        In trial mode (P13), and in a rehearsal from a reserved domain, links may be of its kind.
        """
        sender = self.issue.newsletter.sender_address.rpartition("@")[2].lower()
        return relays.is_live(self.session) and not is_reserved(sender)

    @cached_property
    def organisation(self) -> Organisation | None:
        """Who sends."""
        return self.session.get(Organisation, 1)

    @cached_property
    def reach(self) -> recipients.Recipients:
        """Who would get it now; while it is only looked at, a large number may be a bit old."""
        count = recipients.of_issue if self.frozen else recipients.lately
        return count(self.session, self.issue, self.now)

    @cached_property
    def day(self) -> date:
        """The local day on which it would leave."""
        leaves = self.issue.send_at or self.now
        return max(leaves, self.now).astimezone(ZoneInfo(self.settings.timezone)).date()

    @cached_property
    def locales(self) -> list[str]:
        """The languages that are written; the list's first one if none is."""
        return editions.written_locales(self.issue) or [self.issue.newsletter.locales[0]]

    def locales_of(self, block: Block) -> list[str]:
        """The languages in whose letters a block stands."""
        return [locale for locale in self.locales if translating.stands_in(block, locale)]

    @cached_property
    def texts(self) -> list[IssueText]:
        """The words of each language, empty ones where nothing is written."""
        known = {text.locale: text for text in self.issue.texts}
        return [
            known.get(locale) or IssueText(locale=locale, subject="", preheader="", introduction="")
            for locale in self.locales
        ]

    @cached_property
    def _rendered(self) -> tuple[dict[str, Letter], str]:
        if self.frozen:
            return dict(self.frozen), ""
        try:
            made = {lo: compose.letter(self.session, self.issue, lo) for lo in self.locales}
        except LetterError as error:
            return {}, str(error)
        return made, ""

    @property
    def letters(self) -> dict[str, Letter]:
        """The letters by language; none when they do not render."""
        return self._rendered[0]

    @property
    def failure(self) -> str:
        """Why the letter does not render, or nothing."""
        return self._rendered[1]

    @cached_property
    def trees(self) -> dict[str, Any]:
        """Each letter's HTML, taken apart."""
        return {lo: lxml_html.document_fromstring(one.html) for lo, one in self.letters.items()}

    @cached_property
    def press(self) -> Press:
        """What makes copies of the letters."""
        return Press(self.session, self.issue, self.letters, self.settings, self.now)

    @cached_property
    def copies(self) -> list[Copy]:
        """The letters as some real readers would get them."""
        return self.press.copies() if self.letters else []

    @cached_property
    def words(self) -> list[Words]:
        """Everything that somebody wrote, in reading order."""
        found = [
            Words(f"{name}:{text.locale}", name, text.locale, getattr(text, name))
            for text in self.texts
            for name in ("subject", "preheader", "introduction")
        ]
        for block in self.issue.blocks:
            for locale in self.locales_of(block):
                found += [
                    Words(f"block:{block.id}", name, locale, value)
                    for name, value in block.values(locale).items()
                    if name in PROSE and isinstance(value, str)
                ]
        return [words for words in found if words.text.strip()]

    @cached_property
    def asked(self) -> dict[str, ListField]:
        """The list's fields that may stand in words, if anything in braces is written at all."""
        written = any("{" in words.text for words in self.words)
        return merging.usable(self.session, self.issue.list_id) if written else {}

    def in_public(self, line: str) -> str:
        """A subject or preview text with what stands where readers have not answered."""
        return merging.in_public(line, self.asked)

    @cached_property
    def coverage(self) -> dict[str, Coverage]:
        """How many readers have answered each field that a letter asks for, by its key."""
        count = coverage.of_field if self.frozen else coverage.lately
        slots = [one.slots for one in self.letters.values()]
        wanted = {field.key for each in slots for field in merge_fields.asked(each).values()}
        return {
            key: count(self.session, self.issue, self.asked[key], self.now)
            for key in sorted(wanted & self.asked.keys())
        }

    @cached_property
    def links(self) -> list[Link]:
        """Every address in the issue, in reading order."""
        found = [
            Link(url, f"introduction:{text.locale}", required=True)
            for text in self.texts
            for _words, url in markdown_links(text.introduction)
        ]
        for block in self.issue.blocks:
            for locale in self.locales_of(block):
                found += _links_of(block, block.values(locale))
        return list(dict.fromkeys(found))

    @cached_property
    def tried(self) -> dict[str, LinkCheck]:
        """What came of opening the issue's addresses, by address, where they were opened."""
        urls = {link.url for link in self.links}
        rows = self.session.scalars(
            select(LinkCheck).where(LinkCheck.url_key.in_([link_key(url) for url in urls]))
        )
        return {row.url: row for row in rows if row.url in urls}

    @cached_property
    def earlier(self) -> dict[int, int]:
        """Items that an earlier issue of the list carries: item id to the issue's number."""
        mine = {block.item_id for block in self.issue.blocks if block.item_id}
        rows = self.session.execute(
            select(Block.item_id, Issue.number)
            .join(Issue, Issue.id == Block.issue_id)
            .where(
                Block.item_id.in_(mine),
                Issue.list_id == self.issue.list_id,
                Issue.id != self.issue.id,
                Issue.state.in_((IssueState.SCHEDULED, IssueState.SENDING, IssueState.SENT)),
            )
        )
        return {item_id: number for item_id, number in rows if item_id is not None}


def link_key(url: str) -> str:
    """What the result of trying an address is stored under."""
    return hashlib.sha256(url.encode()).hexdigest()


def markdown_links(source: str) -> Iterator[tuple[str, str]]:
    """The words and addresses of links in Markdown, as they are written."""
    for match in _MARKDOWN_LINK.finditer(source):
        written = match.group(2).strip()
        bare = written[1:-1] if written.startswith("<") and written.endswith(">") else written
        yield match.group(1), bare


def _links_of(block: Block, values: dict[str, Any]) -> list[Link]:
    place = f"block:{block.id}"
    if block.kind == BlockKind.TEXT:
        found = markdown_links(str(values.get("markdown") or ""))
        return [Link(url, place, required=True) for _words, url in found]
    must_lead = block.kind in (BlockKind.BUTTON, BlockKind.FILM)
    fields = [("url", must_lead, block.kind == BlockKind.IMAGE)]
    fields += [("link", False, False), ("image_url", False, True)]
    return [
        Link(str(values.get(name) or ""), place, required, picture)
        for name, required, picture in fields
        if values.get(name) or (required and not picture)
    ]
