"""How long a sign-up waits for its mail, and how much work a form asks for (R 6.2, 6.8).

Nothing here ever refuses: forty colleagues behind one address at an event all get through. Who
shows more for being a person waits less; a network that asks for much waits longer or works more.
"""

from dataclasses import dataclass
from datetime import timedelta

from newsletter_service.models.sign_ups import Lane

FREE_PER_NETWORK = 5
# A network that asks for more than this in an hour without proof of work is doubted.
PLAIN_PER_NETWORK = 60
ORDER = (Lane.PROVEN, Lane.PLAIN, Lane.DOUBTED)


@dataclass(frozen=True)
class Pace:
    """What a lane takes: per hour in all and to one domain, and how long its mails wait."""

    per_hour: int
    per_domain: int
    waits: timedelta
    each_neighbour: timedelta
    at_most: timedelta


PACES = {
    Lane.PROVEN: Pace(2000, 500, timedelta(0), timedelta(0), timedelta(0)),
    Lane.PLAIN: Pace(200, 50, timedelta(seconds=10), timedelta(seconds=10), timedelta(minutes=15)),
    Lane.DOUBTED: Pace(50, 20, timedelta(minutes=5), timedelta(minutes=1), timedelta(hours=2)),
}
# A large provider has many readers; one domain of nobody in particular may be a victim.
TO_A_LARGE_PROVIDER = 4
_EFFORTS = ((10, 1), (40, 2), (100, 4))
MOST_EFFORT = 8


@dataclass(frozen=True)
class Evidence:
    """What a form sent along that speaks for a person, or against one.

    `proven`: the work was done, and the proof is new. `known_site`: it came from our own form,
    filled in at a person's pace, or from a site on the allow-list. `strange_site`: it says that
    it came from somewhere else. `throwaway`: an address of a domain for one day.
    """

    proven: bool = False
    known_site: bool = False
    strange_site: bool = False
    throwaway: bool = False


def lane(evidence: Evidence, from_network: int) -> Lane:
    """Which lane a sign-up takes; `from_network` is its number from that network this hour."""
    if evidence.throwaway:
        return Lane.DOUBTED
    if evidence.proven:
        return Lane.PLAIN if evidence.strange_site else Lane.PROVEN
    if evidence.known_site and from_network <= PLAIN_PER_NETWORK:
        return Lane.PLAIN
    return Lane.DOUBTED


def wait(taken: Lane, from_network: int) -> timedelta:
    """How long the mail of a sign-up waits, by its lane and its number from that network."""
    pace = PACES[taken]
    neighbours = max(0, from_network - FREE_PER_NETWORK)
    return min(pace.waits + neighbours * pace.each_neighbour, pace.at_most)


def effort(from_network: int, of_all: int) -> int:
    """How many times the usual work a form asks for, by the sign-ups of the last hour."""
    own = next((times for most, times in _EFFORTS if from_network <= most), MOST_EFFORT)
    flood = 1 << min(3, of_all // PACES[Lane.PLAIN].per_hour)
    return min(MOST_EFFORT, max(own, flood))


def per_domain(taken: Lane, *, large_provider: bool) -> int:
    """How many mails an hour a lane sends to one domain, or to one mail server."""
    return PACES[taken].per_domain * (TO_A_LARGE_PROVIDER if large_provider else 1)
