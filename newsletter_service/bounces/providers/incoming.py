"""A request as it came, and what every provider's module offers."""

import base64
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from newsletter_service.bounces.providers.said import Said

# A signature older or younger than this is refused (requirements 4c).
TOLERANCE = timedelta(minutes=5)
LONGEST_KEY = 200


class NotGenuine(Exception):
    """Nothing proves that the provider said this; `why` is for the log, never for the caller."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


@dataclass(frozen=True)
class Incoming:
    """One POST: its raw body, its headers by lower-case name, and when it came."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    at: datetime


@dataclass(frozen=True)
class Provider:
    """How one provider's webhook is proven and read.

    `prove` takes the request and the secrets of the settings, any of which may fit; it raises
    `NotGenuine`. `split` cuts a proven body into events, each with a key that is the same when it
    is sent again; it raises ValueError for what is none. `read` says what one event means.
    """

    prove: Callable[[Incoming, tuple[str, ...]], None]
    split: Callable[[bytes], list[tuple[str, dict[str, Any]]]]
    read: Callable[[Mapping[str, Any]], Said]


def parsed(body: bytes) -> Any:
    """A body as JSON. Raises ValueError, also for what nests without end."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("the JSON nests too deeply") from error


def mapping(value: object) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def words(value: object, longest: int = 2000) -> str:
    """The value if it is text or a number, as text of bounded length; else nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)[:longest]


def moment(since_1970: object, per_second: int = 1) -> datetime | None:
    """Seconds, or parts of them, since 1970 as a time; None for what is none."""
    try:
        return datetime.fromtimestamp(float(words(since_1970)) / per_second, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def iso_moment(text: object) -> datetime | None:
    """An ISO 8601 time; None for what is none or has no zone."""
    try:
        found = datetime.fromisoformat(words(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def is_fresh(claimed: datetime | None, now: datetime, tolerance: timedelta = TOLERANCE) -> bool:
    """Whether a signed time is close enough to now."""
    return claimed is not None and abs(now - claimed) <= tolerance


def prove_by_password(incoming: Incoming, secrets: tuple[str, ...]) -> None:
    """HTTP Basic, a bearer token, or the header X-Newsletter-Secret; `user:password` or a word.

    For providers that sign nothing. Raises `NotGenuine`.
    """
    given = {incoming.headers.get("x-newsletter-secret", "")}
    scheme, _, credentials = incoming.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        given.add(credentials.strip())
    elif scheme.lower() == "basic":
        try:
            given.add(base64.b64decode(credentials.strip(), validate=True).decode())
        except ValueError:
            raise NotGenuine("the Basic credentials cannot be read") from None
    fits = [any_same(secrets, text) for text in given if text]
    if not any(fits):
        raise NotGenuine("no secret of ours")


def any_same(made: Iterable[str], given: str) -> bool:
    """Whether any fits; all are compared, so that time tells nothing."""
    fits = [same(one, given) for one in made]
    return any(fits)


def same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "surrogatepass"))
