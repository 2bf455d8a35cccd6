"""The check before an issue leaves: what must be mended, what is worth a look, and advice.

`examine` asks no network, so that a page can call it at every look. The sentences stand beside
the rules, for the pages and the command line alike.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask_babel import format_decimal, get_locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service.issues.checks import (
    answers,
    clients,
    contrast,
    copies,
    dates,
    kept_back,
    languages,
    letter,
    links,
    parts,
    pictures,
    readers,
    sender,
    tips,
    tried,
    words,
)
from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Level, Rule
from newsletter_service.issues.recipients import Recipients
from newsletter_service.mail.message import Letter
from newsletter_service.models import Issue, LetStand

_TABLES = (
    *(
        words,
        answers,
        parts,
        languages,
        letter,
        copies,
        links,
        tried,
        pictures,
        dates,
        sender,
        readers,
    ),
    *(contrast, clients, kept_back, tips),
)
RULES: tuple[Rule, ...] = tuple(rule for table in _TABLES for rule in table.RULES)
BY_NAME = {rule.name: rule for rule in RULES}
_SETTLED_BY_THE_RELEASE = frozenset({"many_more"})


@dataclass(frozen=True)
class Finding:
    """What a rule found. `place` is a part of the issue, such as subject:sv or block:12."""

    rule: str
    level: Level
    place: str
    values: dict[str, Any] = field(default_factory=dict)
    can_be_mended: bool = False

    @property
    def blocks(self) -> bool:
        """Whether nothing is sent before it is mended."""
        return self.level == Level.BLOCKS

    @property
    def kind(self) -> str:
        """Another way past it than mending, such as type_the_number; mostly empty."""
        return BY_NAME[self.rule].kind

    @property
    def mark(self) -> str:
        """Hex SHA-256 of what was found and where: other words are another finding."""
        whole = json.dumps([self.rule, self.place, self.values], sort_keys=True, default=str)
        return hashlib.sha256(whole.encode()).hexdigest()

    @property
    def what(self) -> str:
        """What is the matter, a sentence in the language of the request."""
        return str(BY_NAME[self.rule].what) % self._said

    @property
    def remedy(self) -> str:
        """What to do about it, a sentence in the language of the request."""
        return str(BY_NAME[self.rule].remedy) % self._said

    @property
    def _said(self) -> dict[str, Any]:
        """The values as people read them; where one is `name` and `name_en`, in their language.

        Both belong to what was found, so that its mark is the same for everybody.
        """
        language = str(get_locale() or "sv")
        said = {
            name: format_decimal(value) if type(value) is int else value
            for name, value in self.values.items()
        }
        said |= {name: said.get(f"{name}_{language}", value) for name, value in said.items()}
        code = self.values.get("locale")
        return said | {"locale": languages.name_of(str(code))} if code else said

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "rule": self.rule,
            "level": str(self.level),
            "blocks": self.blocks,
            "kind": self.kind,
            "place": self.place,
            "values": self.values,
            "what": self.what,
            "remedy": self.remedy,
            "can_be_mended": self.can_be_mended,
        }


@dataclass(frozen=True)
class Report:
    """Everything the rules found, by how much it weighs; `left` is what somebody let stand.

    `reach` is whom it would reach, where a rule counted them: counting a million takes a while.
    """

    must: list[Finding]
    should: list[Finding]
    tips: list[Finding]
    left: list[tuple[Finding, LetStand]]
    reach: Recipients | None = None


def check(session: Session, issue: Issue, now: datetime) -> list[Finding]:
    """What blocks, then what is worth a look; changes nothing."""
    report = examine(session, issue, now)
    return [*report.must, *report.should]


def examine(
    session: Session,
    issue: Issue,
    now: datetime,
    frozen: Mapping[str, Letter] | None = None,
    only: Collection[str] = (),
) -> Report:
    """Everything the rules find; changes nothing.

    `frozen` are the letters that will really be sent, where they exist; `only` names rules.
    """
    case = Case(session, issue, now, frozen or {})
    found = list(_findings(case, only))
    rows = session.scalars(select(LetStand).where(LetStand.issue_id == issue.id))
    stands = {row.mark: row for row in rows} if found else {}
    left = [(one, stands[one.mark]) for one in found if one.mark in stands]
    by_level = {
        level: [one for one in found if one.level == level and one.mark not in stands]
        for level in Level
    }
    levels = (by_level[Level.BLOCKS], by_level[Level.WARNS], by_level[Level.TIP])
    return Report(*levels, left, None if only else case.reach)


def stops(report: Report, typed: int | None = None) -> list[Finding]:
    """What keeps an issue from leaving; the number of recipients, typed by hand, settles its own.

    Readers come and go while somebody types, so one in a hundred may differ.
    """
    return [one for one in report.must if not _is_settled(one, typed)]


def since_planned(report: Report, typed: int | None = None) -> list[Finding]:
    """The same for an issue that was planned: what its release settled stays settled."""
    return [one for one in stops(report, typed) if one.rule not in _SETTLED_BY_THE_RELEASE]


def _is_settled(finding: Finding, typed: int | None) -> bool:
    if finding.kind != readers.TYPE_THE_NUMBER or typed is None:
        return False
    number: int = finding.values["number"]
    return abs(typed - number) * 100 <= number


def _findings(case: Case, only: Collection[str]) -> Iterator[Finding]:
    for rule in RULES if not only else [BY_NAME[name] for name in only]:
        seen = []
        for place, values in rule.look(case):
            if (place, values) not in seen:  # the same words may stand in two languages
                seen.append((place, values))
                mends = rule.mend is not None and rule.mend(case, place, values) is not None
                yield Finding(rule.name, rule.level, place, values, mends)
