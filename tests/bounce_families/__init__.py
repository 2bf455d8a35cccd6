"""Reports of every family of mail system, with what each one says, as tables to read."""

import tomllib
from pathlib import Path
from typing import Any

SAMPLES: list[dict[str, Any]] = [
    sample
    for path in sorted(Path(__file__).parent.glob("*.toml"))
    for sample in tomllib.loads(path.read_text("utf-8"))["sample"]
]


def raw(sample: dict[str, Any]) -> bytes:
    """The message itself, in the charset it declares."""
    text: str = sample["raw"].lstrip()
    return text.encode(sample.get("charset", "utf-8"))
