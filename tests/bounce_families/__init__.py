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


def refusals() -> list[tuple[str, str, str]]:
    """Kind, reason and words of each line in `refusals.txt`."""
    lines = (Path(__file__).parent / "refusals.txt").read_text("utf-8").splitlines()
    told = [line for line in lines if line and not line.startswith("#")]
    return [(kind, reason, words) for kind, reason, words in (x.split(" | ", 2) for x in told)]
