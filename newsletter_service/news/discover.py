"""What a site's front page tells about it: feeds, name, logo, colour and how to reach it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from newsletter_service.news import clean, html_page
from newsletter_service.news.colours import Proposal, accents
from newsletter_service.news.feeds import decoded

__all__ = ["FeedLink", "Proposal", "SiteProfile", "common_feeds", "feeds_in", "site_profile"]

COMMON_PATHS = ("/feed/", "/feed.xml", "/rss.xml", "/atom.xml", "/feed.json", "/rss", "/index.xml")
WORDPRESS_ROOTS = ("/wp-json/", "/?rest_route=/")
WORDPRESS_POSTS = "wp/v2/posts?per_page=50&_embed=1"

_KINDS = {
    "application/rss+xml": "rss",
    "application/atom+xml": "atom",
    "application/feed+json": "json",
    "application/rdf+xml": "rss",
}
_COMMENTS = re.compile(r"/comments/|kommentar|comments feed", re.I)
_ORGANISATIONS = re.compile(r"Organi[sz]ation$|Corporation$|University$|LocalBusiness$|WebSite$")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")


@dataclass(frozen=True)
class FeedLink:
    """A feed that a page names; `kind` is rss, atom, json or wordpress."""

    url: str
    kind: str
    title: str


@dataclass(frozen=True)
class SiteProfile:
    """What a page lets us propose; None and empty where it tells nothing.

    `logos` and `accents` hold every proposal with its reason, the best first; `logo_url` and
    `accent` are the first of them. `stylesheets` are addresses to fetch for a better accent.
    """

    name: str
    language: str | None
    logo_url: str | None
    accent: str | None
    feeds: list[FeedLink]
    stylesheets: list[str]
    logos: list[Proposal]
    accents: list[Proposal]
    postal_address: str | None
    email: str | None


def feeds_in(html: bytes, base_url: str) -> list[FeedLink]:
    """The feeds a page names, the site's own before those of its comments."""
    root = html_page.tree(html)
    return [] if root is None else _feeds(root, html_page.base(root, base_url))


def common_feeds(base_url: str) -> list[str]:
    """Where feeds often are, for a page that names none."""
    if not base_url:
        return []
    wordpress = f"{WORDPRESS_ROOTS[0]}{WORDPRESS_POSTS}"
    behind_query = WORDPRESS_ROOTS[1] + WORDPRESS_POSTS.replace("?", "&")
    return [urljoin(base_url, path) for path in (*COMMON_PATHS, wordpress, behind_query)]


def site_profile(html: bytes, base_url: str, css: list[bytes]) -> SiteProfile:
    """Read a front page and the style sheets that were fetched for it; never fails."""
    root = html_page.tree(html)
    if root is None:
        return SiteProfile("", None, None, None, [], [], [], [], None, None)
    base = html_page.base(root, base_url)
    organisation = _organisation(root)
    sheets = [*(decoded(sheet, None) for sheet in css), *html_page.texts(root, "style")]
    logos = _unique(_logos(root, organisation, base))
    colours = accents(html_page.meta(root, "theme-color"), sheets)
    return SiteProfile(
        name=_site_name(root, organisation),
        language=(root.get("lang") or "")[:2].lower() or None,
        logo_url=logos[0].value if logos else None,
        accent=colours[0].value if colours else None,
        feeds=_feeds(root, base),
        stylesheets=_stylesheets(root, base),
        logos=logos,
        accents=colours,
        postal_address=_postal_address(organisation),
        email=_email(root, organisation),
    )


def _links(root: Any, rel: str) -> Iterator[Any]:
    for node in root.iter("link"):
        if rel in (node.get("rel") or "").lower().split():
            yield node


def _feeds(root: Any, base: str) -> list[FeedLink]:
    found: dict[str, FeedLink] = {}
    for node in _links(root, "alternate"):
        kind = _KINDS.get((node.get("type") or "").split(";")[0].strip().lower())
        url = clean.web_url(node.get("href"), base)
        if kind and url:
            title = clean.one_line(node.get("title") or "", 200)
            found.setdefault(url, FeedLink(url, kind, title))
    for node in _links(root, "https://api.w.org/"):
        url = clean.web_url(node.get("href"), base)
        if url:
            posts = url.rstrip("/") + "/" + WORDPRESS_POSTS
            found.setdefault(posts, FeedLink(posts, "wordpress", ""))
    return sorted(found.values(), key=lambda link: bool(_COMMENTS.search(link.url + link.title)))


