"""Editions as prepared bytes, and one claim's message: joins only, nothing is rendered (P9)."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import Connection, select

from newsletter_service import address as addresses
from newsletter_service import tokens
from newsletter_service.delivery import personal_values
from newsletter_service.delivery.ledger import Claim
from newsletter_service.delivery.personal_values import Own
from newsletter_service.mail import merge_fields, return_path
from newsletter_service.mail.dkim import DkimKey, Seal
from newsletter_service.mail.dkim_keys import DkimKeys
from newsletter_service.mail.message import FixedHeaders, Letter, Prepared, Reader
from newsletter_service.mail.reader_links import Links
from newsletter_service.mail.smtp.envelope import is_sound
from newsletter_service.mail.smtp.relay_url import RelayUrl
from newsletter_service.models import Edition
from newsletter_service.settings import Settings
from newsletter_service.tokens import CopyTokens, LinkKeys

AT_ONCE = 100
_PLAIN = re.compile(
    r"[A-Za-z0-9_+-]{1,40}(?:\.[A-Za-z0-9_+-]{1,8}){0,2}@"
    r"(?:[a-z0-9](?:-?[a-z0-9]){0,31}\.){1,4}[a-z]{2,12}"
)

_Tokens = dict[tuple[int, int], CopyTokens]
Read = Callable[[Callable[[Connection, Sequence[Claim]], Own], Sequence[Claim]], Awaitable[Own]]


class Letters:
    """Prepared editions, a few kept in memory; an edition never changes once it is frozen.

    `read` runs a query beside the sending: for letters that ask for readers' own answers only.
    """

    def __init__(self, settings: Settings, keys: LinkKeys, dkim: DkimKeys, read: Read) -> None:
        self._settings = settings
        self._read = read
        self._keys = keys
        self._dkim = dkim
        self._links = Links(settings.base_url, keys)
        self._prepared: dict[tuple[int, str], Prepared] = {}
        self._signing: dict[tuple[int, str], tuple[DkimKey, ...]] = {}
        self._seals: dict[tuple[tuple[int, str], frozenset[str]], Seal] = {}
        self._sound: dict[tuple[int, str], bool] = {}
        self._together: dict[tuple[int, int], Sequence[Claim]] = {}
        self._tokens: _Tokens = {}
        self._before: _Tokens = {}
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

    async def expect(self, claimed: Sequence[Claim]) -> None:
        """Note whose tokens are made together, and read what these copies say of their readers.

        What was read before the last time is forgotten.
        """
        self._own_before, self._own = self._own, {}
        if self._asks(claimed):
            self._own = await self._read(personal_values.read, claimed)
        for at in range(0, len(claimed), AT_ONCE):
            some = claimed[at : at + AT_ONCE]
            self._together.update((claim.key, some) for claim in some)

    def expects(self, claimed: Sequence[Claim]) -> bool:
        """Whether they were noted, and what they say of their readers is read."""
        if claimed[-1].key not in self._together:
            return False
        # each of them: one that was given back may come again behind others
        return not self._asks(claimed) or all(claim.key in self._own for claim in claimed)

    def _asks(self, claimed: Sequence[Claim]) -> bool:
        """Whether a letter of these copies asks for answers of its readers, as far as is known."""
        editions = {(claim.issue_id, claim.locale) for claim in claimed}
        return any(key in self._prepared and self._prepared[key].fields for key in editions)

    def _tokens_of(self, claim: Claim) -> CopyTokens:
        """Made with those of its neighbours, of which the last two lots are kept."""
        key = claim.key
        return self._tokens.get(key) or self._before.get(key) or self._make(claim)[key]

    def _make(self, claim: Claim) -> _Tokens:
        some = self._together.get(claim.key, (claim,))
        for one in some:
            self._together.pop(one.key, None)
        whole = [one for one in some if len(one.handle or b"") == tokens.HANDLE_BYTES]
        made: _Tokens = {}
        for issue_id in {one.issue_id for one in whole}:
            these = [one for one in whole if one.issue_id == issue_id]
            of = [(one.n, one.handle or b"") for one in these]
            all_four = tokens.of_copies(self._keys, issue_id, of)
            made |= dict(zip((one.key for one in these), all_four, strict=True))
        if some == (claim,):  # it comes late, after its neighbours
            self._tokens |= made
        else:
            self._before, self._tokens = self._tokens, made
        return made

    def message(self, claim: Claim, dated_ms: int, relay: RelayUrl) -> bytes:
        """The bytes for one reader; the same for every try through a relay (P4)."""
        if claim.handle is None or claim.address is None:
            raise ValueError("the reader is gone")
        made = self._tokens_of(claim)
        links = self._links.of(made.unsubscribe, made.preferences, claim.locale)
        edition = claim.issue_id, claim.locale
        prepared = self._prepared[edition]
        values = {"address": claim.address, **links}
        if prepared.fields:
            values |= merge_fields.values(prepared.fields, self._own_of(claim))
        data = prepared.message(
            Reader(
                to=parsed(claim.address),
                date=_moment(dated_ms // 1000),
                message_id=f"<{made.message_id}@{self._settings.bounce_domain}>",
                values=values,
            ),
            self._seal(edition, relay),
        )
        if edition not in self._sound:
            self._sound[edition] = is_sound(data)
        return data

    def sound(self, claim: Claim) -> bool:
        """Whether its message goes over the wire as it is, known once one of its edition was made.

        What differs between copies is checked value by value.
        """
        return self._sound[claim.issue_id, claim.locale]

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

    def sender(self, claim: Claim) -> str:
        """The return address: it tells a bounce whose it is, and nobody can forge one."""
        return return_path.address(self._tokens_of(claim).return_path, self._settings.bounce_domain)


def domain_of(fixed: FixedHeaders) -> str:
    """The domain that a message is signed for: that of its From."""
    return fixed.from_address.rpartition("@")[2]


@lru_cache(maxsize=64)
def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@lru_cache(maxsize=256)
def parsed(text: str) -> addresses.Address:
    """A stored address read again. Raises `InvalidAddress`.

    It was checked when it was stored: the plain ones, nearly all, need no second look.
    """
    if _PLAIN.fullmatch(text) and len(text) < addresses.LONGEST_ADDRESS:
        local, _, domain = text.partition("@")
        return addresses.Address(local, domain, domain)
    return addresses.parse(text)
