"""Tokens made with those of neighbours are the same as made alone, in whatever order they come."""

import asyncio
import random
from pathlib import Path

from newsletter_service import tokens
from newsletter_service.delivery import letters
from newsletter_service.delivery.ledger import Claim
from newsletter_service.delivery.letters import Letters
from newsletter_service.mail import return_path
from newsletter_service.mail.dkim_keys import DkimKeys
from newsletter_service.settings import Settings
from newsletter_service.tokens import LinkKeys

KEYS = LinkKeys({1: b"k" * 32})


def claim(issue_id: int, n: int) -> Claim:
    handle = bytes([issue_id]) * 8 + n.to_bytes(8)
    state = (1, 1, 0, 0, "sv", None, False, None)
    return Claim._make((issue_id, 1, n, *state, n, f"r{n}@example.org", b"key", handle))


def made(settings: Settings) -> Letters:
    async def read(*_: object) -> dict[tuple[int, int], dict[str, str]]:
        raise AssertionError("no letter asks for answers")

    return Letters(settings, KEYS, DkimKeys(Path("none")), read)


def test_every_copy_has_its_own_return_address_in_any_order() -> None:
    settings = Settings.from_env({"NEWSLETTER_BOUNCE_DOMAIN": "bounce.example.org"})
    ours = made(settings)
    claimed = [claim(1 + n % 2, n) for n in range(3 * letters.AT_ONCE + 7)]
    asyncio.run(ours.expect(claimed))
    assert ours.expects(claimed)
    shuffled = random.Random(1).sample(claimed, len(claimed))
    for one in [*claimed[:150], *shuffled, claim(9, 9), claimed[0]]:
        token = tokens.delivery_token(KEYS, one.issue_id, one.n)
        assert ours.sender(one) == return_path.address(token, "bounce.example.org")
