"""dkimpy as the judge of signatures: Debian's, in the system's own Python, with a table for DNS."""

import base64
import json
import subprocess
from collections.abc import Mapping, Sequence

_JUDGE = r"""
import base64, json, re, sys
import dkim
asked = json.load(sys.stdin)
table = {name.encode(): text.encode() for name, text in asked["records"].items()}
def look_up(name, timeout=5):
    return table.get(name.rstrip(b"."))
told = []
for text in asked["messages"]:
    message = base64.b64decode(text)
    found = []
    head = message.partition(b"\r\n\r\n")[0]
    for index in range(len(re.findall(rb"(?im)^dkim-signature:", head))):
        judge = dkim.DKIM(message)
        try:
            found.append(bool(judge.verify(idx=index, dnsfunc=look_up)))
        except Exception:
            found.append(False)
    told.append(found)
json.dump(told, sys.stdout)
"""
SYSTEM_PYTHON = "/usr/bin/python3"


def verdicts(messages: Sequence[bytes], records: Mapping[str, str]) -> list[list[bool]]:
    """For each message whether each of its signatures is valid, in their order.

    `records` are TXT records by name. Fails when Debian's python3-dkim is not installed.
    """
    asked = {
        "messages": [base64.b64encode(raw).decode() for raw in messages],
        "records": dict(records),
    }
    told = subprocess.run(
        [SYSTEM_PYTHON, "-I", "-c", _JUDGE],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, "install python3-dkim and python3-nacl: " + told.stderr
    found: list[list[bool]] = json.loads(told.stdout)
    return found
