"""What the check looks for in addresses: those that lead nowhere, and those that harm."""

import ipaddress
import re
from urllib.parse import urlsplit

from newsletter_service.issues.case import Case, Link
from newsletter_service.issues.rules import Found

_RESERVED = re.compile(r"(?:^|\.)(?:example\.(?:com|org|net)|test|invalid|example|localhost)$")
_STAGING = re.compile(r"^(?:staging|stage|dev|test|preview)[.-].+\.", re.I)
_SHORTENERS = frozenset({"bit.ly", "t.co", "tinyurl.com", "goo.gl", "ow.ly", "is.gd", "lnkd.in"})
_SCHEMES = frozenset({"http", "https", "mailto", "tel"})


def link_empty(case: Case) -> Found:
    """A link that leads nowhere."""
    for link in case.links:
        url = link.url.strip()
        if url == "#" or (link.required and not url):
            yield link.place, {}


def link_broken(case: Case) -> Found:
    """An address with blanks, without a host, or of a kind that mail programs refuse."""
    for link in case.links:
        if link.url.strip() not in {"", "#"} and not _is_well_formed(link):
            yield link.place, {"url": link.url}


def link_private(case: Case) -> Found:
    """An address that only this machine or this house can open."""
    for link in case.links:
        host = _host(link.url)
        if host and _is_well_formed(link) and case.reaches_strangers and _is_private(host):
            yield link.place, {"url": link.url}


def link_reserved(case: Case) -> Found:
    """An example address, or a site that is still being built."""
    for link in case.links:
        host = _host(link.url)
        unfinished = _RESERVED.search(host) or _STAGING.match(host)
        if host and case.reaches_strangers and unfinished and not _is_private(host):
            yield link.place, {"url": link.url}


def picture_insecure(case: Case) -> Found:
    """Pictures over plain http are not shown everywhere, and can be read on the way."""
    for link in case.links:
        insecure = link.is_picture and link.url.lower().startswith("http:")
        if insecure and (case.reaches_strangers or not _is_private(_host(link.url))):
            yield link.place, {"url": link.url}


def link_shortened(case: Case) -> Found:
    """Readers and filters distrust addresses that hide where they lead."""
    for link in case.links:
        if _host(link.url) in _SHORTENERS:
            yield link.place, {"url": link.url}


def _is_well_formed(link: Link) -> bool:
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


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".lan")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
