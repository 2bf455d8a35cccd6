"""The words of a page's article, without its menus, banners and footers. Pure, by trafilatura."""

import logging
from typing import Any

import trafilatura
from lxml import etree  # type: ignore[import-untyped]

from newsletter_service.news import clean

MOST_ELEMENTS = 20_000
MAX_DEPTH = 200
_LEAST_PARAGRAPH = 60

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it logs what pages hold


def paragraphs(root: Any) -> list[str]:
    """The article's paragraphs as plain text; none where there is no article.

    A page with absurdly many or deep elements is left alone: reading it would take minutes.
    """
    if not _is_reasonable(root):
        return []
    try:
        page = etree.tostring(root, encoding="unicode", method="html")
        text = trafilatura.extract(page, include_comments=False, include_tables=False, fast=True)
    except Exception:  # it fails in ways nobody foresaw on pages that mean harm
        return []
    lines = (clean.plain_text(line) for line in (text or "").split("\n"))
    return [line for line in lines if len(line) >= _LEAST_PARAGRAPH]


def _is_reasonable(root: Any) -> bool:
    depth = elements = 0
    for event, _node in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        elements += event == "start"
        if depth > MAX_DEPTH or elements > MOST_ELEMENTS:
            return False
    return True
