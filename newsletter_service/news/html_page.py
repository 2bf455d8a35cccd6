"""What every reader of web pages needs: a tree of a page, its metadata, its linked data. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from newsletter_service.news import clean
from newsletter_service.news.feeds import decoded

MAX_HTML = 2_000_000
_MOST_THINGS = 200


def tree(html: bytes) -> Any:
    """The page as elements, or None if there are none."""
    text = decoded(html[:MAX_HTML], None).replace("\0", "")
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    try:
        return etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError):
        return None


def base(root: Any, base_url: str) -> str:
    """What the page's relative addresses are relative to."""
    for node in root.iter("base"):
        return clean.web_url(node.get("href"), base_url) or base_url
    return base_url


def meta(root: Any, name: str) -> str | None:
    """The content of a meta element, by name or property."""
    for node in root.iter("meta"):
        if (node.get("name") or node.get("property") or "").lower() == name:
            return (node.get("content") or "").strip() or None
    return None


def texts(root: Any, tag: str) -> list[str]:
    """The text of every such element that has any."""
    return [node.text for node in root.iter(tag) if node.text]


def linked_data(root: Any) -> Iterator[dict[str, Any]]:
    """The things that the page's JSON-LD describes; broken scripts are left out."""
    for node in root.iter("script"):
        if (node.get("type") or "").lower() != "application/ld+json" or not node.text:
            continue
        try:
            data = json.loads(node.text)
        except (ValueError, RecursionError):
            continue
        yield from _things(data)


def _things(data: Any) -> list[dict[str, Any]]:
    graph = data.get("@graph") if isinstance(data, dict) else None
    many = graph if isinstance(graph, list) else data if isinstance(data, list) else [data]
    things = [thing for thing in many[:_MOST_THINGS] if isinstance(thing, dict)]
    return sorted(things, key=lambda thing: thing.get("@type") == "WebSite")
