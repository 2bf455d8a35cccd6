"""The web addresses in a letter, and a letter with other ones in their place. Pure.

Both parts are changed alike, so that HTML and text lead to the same pages.
"""

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from newsletter_service.mail.message import Letter

Change = Callable[[str], str]

_HREF = re.compile(r'(<a\b[^>]*?\shref=")(https?://[^"]+)(")', re.IGNORECASE)
# Outlook draws buttons by VML, whose element has an href of its own.
_VML = re.compile(r'(<v:[a-z]+\b[^>]*?\shref=")(https?://[^"]+)(")', re.IGNORECASE)
_SHOWN = re.compile(r'href="(https?://[^"]+)"[^>]*>\s*(?:https?://|www\.)', re.IGNORECASE)
_IN_TEXT = re.compile(r"https?://[^\s<>\"”]+")
_AFTER_AN_ADDRESS = ".,;:!?)]}”»'"


def listed(letter: Letter) -> list[str]:
    """Every web address that the letter's HTML leads to, each once, in reading order."""
    found = (html.unescape(match[2]) for match in _HREF.finditer(letter.html))
    return list(dict.fromkeys(found))


def shown(letter: Letter) -> set[str]:
    """Addresses that a link shows as its words: leading elsewhere would look like phishing."""
    return {html.unescape(match[1]) for match in _SHOWN.finditer(letter.html)}


def changed(letter: Letter, change: Change) -> Letter:
    """The letter with every address replaced by what `change` makes of it."""

    def in_html(match: re.Match[str]) -> str:
        return match[1] + html.escape(change(html.unescape(match[2]))) + match[3]

    def in_text(match: re.Match[str]) -> str:
        address = match[0].rstrip(_AFTER_AN_ADDRESS)
        return change(address) + match[0][len(address) :]

    return replace(
        letter,
        html=_VML.sub(in_html, _HREF.sub(in_html, letter.html)),
        text=_IN_TEXT.sub(in_text, letter.text),
    )


def tagged(address: str, domains: Iterable[str], campaign: dict[str, str]) -> str:
    """The address with the campaign's parameters, if it is on one of the domains.

    What is there already is kept, also tags of the writer's own; a fragment stays last.
    """
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    if not any(host == domain or host.endswith("." + domain) for domain in domains):
        return address
    there = {name.lower() for name, _value in parse_qsl(parts.query, keep_blank_values=True)}
    added = urlencode(
        {name: value for name, value in campaign.items() if name not in there}, quote_via=quote
    )
    query = "&".join(part for part in (parts.query, added) if part)
    return urlunsplit(parts._replace(query=query))
