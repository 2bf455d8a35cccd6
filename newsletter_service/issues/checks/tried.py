"""What the check looks for in what came of opening the issue's addresses (see `link_check`)."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l

from newsletter_service.issues.checks import corrections
from newsletter_service.issues.checks.case import Case, Link
from newsletter_service.issues.checks.rule import (
    Correction,
    Found,
    Level,
    Rule,
    Values,
    block_of,
)
from newsletter_service.models import BlockKind, LinkCheck, LinkOutcome

HEAVY_PICTURE = 300_000
HEAVY_LETTER = 1_000_000
SHOWN_WIDTH = 600
JUST_WRITTEN = timedelta(minutes=2)


def link_gone(case: Case) -> Found:
    """A page or picture that the site says it does not have: 404 or 410."""
    for link, tried in _tried(case, LinkOutcome.GONE):
        yield link.place, {"url": link.url, "status": tried.status}


def link_failing(case: Case) -> Found:
    """A page that answered with an error of the site's own, twice: 500 and above."""
    for link, tried in _tried(case, LinkOutcome.FAILING):
        yield link.place, {"url": link.url, "status": tried.status}


def link_silent(case: Case) -> Found:
    """A page that did not answer in time, or not safely."""
    for link, _tried_link in _tried(case, LinkOutcome.SILENT):
        yield link.place, {"url": link.url}


def link_denied(case: Case) -> Found:
    """A page that lets no program in, such as 401 or 403; people may see it or not."""
    for link, tried in _tried(case, LinkOutcome.DENIED):
        yield link.place, {"url": link.url, "status": tried.status}


def link_untried(case: Case) -> Found:
    """Addresses that nobody has opened yet, a while after they were written."""
    if case.now - case.issue.changed_at < JUST_WRITTEN:
        return
    wanted = {link.url for link in case.links if link.url.lower().startswith(("http:", "https:"))}
    if number := len(wanted - case.tried.keys()):
        yield "blocks", {"number": number}


def link_moved(case: Case) -> Found:
    """An address that leads on to another one, which may as well stand there itself."""
    for link, tried in _tried(case, LinkOutcome.OK):
        if not link.is_picture and _is_elsewhere(link.url, tried.final_url):
            yield link.place, {"url": link.url, "final": tried.final_url}


