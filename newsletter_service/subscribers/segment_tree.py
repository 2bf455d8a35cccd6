"""The definition of a segment: a small tree of conditions, as JSON. Pure.

`{"all": […]}` or `{"any": […]}`, whose parts are such groups again or leaves:
`{"about": "field", "field": 3, "op": "is", "value": "lab"}`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Leaf = Mapping[str, Any]


def leaves(definition: Mapping[str, Any]) -> Iterator[Leaf]:
    """Every condition of a tree, whatever groups it stands in."""
    for name in ("all", "any"):
        if name in definition:
            for part in definition[name]:
                yield from leaves(part)
            return
    yield definition
