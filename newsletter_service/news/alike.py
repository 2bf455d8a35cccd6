"""Whether two pieces of news tell the same: by address, then by the words. Pure.

Two sites that carry one press release change the headline a little and cut the text elsewhere.
What tells two different things apart is small: a number, a day, a name. So numbers must agree
before words are compared, and a headline alone must be nearly the same.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from urllib.parse import parse_qsl, urlencode, urlsplit

from rapidfuzz import fuzz, process

# Scores of 0 to 100, settled on the pairs in tests/unit/news/alike_pairs.py.
SAME_TITLE = 92
LIKE_TITLE = 62
SAME_SUMMARY = 80
OTHER_SUMMARY = 45
_SAME_WORD = 70
_WORTH_A_LOOK = 50
_MOST_LOOKS = 50
_SHORTEST_SUMMARY = 60
_FEWEST_WORDS = 3
_TRACKING = re.compile(r"utm_|mc_|fbclid|gclid|ref$|source$|campaign", re.I)
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d+")
_MONTHS = re.compile(
    r"^(?:jan|feb|mar|apr|maj|may|jun|jul|aug|sep|okt|oct|nov|dec)[a-z]{0,6}$|dag(?:en)?$|day$"
)
_COMMON = frozenset(
    (
        *("och", "att", "är", "för", "det", "som", "på", "med", "av", "till", "en", "ett", "den"),
        *("i", "vi", "inte", "har", "nu", "ny", "nya", "nytt", "om", "från", "the", "and", "of"),
        *("is", "to", "in", "for", "that", "with", "on", "are", "this", "we", "by", "a", "an"),
        *("has", "new", "now", "at", "from", "får", "blir", "ska", "kan", "gets", "will", "can"),
    )
)


@dataclass(frozen=True)
class Told:
    """What is compared of a piece of news."""

    id: int
    title: str
    summary: str = ""
    url: str = ""
    starts_on: date | None = None

    @cached_property
    def words(self) -> str:
        """The headline's words that mean something, as they sound, in order."""
        return _folded(self.title)

    @cached_property
    def body(self) -> str:
        """The same of the summary."""
        return _folded(self.summary)

    @cached_property
    def marks(self) -> frozenset[str]:
        """Numbers, months and weekdays of the headline, which no rewording changes."""
        found = {word for word in self.words.split() if _MONTHS.search(word)}
        return frozenset(found | set(_NUMBER.findall(self.title)))

    @cached_property
    def address(self) -> str:
        """The address without what only says where a reader came from."""
        return canonical(self.url)


def canonical(url: str) -> str:
    """An address for comparing: no scheme, no `www.`, no tracking, no slash at the end.

    >>> canonical("http://www.park.se/nytt/?utm_source=rss")
    'park.se/nytt'
    """
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if not _TRACKING.match(name)]
    query = f"?{urlencode(sorted(kept))}" if kept else ""
    return f"{(parts.hostname or '').removeprefix('www.')}{parts.path.rstrip('/')}{query}"


def alike(one: Told, other: Told) -> bool:
    """Whether both tell the same."""
    if one.starts_on and other.starts_on and one.starts_on != other.starts_on:
        return False
    if one.address and one.address == other.address and _leads_somewhere(one.address):
        return True
    if one.marks != other.marks:
        return False
    title = _likeness(one, other)
    body = _body_likeness(one, other)
    if title >= SAME_TITLE and _only_inflected(one.words, other.words):
        return body is None or body >= OTHER_SUMMARY
    return title >= LIKE_TITLE and body is not None and body >= SAME_SUMMARY


class Known:
    """Many pieces of news, for finding the ones that tell the same as a new one quickly."""

    def __init__(self, known: Sequence[Told]) -> None:
        self._known = list(known)
        self._words = [one.words for one in self._known]
        self._by_address: dict[str, list[int]] = defaultdict(list)
        for place, one in enumerate(self._known):
            self._by_address[one.address].append(place)

    def alike(self, new: Told) -> list[Told]:
        """Those that tell the same, in the order they were given."""
        near = process.extract(
            new.words,
            self._words,
            scorer=fuzz.token_sort_ratio,
            score_cutoff=_WORTH_A_LOOK,
            limit=_MOST_LOOKS,
        )
        places = {place for _words, _score, place in near} | set(self._by_address[new.address])
        return [one for place in sorted(places) if alike(one := self._known[place], new)]


def _likeness(one: Told, other: Told) -> float:
    """How alike two headlines are; short ones only if they are the same."""
    if min(len(one.words.split()), len(other.words.split())) < _FEWEST_WORDS:
        return 100.0 if one.words == other.words else 0.0
    sorted_words = fuzz.token_sort_ratio(one.words, other.words)
    return max(fuzz.ratio(one.words, other.words), sorted_words)


def _body_likeness(one: Told, other: Told) -> float | None:
    """How alike two summaries are; None where one of them says too little."""
    short, long = sorted((one.body, other.body), key=len)
    if len(short) < _SHORTEST_SUMMARY:
        return None
    return max(fuzz.partial_ratio(short, long), fuzz.token_set_ratio(short, long))


def _only_inflected(one: str, other: str) -> bool:
    """Whether the words that differ are forms of the same: a name that differs is another story."""
    mine, yours = set(one.split()), set(other.split())
    return all(
        any(fuzz.ratio(word, near) >= _SAME_WORD for near in others)
        for words, others in ((mine - yours, yours), (yours - mine, mine))
        for word in words
    )


def _leads_somewhere(address: str) -> bool:
    """A front page is no piece of news: calendars give it for everything."""
    return "/" in address or "?" in address


def _folded(text: str) -> str:
    words = (word for word in _WORD.findall(text.casefold()) if word not in _COMMON)
    return " ".join(words)
