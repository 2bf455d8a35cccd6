"""What the check looks for in addresses: those that lead nowhere, and those that harm."""

import ipaddress
import re
from urllib.parse import quote, urlsplit

import idna
from flask_babel import lazy_gettext as _l

from newsletter_service.issues.checks import corrections
from newsletter_service.issues.checks.case import Case, Link
from newsletter_service.issues.checks.rule import Correction, Found, Level, Rule, Values

MANY_DOMAINS = 15

_RESERVED = re.compile(r"(?:^|\.)(?:example\.(?:com|org|net)|test|invalid|example|localhost)$")
_STAGING = re.compile(r"^(?:staging|stage|dev|test|preview)[.-].+\.", re.I)
_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_LIKE_A_HOST = re.compile(r"(?:www\.)?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?:[/?#].*)?", re.I)
_SHORTENERS = frozenset(
    {
        *("bit.ly", "t.co", "tinyurl.com", "goo.gl", "ow.ly", "is.gd", "lnkd.in", "buff.ly"),
        *("cutt.ly", "rebrand.ly", "t.ly", "shorturl.at", "rb.gy", "tiny.cc", "bl.ink", "dub.sh"),
    }
)


def link_empty(case: Case) -> Found:
    """A link that leads nowhere."""
    for link in case.links:
        url = link.url.strip()
        if url == "#" or (link.required and not url):
            yield link.place, {}


def link_broken(case: Case) -> Found:
    """An address with blanks, without a host, or of a kind that mail programs refuse."""
    for link in case.links:
        if link.url.strip() not in {"", "#"} and not is_well_formed(link):
            yield link.place, {"url": link.url}


def link_private(case: Case) -> Found:
    """An address that only this machine or this house can open."""
    for link in case.links:
        host = host_of(link.url)
        if host and is_well_formed(link) and case.reaches_strangers and is_private(host):
            yield link.place, {"url": link.url}


def link_reserved(case: Case) -> Found:
    """An example address, or a site that is still being built."""
    for link in case.links:
        host = host_of(link.url)
        unfinished = _RESERVED.search(host) or _STAGING.match(host)
        if host and case.reaches_strangers and unfinished and not is_private(host):
            yield link.place, {"url": link.url}


def link_shortened(case: Case) -> Found:
    """Readers and filters distrust addresses that hide where they lead."""
    for link in case.links:
        if host_of(link.url) in _SHORTENERS:
            yield link.place, {"url": link.url}


def many_domains(case: Case) -> Found:
    """Links to very many different sites are what filters know from advertising."""
    hosts = {host_of(link.url).removeprefix("www.") for link in case.links if not link.is_picture}
    if len(hosts - {""}) > MANY_DOMAINS:
        yield "blocks", {"number": len(hosts - {""}), "most": MANY_DOMAINS}


def repaired(case: Case, place: str, values: Values) -> Correction | None:
    """The address as it was probably meant: blanks, a missing https:// and letters such as å."""
    url = " ".join(str(values["url"]).split())
    if "://" not in url and _LIKE_A_HOST.fullmatch(url.replace(" ", "")):
        url = f"https://{url}"
    try:
        parts = urlsplit(url.replace(" ", "%20"))
        host = idna.encode(parts.hostname or "", uts46=True).decode("ascii")
        port = f":{parts.port}" if parts.port else ""
    except (ValueError, idna.IDNAError):
        return None
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    mended = parts._replace(netloc=host + port, path=path).geturl()
    if not is_well_formed(Link(mended, place)) or mended == values["url"]:
        return None
    return corrections.new_address(case, place, values["url"], mended)


def is_well_formed(link: Link) -> bool:
    """Whether a reader's program can open the address at all."""
    if re.search(r"\s", link.url):
        return False
    try:
        parts = urlsplit(link.url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if link.is_picture or parts.scheme.lower() in {"http", "https"}:
        return parts.scheme.lower() in {"http", "https"} and host.isascii() and bool(host)
    return parts.scheme.lower() in _SCHEMES and bool(parts.path)


def host_of(url: str) -> str:
    """The host in an address; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def is_private(host: str) -> bool:
    """Whether only this machine or this house can reach it."""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".lan")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


RULES: tuple[Rule, ...] = (
    Rule(
        "link_empty",
        Level.BLOCKS,
        link_empty,
        _l("A link leads nowhere."),
        _l("Paste the address of the page it should open."),
    ),
    Rule(
        "link_broken",
        Level.BLOCKS,
        link_broken,
        _l("The address “%(url)s” cannot be opened."),
        _l("Copy it once more from the browser; it begins with https:// and has no blanks."),
        repaired,
    ),
    Rule(
        "link_private",
        Level.BLOCKS,
        link_private,
        _l("The address “%(url)s” can only be opened from your own network."),
        _l("Use the address that visitors see."),
    ),
    Rule(
        "link_reserved",
        Level.BLOCKS,
        link_reserved,
        _l("The address “%(url)s” is an example or a test site."),
        _l("Use the address that visitors see."),
    ),
    Rule(
        "link_shortened",
        Level.WARNS,
        link_shortened,
        _l("The address “%(url)s” hides where it leads."),
        _l("Use the page's own address; filters distrust shortened ones."),
    ),
    Rule(
        "many_domains",
        Level.WARNS,
        many_domains,
        _l("The links lead to %(number)s different sites; filters grow wary above %(most)s."),
        _l("Let some of them lead to your own pages."),
    ),
)