def picture_heavy(case: Case) -> Found:
    """A picture of more than 300 kB, which phones fetch slowly (R 7.7)."""
    for link, tried in _tried(case, LinkOutcome.OK):
        if link.is_picture and tried.size > HEAVY_PICTURE:
            yield link.place, {"size": tried.size // 1000}


def pictures_heavy(case: Case) -> Found:
    """Pictures of more than a megabyte together (R 7.7)."""
    sizes = {
        link.url: tried.size for link, tried in _tried(case, LinkOutcome.OK) if link.is_picture
    }
    if sum(sizes.values()) > HEAVY_LETTER:
        yield "blocks", {"size": sum(sizes.values()) // 1000}


def picture_no_picture(case: Case) -> Found:
    """An address of a picture that answers with something else."""
    for link, tried in _tried(case, LinkOutcome.OK):
        other = tried.kind and not tried.kind.startswith(("image/", "application/octet-stream"))
        if link.is_picture and other:
            yield link.place, {"kind": tried.kind}


def picture_small(case: Case) -> Found:
    """A picture with fewer pixels than the letter is wide; on a sharp screen it looks soft."""
    for link, tried in _tried(case, LinkOutcome.OK):
        if link.is_picture and tried.width and tried.width < SHOWN_WIDTH:
            yield link.place, {"width": tried.width}


def picture_unsized(case: Case) -> Found:
    """Without its height the letter jumps while pictures come, and Outlook guesses (R 7.7)."""
    for block in case.issue.blocks:
        if any(_is_unsized(BlockKind(block.kind), values) for values in block.data.values()):
            yield f"block:{block.id}", {}


def measured(case: Case, place: str, _values: Values) -> Correction | None:
    """The sizes that the picture had when it was fetched."""
    block = next((one for one in case.issue.blocks if one.id == block_of(place)), None)
    found = {}
    for locale, values in block.data.items() if block else ():
        is_image = block is not None and block.kind == BlockKind.IMAGE
        tried = case.tried.get(str(values.get("url" if is_image else "image_url") or ""))
        if block is None or tried is None or not tried.width or not tried.height:
            continue
        shown = round(SHOWN_WIDTH * tried.height / tried.width)
        sizes = {"width": tried.width, "height": tried.height}
        found[block.id, locale] = sizes if is_image else {"image_height": shown}
    return Correction(values=found) if found else None


def lead_on(case: Case, place: str, values: Values) -> Correction | None:
    """The address at which the old one ends."""
    tried = case.tried.get(str(values["url"]))
    if tried is None or tried.outcome != LinkOutcome.OK or not tried.final_url:
        return None
    return corrections.new_address(case, place, str(values["url"]), tried.final_url)


def _tried(case: Case, outcome: LinkOutcome) -> Iterator[tuple[Link, LinkCheck]]:
    for link in case.links:
        tried = case.tried.get(link.url)
        if tried is not None and tried.outcome == outcome:
            yield link, tried


def _is_elsewhere(url: str, final: str) -> bool:
    """Another page; not the same one with a slash, www, https or an added question."""
    if not final:
        return False
    here, there = urlsplit(url), urlsplit(final)
    hosts = [(part.hostname or "").removeprefix("www.") for part in (here, there)]
    paths = [part.path.rstrip("/") for part in (here, there)]
    return hosts[0] != hosts[1] or paths[0] != paths[1]


def _is_unsized(kind: BlockKind, values: Values) -> bool:
    if kind == BlockKind.IMAGE:
        return bool(values.get("url")) and not (values.get("width") and values.get("height"))
    shows = kind == BlockKind.FILM or (kind == BlockKind.ITEM and values.get("lead"))
    return bool(shows and values.get("image_url") and not values.get("image_height"))


_OPEN = _l("Open it in your browser, and write the address that works.")
RULES: tuple[Rule, ...] = (
    Rule(
        "link_gone",
        Level.BLOCKS,
        link_gone,
        _l("“%(url)s” does not exist: the site answered %(status)s."),
        _OPEN,
    ),
    Rule(
        "link_failing",
        Level.BLOCKS,
        link_failing,
        _l("“%(url)s” does not work: the site answered %(status)s."),
        _l("Wait until the site is well and look anew, or lead somewhere else."),
    ),
    Rule(
        "link_silent",
        Level.WARNS,
        link_silent,
        _l("“%(url)s” did not answer, or not safely."),
        _OPEN,
    ),
    Rule(
        "link_denied",
        Level.WARNS,
        link_denied,
        _l("“%(url)s” lets no program in: the site answered %(status)s."),
        _l("Open it where you are not logged in; if readers see it, let it stand."),
    ),
    Rule(
        "link_untried",
        Level.WARNS,
        link_untried,
        _l("%(number)s addresses have not been tried yet."),
        _l("Wait a moment, or press Try the links."),
    ),
    Rule(
        "picture_heavy",
        Level.WARNS,
        picture_heavy,
        _l("A picture is %(size)s kB, which phones fetch slowly."),
        _l("Make it smaller: 1200 pixels wide and below 300 kB."),
    ),
    Rule(
        "pictures_heavy",
        Level.WARNS,
        pictures_heavy,
        _l("The pictures are %(size)s kB together."),
        _l("Take some out or make them smaller, until they are below a megabyte."),
    ),
    Rule(
        "picture_no_picture",
        Level.WARNS,
        picture_no_picture,
        _l("Where a picture should be, the site has “%(kind)s”."),
        _l("Copy the address of the picture itself, not of the page it stands on."),
    ),
    Rule(
        "picture_unsized",
        Level.WARNS,
        picture_unsized,
        _l("The size of a picture is not known, so the letter jumps while it comes."),
        _l("Press Mend once the links have been tried."),
        measured,
    ),
    Rule(
        "link_moved",
        Level.TIP,
        link_moved,
        _l("“%(url)s” leads on to “%(final)s”."),
        _l("Write that address instead."),
        lead_on,
    ),
    Rule(
        "picture_small",
        Level.TIP,
        picture_small,
        _l("A picture is only %(width)s pixels wide."),
        _l("Use one of 1200 pixels, so that it is sharp."),
    ),
)
