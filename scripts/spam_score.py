#!/usr/bin/env python3
"""What SpamAssassin says of every shipped mail, with its local rules only and no network.

`make spam` in the project's directory; needs Debian's package spamassassin. Exit code 1 where a
mail scores 2 or more (at 5 it is called spam).
"""

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from newsletter_service.mail import letter
from newsletter_service.mail.message import FixedHeaders, Prepared, Reader
from tests.unit.mail.test_letter import BARE, EVERY, ISSUE

MOST = 2.0
_SCORE = re.compile(r"^X-Spam-Status: \w+, score=(-?[\d.]+).*?tests=([A-Z0-9_,\s]*)", re.M | re.S)
LINKS = "https://nyhetsbrev.example.org"
# As the first server of the receiver adds it; without it some rules see a mail out of nowhere.
RECEIVED = (
    "Return-Path: <b-token@bounce.example.org>\r\n"
    "Received: from mail.example.org by mx.reader.example (Postfix) with ESMTPS id 4Sxyz1;\r\n"
    "\t{date}\r\n"
)


def main() -> int:
    """Print a line for each mail; 1 if one scores too high."""
    program = shutil.which("spamassassin")
    if program is None:
        print("spamassassin is not installed: apt-get install spamassassin")
        return 2
    worst = 0.0
    for name, values in EVERY:
        size = {id(ISSUE): " (long)", id(BARE): " (short)"}.get(id(values), "")
        for locale in ("sv", "en"):
            score, rules = judged(program, mail(name, values, locale))
            worst = max(worst, score)
            print(f"{score:5.1f}  {name}{size}, {locale}: {rules}")
    print(f"worst: {worst:.1f} of 5")
    return int(worst >= MOST)


def mail(name: str, values: dict[str, object], locale: str) -> bytes:
    """A mail as a receiver's filter sees it."""
    made = letter.render(name, values, locale)
    is_issue = name == "issue"
    fixed = FixedHeaders(
        "Exempelparken",
        "nyhetsbrev@example.org",
        list_id="nytt.example.org" if is_issue else None,
        list_name="Nytt från parken" if is_issue else "",
        unsubscribe_mailto="leave@bounce.example.org" if is_issue else None,
        auto_submitted=not is_issue,
    )
    now = datetime.now(UTC)
    given = {slot: f"{LINKS}/{slot}/k5pq7" for slot in made.slots} | {
        "address": "vera@reader.example"
    }
    given.setdefault("unsubscribe_url", f"{LINKS}/unsubscribe/k5pq7")
    reader = Reader("vera@reader.example", now, "<k5pq7@bounce.example.org>", given)
    date = f"{now:%a, %d %b %Y %H:%M:%S} +0000"
    return RECEIVED.format(date=date).encode() + Prepared.of(made, fixed).message(reader)


def judged(program: str, message: bytes) -> tuple[float, str]:
    """The score and the rules that fired."""
    told = subprocess.run(  # noqa: S603 - a program found in the path, with our own mail
        [program, "--local", "--cf", "use_bayes 0"], input=message, capture_output=True, check=True
    ).stdout.decode("utf-8", "replace")
    found = _SCORE.search(told.replace("\r\n", "\n"))
    if found is None:
        raise ValueError("SpamAssassin said no score")
    return float(found.group(1)), ", ".join(
        found.group(2).replace("\n", "").replace("\t", "").split(",")
    )


if __name__ == "__main__":
    sys.exit(main())
