"""Tokens of copies, made a hundred at a time when the first of them leaves: much cheaper so."""

from collections.abc import Sequence

from newsletter_service import tokens
from newsletter_service.delivery.ledger import Claim
from newsletter_service.tokens import CopyTokens, LinkKeys

AT_ONCE = 100

_Made = dict[tuple[int, int], CopyTokens]


class TokenLots:
    """Lots of neighbours, of which the last two that were made are kept."""

    def __init__(self, keys: LinkKeys) -> None:
        self._keys = keys
        self._together: dict[tuple[int, int], Sequence[Claim]] = {}
        self._made: _Made = {}
        self._before: _Made = {}

    def expect(self, claimed: Sequence[Claim]) -> None:
        """Note whose are made together."""
        for at in range(0, len(claimed), AT_ONCE):
            some = claimed[at : at + AT_ONCE]
            self._together.update((claim.key, some) for claim in some)

    def expects(self, claim: Claim) -> bool:
        """Whether it was noted, and no neighbour has left."""
        return claim.key in self._together

    def of(self, claim: Claim) -> CopyTokens:
        """Its tokens, the same as made alone. Raises ValueError for a reader who is gone."""
        key = claim.key
        return self._made.get(key) or self._before.get(key) or self._make(claim)[key]

    def _make(self, claim: Claim) -> _Made:
        some = self._together.get(claim.key, (claim,))
        for one in some:
            self._together.pop(one.key, None)
        whole = [one for one in some if len(one.handle or b"") == tokens.HANDLE_BYTES]
        if claim not in whole:
            raise ValueError("the reader is gone")
        made: _Made = {}
        for issue_id in {one.issue_id for one in whole}:
            these = [one for one in whole if one.issue_id == issue_id]
            of = [(one.n, one.handle or b"") for one in these]
            all_four = tokens.of_copies(self._keys, issue_id, of)
            made |= dict(zip((one.key for one in these), all_four, strict=True))
        if some == (claim,):  # it comes late, after its neighbours
            self._made |= made
        else:
            self._before, self._made = self._made, made
        return made
