"""Tokens made with those of neighbours are the same as made alone, in whatever order they come."""

import random

import pytest

from newsletter_service import tokens
from newsletter_service.delivery.ledger import Claim
from newsletter_service.delivery.token_lots import AT_ONCE, TokenLots
from newsletter_service.tokens import LinkKeys

KEYS = LinkKeys({1: b"k" * 32})


def claim(issue_id: int, n: int) -> Claim:
    handle = bytes([issue_id]) * 8 + n.to_bytes(8)
    reader = (n, f"r{n}@example.org", b"key", handle)
    return Claim(issue_id, 1, n, 1, 0, 0, "sv", None, None, *reader, batch_id=1, retried=False)


def test_every_copy_has_its_own_tokens_in_any_order() -> None:
    ours = TokenLots(KEYS)
    claimed = [claim(1 + n % 2, n) for n in range(3 * AT_ONCE + 7)]
    ours.expect(claimed)
    assert all(ours.expects(one) for one in claimed)
    shuffled = random.Random(1).sample(claimed, len(claimed))
    for one in [*claimed[:150], *shuffled, claim(9, 9), claimed[0]]:
        made = ours.of(one)
        assert made.return_path == tokens.delivery_token(KEYS, one.issue_id, one.n)
        assert one.handle is not None
        assert made.unsubscribe == tokens.unsubscribe_token(KEYS, one.handle, one.issue_id)


def test_a_reader_who_is_gone_takes_no_neighbour_along() -> None:
    ours = TokenLots(KEYS)
    gone = claim(1, 1)._replace(handle=None)
    ours.expect([claim(1, 0), gone, claim(1, 2)])
    with pytest.raises(ValueError, match="gone"):
        ours.of(gone)
    assert ours.of(claim(1, 2)).return_path == tokens.delivery_token(KEYS, 1, 2)
