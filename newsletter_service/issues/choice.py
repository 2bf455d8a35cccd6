"""Which news goes into an issue, in which order, and why. Pure.

An editor leads with the story that has news and a picture, gathers what belongs together, lets
nobody fill the letter alone, tells what closes soon and ends with what happens next.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

MOST_STORIES = 8
MOST_EVENTS = 5
MOST_CLOSING = 3
MOST_OF_ONE_SOURCE = 4
EVENTS_AHEAD = timedelta(days=45)
A_LEAD_IS_YOUNGER = timedelta(days=14)
LEAD_SUMMARY, SUMMARY, EVENT_SUMMARY = 400, 220, 140
_TOLD_ENOUGH = 80
_FEWEST_FOR_SECTIONS = 4
# What site software calls everything.
_EMPTY_TAGS = frozenset(
    (
        *("nyheter", "nyhet", "news", "aktuellt", "allmänt", "general", "blogg", "blog", "artikel"),
        *("uncategorized", "okategoriserade", "okategoriserad", "övrigt", "other", "articles"),
        *("pressmeddelande", "pressmeddelanden", "press release", "event", "events", "evenemang"),
    )
)


@dataclass(frozen=True)
class Candidate:
    """What the choice looks at of a piece of news."""

    id: int
    title: str
    published_at: datetime
    summary: str = ""
    has_picture: bool = False
    tags: tuple[str, ...] = ()
    source: int = 0
    starts_on: date | None = None
    last_day: date | None = None


@dataclass(frozen=True)
class Pick:
    """A piece of news, its part in the letter, and why: a code, perhaps with a value.

    Codes: lead:picture, lead:newest, lead:only, tag:NAME, news, last_day, event.
    """

    id: int
    why: str


@dataclass(frozen=True)
class Section:
    """Picks under one heading; `kind` is stories, tag, more, closing or events."""

    kind: str
    picks: list[Pick]
    tag: str = ""


@dataclass(frozen=True)
class Choice:
    """The letter's order, and what was left out with a code: room, source, far."""

    lead: Pick
    sections: list[Section]
    left_out: dict[int, str] = field(default_factory=dict)

    @property
    def picks(self) -> list[Pick]:
        """Everything chosen, in the order of the letter."""
        return [self.lead, *(pick for section in self.sections for pick in section.picks)]


def choose(found: Iterable[Candidate], now: datetime, today: date) -> Choice:
    """Choose among at least one piece of news."""
    fresh = sorted(found, key=lambda one: (one.published_at, one.id), reverse=True)
    lead = _lead(fresh, now)
    others = [one for one in fresh if one.id != lead.id]
    left_out: dict[int, str] = {}
    events = _events(others, today, left_out)
    closing = _closing(others, left_out)
    stories = _stories([one for one in others if _is_story(one)], left_out)
    sections = _by_tag(stories)
    if closing:
        picks = [Pick(one.id, "last_day") for one in closing]
        sections.append(Section("closing", picks))
    if events:
        sections.append(Section("events", [Pick(one.id, "event") for one in events]))
    return Choice(lead, sections, left_out)


def _is_story(one: Candidate) -> bool:
    return one.starts_on is None and one.last_day is None


def _lead(fresh: list[Candidate], now: datetime) -> Pick:
    stories = [one for one in fresh if _is_story(one)]
    young = [one for one in stories if one.published_at >= now - A_LEAD_IS_YOUNGER]
    for pool in (young, stories):
        pictured = [one for one in pool if one.has_picture]
        told = [one for one in pictured if len(one.summary) >= _TOLD_ENOUGH]
        for better in (told, pictured):
            if better:
                return Pick(better[0].id, "lead:picture" if len(fresh) > 1 else "lead:only")
    first = (stories or fresh)[0]
    return Pick(first.id, "lead:newest" if len(fresh) > 1 else "lead:only")


def _events(others: list[Candidate], today: date, left_out: dict[int, str]) -> list[Candidate]:
    dated = sorted(
        ((one.starts_on, one.id, one) for one in others if one.starts_on), key=lambda x: x[:2]
    )
    near = [one for day, _id, one in dated if day <= today + EVENTS_AHEAD]
    left_out |= {one.id: "far" for day, _id, one in dated if day > today + EVENTS_AHEAD}
    left_out |= {one.id: "room" for one in near[MOST_EVENTS:]}
    return near[:MOST_EVENTS]


def _closing(others: list[Candidate], left_out: dict[int, str]) -> list[Candidate]:
    closing = sorted(
        ((one.last_day, one.id, one) for one in others if one.last_day and not one.starts_on),
        key=lambda x: x[:2],
    )
    left_out |= {one.id: "room" for _day, _id, one in closing[MOST_CLOSING:]}
    return [one for _day, _id, one in closing[:MOST_CLOSING]]


def _stories(stories: list[Candidate], left_out: dict[int, str]) -> list[Candidate]:
    """The newest, no source filling the letter while others have news."""
    several = len({one.source for one in stories}) > 1
    of_source: Counter[int] = Counter()
    kept: list[Candidate] = []
    for one in stories:
        if several and of_source[one.source] >= MOST_OF_ONE_SOURCE:
            left_out[one.id] = "source"
        elif len(kept) >= MOST_STORIES:
            left_out[one.id] = "room"
        else:
            of_source[one.source] += 1
            kept.append(one)
    return kept


def _by_tag(stories: list[Candidate]) -> list[Section]:
    """What shares a tag under its name, the rest after it; in one row where that gives nothing."""
    groups = _groups(stories) if len(stories) >= _FEWEST_FOR_SECTIONS else {}
    if not groups:
        picks = [Pick(one.id, "news") for one in stories]
        return [Section("stories", picks)] if picks else []
    grouped = {one.id for members in groups.values() for one in members}
    rest = [one for one in stories if one.id not in grouped]
    sections = [
        Section("tag", [Pick(one.id, f"tag:{tag}"[:100]) for one in members], tag)
        for tag, members in groups.items()
    ]
    if rest:
        sections.append(Section("more", [Pick(one.id, "news") for one in rest]))
    return sections if len(sections) > 1 else _one_row(stories)


def _one_row(stories: list[Candidate]) -> list[Section]:
    return [Section("stories", [Pick(one.id, "news") for one in stories])]


def _groups(stories: list[Candidate]) -> dict[str, list[Candidate]]:
    """Tags that two stories or more share, each story once; the group with the newest first."""
    left = list(stories)
    groups: dict[str, list[Candidate]] = {}
    while True:
        counted = Counter(tag for one in left for tag in one.tags if _says_something(tag))
        tag = next((tag for tag, number in counted.most_common() if number >= 2), None)
        if tag is None:
            break
        groups[tag] = [one for one in left if tag in one.tags]
        left = [one for one in left if tag not in one.tags]
    return dict(sorted(groups.items(), key=lambda group: group[1][0].published_at, reverse=True))


def _says_something(tag: str) -> bool:
    return tag.casefold() not in _EMPTY_TAGS
