"""Who may join the claims that wait."""

from newsletter_service.delivery.flow import Flow
from newsletter_service.delivery.ledger import Claim
from newsletter_service.delivery.line import Line


def claims(*numbers: int) -> list[Claim]:
    reader = (1, "anna@reader.test", b"key", b"handle")
    return [
        Claim(1, 1, n, 1, 0, 0, "sv", None, None, *reader, batch_id=1, retried=False)
        for n in numbers
    ]


def line_of(*numbers: int) -> Line:
    return Line(claims(*numbers), Flow(2), lambda _: None, several=False)


def test_others_come_behind_those_who_wait() -> None:
    line = line_of(1, 2)
    assert line.extend(claims(3))
    taken = [line.take() for _ in range(3)]
    assert [one.claim.n for one in taken if one] == [1, 2, 3]
    assert line.take() is None


def test_nobody_joins_once_a_lane_has_gone() -> None:
    line = line_of(1)
    line.leave()
    assert not line.extend(claims(2))
    assert [claim.n for claim in line.rest()] == [1]
