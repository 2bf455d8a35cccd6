"""Copies for real readers, made as they would be sent: the first, the last, some by lot.

Nothing of them is kept or shown: the rules name what is wrong, never who has it.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter_service import address as addresses
from newsletter_service.issues import compose, merging
from newsletter_service.mail import dkim_check, headers, merge_fields
from newsletter_service.mail.dkim import DkimKey
from newsletter_service.mail.dkim_keys import DkimKeyError, DkimKeys
from newsletter_service.mail.headers import BadHeader
from newsletter_service.mail.message import Letter, MissingValue, Prepared, Reader
from newsletter_service.mail.quoted import BadValue
from newsletter_service.mail.reader_links import Links
from newsletter_service.models import Issue, Subscriber, Subscription, SubscriptionState
from newsletter_service.settings import Settings
from newsletter_service.tokens import LinkKeys

PLACES_BY_LOT = 5
AT_EACH = 4


class Person(NamedTuple):
    """A reader of the sample."""

    address: str
    locale: str
    handle: bytes
    subscription_id: int


@dataclass(frozen=True)
class Copy:
    """One reader's copy: its bytes and how large its HTML is, or why it could not be made."""

    locale: str
    message: bytes = b""
    html_size: int = 0
    trouble: str = ""


@dataclass
class Press:
    """Makes copies of an issue's letters; `signature` says what is wrong with theirs."""

    session: Session
    issue: Issue
    letters: Mapping[str, Letter]
    settings: Settings
    now: datetime
    signature: str = ""
    _prepared: dict[str, Prepared] = field(default_factory=dict)
    _keys: dict[str, tuple[DkimKey, ...]] = field(default_factory=dict)

    def copies(self) -> list[Copy]:
        """A copy for each reader of the sample, in the language that reader would get."""
        try:
            for locale, letter in self.letters.items():
                fixed = compose.fixed_headers(self.session, self.issue, locale)
                self._prepared[locale] = Prepared.of(letter, fixed)
                self._keys[locale] = self._signing(fixed.from_address)
        except (BadHeader, addresses.InvalidAddress) as error:
            return [Copy("", trouble=str(error))]
        people = sample(self.session, self.issue)
        wanted = any(each.fields for each in self._prepared.values())
        asked = merging.usable(self.session, self.issue.list_id) if wanted else {}
        readers = {one.subscription_id: one.locale for one in people}
        answers = merging.answers_of(self.session, asked, readers)
        made = [self._copy(person, answers[person.subscription_id]) for person in people]
        # whoever was drawn may have answered everything: the fallbacks are tried as well
        return made + [self._copy(person, {}) for person in people[:1] if wanted]

    def _signing(self, sender: str) -> tuple[DkimKey, ...]:
        try:
            return DkimKeys(self.settings.dkim_dir).signing(sender.rpartition("@")[2])
        except DkimKeyError as error:
            self.signature = str(error)
            return ()

    def _copy(self, person: Person, answers: Mapping[str, str]) -> Copy:
        locale = person.locale if person.locale in self.letters else next(iter(self.letters))
        letter, prepared, keys = self.letters[locale], self._prepared[locale], self._keys[locale]
        links = Links(self.settings.base_url, LinkKeys(self.settings.link_keys))
        values = links.to(person.handle, self.issue.id, locale) | {"address": person.address}
        values |= merge_fields.values(prepared.fields, answers)
        identity = headers.message_id("preflight", self.settings.bounce_domain)
        try:
            reader = Reader(addresses.parse(person.address).envelope, self.now, identity, values)
            message = prepared.message(reader, prepared.seal(keys) if keys else None)
        except (MissingValue, BadValue, BadHeader, addresses.InvalidAddress) as error:
            return Copy(locale, trouble=str(error))
        for key in keys:
            self.signature = self.signature or dkim_check.fault(message, key)
        return Copy(locale, message, _html_size(letter, values))


def sample(session: Session, issue: Issue) -> list[Person]:
    """Readers of the list: the first, the last and twenty by lot, four at each of five places.

    The lot is the same for one version of the issue, so that a page does not flicker.
    """
    mine = (
        Subscription.list_id == issue.list_id,
        Subscription.state == SubscriptionState.CONFIRMED,
    )
    ends = session.execute(
        select(func.min(Subscription.subscriber_id), func.max(Subscription.subscriber_id)).where(
            Subscription.list_id == issue.list_id
        )
    ).one()
    if ends[0] is None:
        return []
    lot = random.Random(f"{issue.id}:{issue.version}")  # noqa: S311 - no secret hangs on it
    marks = [ends[0], *(lot.randint(*ends) for _ in range(PLACES_BY_LOT))]
    people = (
        select(Subscriber.address, Subscriber.locale, Subscription.handle, Subscription.id)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(*mine)
    )
    upwards = people.order_by(Subscription.subscriber_id).limit(AT_EACH)
    found: dict[bytes, Person] = {}
    # said of both tables: else PostgreSQL walks all subscribers up to the mark
    queries = [
        upwards.where(Subscription.subscriber_id >= mark, Subscriber.id >= mark) for mark in marks
    ]
    queries.append(people.order_by(Subscription.subscriber_id.desc()).limit(1))
    for query in queries:
        found |= {row.handle: Person._make(row) for row in session.execute(query)}
    return list(found.values())


def _html_size(letter: Letter, values: Mapping[str, str]) -> int:
    given = {name: values.get(name, "") for name in letter.slots}
    return len(merge_fields.filled(letter.html, letter.slots, given, is_html=True).encode())
