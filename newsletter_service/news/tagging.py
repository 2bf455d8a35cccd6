"""Tags as editors write them and as they are stored."""

import json

from newsletter_service.news import clean

MOST = 12
LONGEST = 60


def read(written: str) -> list[str]:
    """The tags in a line with commas, each once.

    >>> read(" Forskning, #Event,forskning ,")
    ['Forskning', 'Event']
    """
    found: dict[str, str] = {}
    for part in written.replace(";", ",").replace("\n", ",").split(","):
        tag = clean.plain_text(part, LONGEST).strip(" #")
        if tag:
            found.setdefault(tag.casefold(), tag)
    return list(found.values())[:MOST]


def as_stored(tag: str) -> str:
    """A tag as it stands within a stored list, for a search in the database."""
    return json.dumps(tag)
