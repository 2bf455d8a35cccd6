"""How fast messages that came back are read and judged, in one process, and how well.

The messages are of our own making, of the kinds that come most; `--bounces` takes a directory of
others, and `--score` the script that knows their labels.
"""

import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from newsletter_service.bench.measure import Bench, Line, Setting
from newsletter_service.bounces import summary
from newsletter_service.bounces.parse import parse

MESSAGES = 4000
_SCORE = re.compile(r"^(\w[\w/ .]*?)\s{2,}.*?([\d.]+) %\s*$", re.MULTILINE)

_RETURNED = "From: nyhetsbrev@park.test\nSubject: Nytt labb\nMessage-ID: <x@park.test>\n\n" + (
    "Ett nytt laboratorium invigs i parken.\n" * 60
)
_REPORT = """From: MAILER-DAEMON@mx{n}.reader.test
To: b+token@bounce.park.test
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="==b"

--==b
Content-Type: text/plain; charset=utf-8

Your message could not be delivered to one of its recipients.

<reader{n}@reader.test>: host mx.reader.test said: {words}
--==b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx{n}.reader.test

Final-Recipient: rfc822; reader{n}@reader.test
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {words}
--==b
Content-Type: message/rfc822

{returned}
--==b--
"""
_PROSE = """From: Mail Delivery System <mailer-daemon@mx{n}.reader.test>
To: b+token@bounce.park.test
Subject: Mail delivery failed: returning message to sender
X-Failed-Recipients: reader{n}@reader.test

A message that you sent could not be delivered. This is a permanent error.

  reader{n}@reader.test
    {words}

------ This is a copy of the message, including all the headers. ------

{returned}
"""
_REPLY = """From: reader{n}@reader.test
To: b+token@bounce.park.test
Subject: Autosvar: Nytt labb
Auto-Submitted: auto-replied

Jag är tillbaka i augusti. {words}
"""
_KINDS = (
    (_REPORT, "failed", "5.1.1", "550 5.1.1 User unknown in virtual mailbox table"),
    (_REPORT, "failed", "5.2.2", "552 5.2.2 The mailbox is over its quota"),
    (_REPORT, "failed", "5.7.1", "554 5.7.1 Blocked by our content filter"),
    (_REPORT, "delayed", "4.4.1", "connect to mx.reader.test: Connection timed out"),
    (_PROSE, "failed", "", "550 No such person at this address"),
    (_PROSE, "failed", "", "452 requested action not taken: insufficient system storage"),
    (_REPLY, "", "", "Hälsningar"),
)


def run(setting: Setting) -> Iterator[Line]:
    """Read and judge everything, round by round; then the score, where there is one."""
    messages = _messages(setting)
    rates = [_rate(messages) for _ in range(setting.rounds)]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = sum(map(len, messages)) / len(messages) / 1000
    detail: dict[str, float | str] = {"kB each": round(size, 1), "peak MB": round(peak_mb)}
    yield Line("bounces", "read and judged", "msg/s", tuple(rates), detail=detail)
    if setting.score is not None and setting.bounces is not None:
        yield from _scored(setting.score, setting.bounces)


def _messages(setting: Setting) -> list[bytes]:
    if setting.bounces is not None:
        found = sorted(path for path in setting.bounces.rglob("*") if path.is_file())
        return [path.read_bytes() for path in found]
    number = MESSAGES // (20 if setting.quick else 1)
    return [_message(n) for n in range(number)]


def _message(n: int) -> bytes:
    form, action, status, words = _KINDS[n % len(_KINDS)]
    values = {"n": n, "action": action, "status": status, "words": words, "returned": _RETURNED}
    return form.format(**values).replace("\n", "\r\n").encode()


def _rate(messages: list[bytes]) -> float:
    began = time.perf_counter()
    for raw in messages:
        summary.summarise(parse(raw))
    return len(messages) / (time.perf_counter() - began)


def _scored(script: Path, messages: Path) -> Iterator[Line]:
    command = f"{sys.executable} -m newsletter_service bounces classify --json"
    told = subprocess.run(  # noqa: S603 - the script that was named on the command line
        [sys.executable, str(script), str(messages), "--command", command],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name, percent in _SCORE.findall(told):
        yield Line("bounces", f"score: {name}", "%", (float(percent),))


BENCH = Bench("bounces", "messages that came back, read and judged in one process", run)