def _stylesheets(root: Any, base: str) -> list[str]:
    urls = (clean.web_url(node.get("href"), base) for node in _links(root, "stylesheet"))
    return list(dict.fromkeys(url for url in urls if url))[:10]


def _organisation(root: Any) -> dict[str, Any]:
    """The organisation that the page's JSON-LD describes; empty when there is none."""
    for thing in html_page.linked_data(root):
        kinds = thing.get("@type")
        names = kinds if isinstance(kinds, list) else [kinds]
        if any(isinstance(name, str) and _ORGANISATIONS.search(name) for name in names):
            return thing
    return {}


def _logos(root: Any, organisation: dict[str, Any], base: str) -> Iterator[Proposal]:
    """Reasons: organisation, header, page, touch_icon, social."""
    logo = organisation.get("logo")
    told = logo.get("url") or logo.get("contentUrl") if isinstance(logo, dict) else logo
    candidates: list[tuple[Any, str]] = [(told, "organisation")]
    pictures = [node for node in root.iter("img") if _is_logo(node)]
    heads = [node for node in pictures if _in_header(node)]
    candidates += [(_source(node), "header") for node in heads]
    candidates += [(_source(node), "page") for node in pictures if node not in heads]
    candidates += [(node.get("href"), "touch_icon") for node in _links(root, "apple-touch-icon")]
    candidates.append((html_page.meta(root, "og:image"), "social"))
    for value, reason in candidates:
        url = clean.web_url(value, base) if isinstance(value, str) else None
        if url:
            yield Proposal(url, reason)


def _is_logo(node: Any) -> bool:
    own = " ".join(node.get(name) or "" for name in ("class", "id", "alt", "src"))
    parent = node.getparent()
    around = (
        " ".join(parent.get(name) or "" for name in ("class", "id")) if parent is not None else ""
    )
    return "logo" in f"{own} {around}".lower()


def _in_header(node: Any) -> bool:
    for above in node.iterancestors():
        if above.tag == "header" or "header" in f"{above.get('id')} {above.get('class')}".lower():
            return above.tag not in ("body", "html")
    return False


def _source(node: Any) -> str:
    source = node.get("src") or ""
    lazy = node.get("data-src") or node.get("data-lazy-src") or ""
    return lazy if lazy and (not source or source.startswith("data:")) else source


def _unique(proposals: Iterator[Proposal]) -> list[Proposal]:
    first: dict[str, Proposal] = {}
    for proposal in proposals:
        first.setdefault(proposal.value, proposal)
    return list(first.values())[:6]


def _site_name(root: Any, organisation: dict[str, Any]) -> str:
    title = next(iter(html_page.texts(root, "title")), "")
    parts = [part for part in re.split(r"\s[|–—·-]\s", title) if part.strip()]
    told = organisation.get("name")
    named = told if isinstance(told, str) else html_page.meta(root, "og:site_name")
    shortest = min(parts, key=len) if parts else ""
    return clean.plain_text(named or shortest, 120)


def _postal_address(organisation: dict[str, Any]) -> str | None:
    address = organisation.get("address")
    if isinstance(address, list):
        address = address[0] if address else None
    if isinstance(address, str):
        return clean.one_line(address, 200) or None
    if not isinstance(address, dict):
        return None
    street, code, town = (
        clean.one_line(value, 100) if isinstance(value := address.get(name), str) else ""
        for name in ("streetAddress", "postalCode", "addressLocality")
    )
    return ", ".join(part for part in (street, f"{code} {town}".strip()) if part) or None


def _email(root: Any, organisation: dict[str, Any]) -> str | None:
    told = organisation.get("email")
    candidates = [told] if isinstance(told, str) else []
    for node in root.iter("a"):
        href = (node.get("href") or "").strip()
        if href.lower().startswith("mailto:"):
            candidates.append(href[7:].split("?")[0])
    for value in candidates:
        match = _EMAIL.fullmatch(value.removeprefix("mailto:").strip()[:254])
        if match:
            return match.group(0)
    return None
