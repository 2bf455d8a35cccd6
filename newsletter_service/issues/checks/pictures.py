"""What the check looks for in pictures: described, of a kind that is shown, not all there is."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l

from newsletter_service.accounts import sending
from newsletter_service.address import is_reserved
from newsletter_service.issues.checks import corrections
from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.links import host_of, is_private
from newsletter_service.issues.checks.rule import Correction, Found, Level, Rule, Values, block_of
from newsletter_service.models import BlockKind
from newsletter_service.pictures import remote

FEWEST_WORDS = 20
# So long a worker may take to fetch a picture that has just been put in.
JUST_WRITTEN = timedelta(minutes=2)

_UNSHOWN = re.compile(r"\.(?:svgz?|webp|avif|heic|heif|tiff?|bmp)$", re.I)


def picture_undescribed(case: Case) -> Found:
    """A picture that stands by itself says something; the words for it are missing."""
    for block in case.issue.blocks:
        if block.kind in (BlockKind.IMAGE, BlockKind.FILM):
            values = [block.values(locale) for locale in case.locales]
            if any((v.get("url") or v.get("image_url")) and not v.get("alt") for v in values):
                yield f"block:{block.id}", {}


def picture_kind(case: Case) -> Found:
    """Kinds of pictures that Outlook or Gmail leave out (R 7.7)."""
    for link in case.links:
        path = urlsplit(link.url).path if link.is_picture and "://" in link.url else ""
        found = _UNSHOWN.search(path)
        if found or (link.is_picture and link.url.startswith("data:")):
            yield link.place, {"kind": found.group()[1:].upper() if found else "data:"}


def picture_insecure(case: Case) -> Found:
    """Pictures over plain http are not shown everywhere, and can be read on the way."""
    for link in case.links:
        insecure = link.is_picture and link.url.lower().startswith("http:")
        if insecure and (case.reaches_strangers or not is_private(host_of(link.url))):
            yield link.place, {"url": link.url}


def picture_elsewhere(case: Case) -> Found:
    """A picture on somebody else's site tells that site who opens the letter, and when."""
    elsewhere = dict.fromkeys(url for url in _shown(case) if not _is_ours(case, url))
    fetched = remote.fates(case.session, elsewhere) if elsewhere else {}
    is_written = not case.frozen and case.now - case.issue.changed_at < JUST_WRITTEN
    for url in elsewhere:
        is_refused = url in fetched and fetched[url].refused  # `picture_refused` says it
        if not is_refused and not (is_written and url in fetched):
            yield _place(case, url), {"url": url, "site": host_of(url)}


def picture_refused(case: Case) -> Found:
    """A picture that could not be fetched and kept: a page, a counting pixel, nothing at all."""
    shown = {link.url: link.place for link in case.links if link.is_picture}
    for url, fate in remote.fates(case.session, shown).items():
        if fate.refused and (case.reaches_strangers or not is_private(host_of(url))):
            yield shown[url], {"url": url}


def our_own(case: Case, place: str, _values: Values) -> Correction | None:
    """The picture as we have it, where it has been fetched since."""
    block = next((one for one in case.issue.blocks if one.id == block_of(place)), None)
    found = {}
    for locale, values in block.data.items() if block else ():
        kept = remote.adopted(case.session, block.kind, values, drop=True) if block else {}
        if block is not None and kept != values:
            found[block.id, locale] = kept
    return Correction(values=found) if found else None


def secured(case: Case, place: str, values: Values) -> Correction | None:
    """Our own copy of the picture where we have it, else the same address with https://."""
    url = str(values["url"])
    ours = our_own(case, place, values)
    if ours and all(_picture_of(one) not in ("", url) for one in ours.values.values()):
        return ours
    return corrections.new_address(case, place, url, "https:" + url.partition(":")[2])


def _picture_of(values: Mapping[str, Any]) -> str:
    return str(values.get("image_url") or values.get("url") or "")


def _shown(case: Case) -> Iterator[str]:
    """The addresses of the pictures in the letters themselves, also of those that no block names.

    Where the letters do not render, those of the blocks.
    """
    for tree in case.trees.values():
        yield from (str(one).strip() for one in tree.xpath("//img/@src | //@background"))
    if not case.letters:
        yield from (link.url for link in case.links if link.is_picture)


def _is_ours(case: Case, url: str) -> bool:
    """Whether the service itself, or the organisation's own site, shows the picture."""
    host = host_of(url) if url.lower().startswith(("http:", "https:")) else ""
    if not host or url.startswith(case.settings.base_url + "/"):
        return True
    if not case.reaches_strangers and (is_private(host) or is_reserved(host)):
        return True
    site = host_of(case.organisation.website) if case.organisation else ""
    own = {site.removeprefix("www.")} - {""}
    own |= set(sending.of_list(case.issue.newsletter).own_domains)
    return any(host == domain or host.endswith(f".{domain}") for domain in own)


def _place(case: Case, url: str) -> str:
    """The part that shows it; the newsletter's own settings where none does."""
    return next((link.place for link in case.links if link.url == url), "newsletter")


def image_only(case: Case) -> Found:
    """Hardly any words beside the pictures: nothing is left where pictures are blocked (R 7.7)."""
    pictures = any(link.is_picture for link in case.links)
    shown = [
        words
        for words in case.words
        if words.name not in ("subject", "preheader", "alt", "image_alt")
    ]
    for locale in case.locales:
        number = sum(len(words.text.split()) for words in shown if words.locale == locale)
        if pictures and number < FEWEST_WORDS:
            yield "blocks", {"number": number}


RULES: tuple[Rule, ...] = (
    Rule(
        "picture_refused",
        Level.BLOCKS,
        picture_refused,
        _l("“%(url)s” is no picture that can be fetched and shown."),
        _l("Upload the picture here, or copy its own address; Try the links looks anew."),
        our_own,
    ),
    Rule(
        "picture_undescribed",
        Level.WARNS,
        picture_undescribed,
        _l("A picture has no description."),
        _l("Say what it shows, for those who do not see it."),
    ),
    Rule(
        "picture_kind",
        Level.WARNS,
        picture_kind,
        _l("A picture is of the kind %(kind)s, which some mail programs do not show."),
        _l("Use a JPEG or PNG of it."),
    ),
    Rule(
        "picture_insecure",
        Level.WARNS,
        picture_insecure,
        _l("The picture “%(url)s” is not fetched safely."),
        _l("Use its address with https://, if there is one."),
        secured,
    ),
    Rule(
        "picture_elsewhere",
        Level.WARNS,
        picture_elsewhere,
        _l("A picture lies at %(site)s, which would see who opens the letter."),
        _l("Upload it here instead; else say why that site may know."),
        our_own,
    ),
    Rule(
        "image_only",
        Level.WARNS,
        image_only,
        _l("Beside its pictures the letter has %(number)s words."),
        _l("Say what matters in words too; many read with pictures switched off."),
    ),
)
