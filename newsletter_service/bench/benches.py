"""All benches, in the order of the table. A new one is a module here and a name in the tuple."""

from newsletter_service.bench import (
    bounces,
    confirming,
    flood,
    hundredth,
    importing,
    news_desk,
    pages,
    scale,
    sending,
    signing_up,
    telling,
)
from newsletter_service.bench.measure import Bench

BENCHES: tuple[Bench, ...] = (
    sending.BENCH,
    scale.BENCH,
    hundredth.BENCH,
    confirming.BENCH,
    signing_up.BENCH,
    flood.BENCH,
    importing.BENCH,
    telling.BENCH,
    pages.BENCH,
    news_desk.BENCH,
    bounces.BENCH,
)
