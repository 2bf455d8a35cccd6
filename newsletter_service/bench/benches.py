"""All benches, in the order of the table. A new one is a module here and a name in the tuple."""

from newsletter_service.bench.bounces import BENCH as BOUNCES
from newsletter_service.bench.measure import Bench
from newsletter_service.bench.sending import BENCH as SEND

BENCHES: tuple[Bench, ...] = (SEND, BOUNCES)
