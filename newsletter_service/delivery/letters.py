"""Editions as prepared bytes, and one claim's message: joins only, nothing is rendered (P9)."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection, select

from newsletter_service import address as addresses
from newsletter_service.delivery import personal_values
from newsletter_service.delivery.ledger import Claim
from newsletter_service.delivery.personal_values import Own
from newsletter_service.delivery.token_lots import TokenLots
from newsletter_service.mail import merge_fields, return_path
from newsletter_service.mail.dkim import DkimKey, Seal
from newsletter_service.mail.dkim_keys import DkimKeys
from newsletter_service.mail.fixed_headers import FixedHeaders
from newsletter_service.mail.message import Letter, Prepared, Reader
from newsletter_service.mail.reader_links import Links
from newsletter_service.mail.smtp.envelope import is_sound
from newsletter_service.mail.smtp.relay_url import RelayUrl
from newsletter_service.models import Edition
from newsletter_service.settings import Settings
from newsletter_service.tokens import LinkKeys

_PLAIN = re.compile(
    r"[A-Za-z0-9_+-]{1,40}(?:\.[A-Za-z0-9_+-]{1,8}){0,2}@"
    r"(?:[a-z0-9](?:-?[a-z0-9]){0,31}\.){1,4}[a-z]{2,12}"
)

Read = Callable[[Callable[[Connection, Sequence[Claim]], Own], Sequence[Claim]], Awaitable[Own]]


class Copy(NamedTuple):
    """One reader's message in `parts` and the addresses of its envelope.

    It is `sound` if it goes over the wire as it is. The `sender` tells a bounce whose it is, and
    nobody can forge one.
    """

    parts: Sequence[bytes]
    sound: bool
    sender: str
    to: str


class Letters:
    """Prepared editions, a few kept in memory; an edition never changes once it is frozen.

    `read` runs a query beside the sending: for letters that ask for readers' own answers only.
    """

    def __init__(self, settings: Settings, keys: LinkKeys, dkim: DkimKeys, read: Read) -> None:
        self._settings = settings
        self._read = read
        self._dkim = dkim
        self._links = Links(settings.base_url, keys)
        self._prepared: dict[tuple[int, str], Prepared] = {}
        self._signing: dict[tuple[int, str], tuple[DkimKey, ...]] = {}
        self._seals: dict[tuple[tuple[int, str], frozenset[str]], Seal] = {}
        self._sound: dict[tuple[int, str], bool] = {}
        self._tokens = TokenLots(keys)
        self._own: Own = {}
        self._own_before: Own = {}

    def has(self, wanted: set[tuple[int, str]]) -> bool:
        """Whether these (issue, locale) pairs are prepared."""
        return wanted <= self._prepared.keys()

    def load(self, connection: Connection, wanted: set[tuple[int, str]]) -> None:
        """Prepare the editions of these (issue, locale) pairs. Raises `DkimKeyError`."""
        for key in wanted - self._prepared.keys():
            row = connection.execute(
                select(
                    Edition.subject, Edition.html, Edition.text, Edition.slots, Edition.headers
                ).where(Edition.issue_id == key[0], Edition.locale == key[1])
            ).one()
            letter = Letter(
                subject=row.subject,
                html=row.html,
                text=row.text,
                locale=key[1],
                slots=dict(row.slots),
            )
            fixed = FixedHeaders(**row.headers)
            self._signing[key] = self._dkim.signing(domain_of(fixed))
            self._prepared[key] = Prepared.of(letter, fixed)
        while len(self._prepared) > 8:
            self._prepared.pop(next(key for key in self._prepared if key not in wanted))

    async def expect(self, claimed: Sequence[Claim], *, besides: bool = False) -> None:
        """Note whose tokens are made together, and read what these copies say of their readers.

        What was read before the last time is forgotten, unless they come `besides` the others.
        """
        own = await self._read(personal_values.read, claimed) if self._asks(claimed) else {}
        if besides:
            self._own |= own
        else:
            self._own_before, self._own = self._own, own
        self._tokens.expect(claimed)

    def expects(self, claimed: Sequence[Claim]) -> bool:
        """Whether they were noted, and what they say of their readers is read."""
        if not self._tokens.expects(claimed[-1]):
            return False
        # each of them: one that was given back may come again behind others
        return not self._asks(claimed) or all(claim.key in self._own for claim in claimed)

    def _asks(self, claimed: Sequence[Claim]) -> bool:
        """Whether a letter of these copies asks for answers of its readers, as far as is known."""
        editions = {(claim.issue_id, claim.locale) for claim in claimed}
        return any(key in self._prepared and self._prepared[key].fields for key in editions)

    def copy(self, claim: Claim, dated_ms: int, relay: RelayUrl) -> Copy:
        """One reader's copy; its bytes are the same for every try through a relay (P4).

        Raises `InvalidAddress`, besides what `Prepared.message` raises.
        """
        if claim.handle is None or claim.address is None:
            raise ValueError("the reader is gone")
        bounce_domain = self._settings.bounce_domain
        to = for_envelope(claim.address)
        made = self._tokens.of(claim)
        links = self._links.of(made.unsubscribe, made.preferences, claim.locale)
        edition = claim.issue_id, claim.locale
        prepared = self._prepared[edition]
        values = {"address": claim.address, **links}
        if prepared.fields:
            values |= merge_fields.values(prepared.fields, self._own_of(claim))
        parts = prepared.parts(
            Reader(to, _moment(dated_ms // 1000), f"<{made.message_id}@{bounce_domain}>", values),
            self._seal(edition, relay),
        )
        sound = self._sound.get(edition)
        if sound is None:  # what differs between copies is checked value by value
            sound = self._sound[edition] = is_sound(b"".join(parts))
        return Copy(parts, sound, return_path.address(made.return_path, bounce_domain), to)

    def _own_of(self, claim: Claim) -> dict[str, str]:
        """What the copy says of its reader. Raises ValueError: no fallback for want of a look."""
        found = self._own.get(claim.key, self._own_before.get(claim.key))
        if found is None:
            raise ValueError("what the copy says of its reader was not read")
        return found

    def _seal(self, edition: tuple[int, str], relay: RelayUrl) -> Seal | None:
        keys = self._signing[edition]
        if not keys or not relay.signed:
            return None
        made = self._seals.get((edition, relay.unsigned))
        if made is None:
            made = self._prepared[edition].seal(keys, relay.unsigned)
            self._seals[edition, relay.unsigned] = made
        return made


def domain_of(fixed: FixedHeaders) -> str:
    """The domain that a message is signed for: that of its From."""
    return fixed.from_address.rpartition("@")[2]


@lru_cache(maxsize=64)
def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def for_envelope(text: str) -> str:
    """A stored address as RCPT and To have it. Raises `InvalidAddress`.

    It was checked when it was stored: the plain ones, nearly all, need no second look.
    """
    if _PLAIN.fullmatch(text) and len(text) < addresses.LONGEST_ADDRESS:
        return text
    return addresses.parse(text).envelope
