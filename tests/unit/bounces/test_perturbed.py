"""What happens to a report on its way changes nothing of what it says."""

import base64
import html
import quopri
import re
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from newsletter_service.bounces.parse import parse
from newsletter_service.bounces.summary import Summary, summarise
from tests.bounce_families import SAMPLES, raw

Change = Callable[[bytes], bytes]
_TRANSFER = re.compile(rb"^Content-Transfer-Encoding:.*\n", re.M | re.I)
_TYPE = re.compile(rb"^Content-Type:.*\n", re.M | re.I)


def _halves(message: bytes) -> tuple[bytes, bytes]:
    head, _, body = message.partition(b"\n\n")
    return head + b"\n", body


def _is_single(message: bytes) -> bool:
    head, _ = _halves(message)
    coded = (b"multipart/", b"transfer-encoding", b"iso-2022-jp")
    return not any(word in head.lower() for word in coded)


def _encoded(encode: Callable[[bytes], bytes], name: bytes) -> Change:
    """The body of a message of one part, in a transfer encoding."""

    def change(message: bytes) -> bytes:
        if not _is_single(message):
            return message
        head, body = _halves(message)
        return head + b"Content-Transfer-Encoding: " + name + b"\n\n" + encode(body)

    return change


def _charset(name: str) -> Change:
    def change(message: bytes) -> bytes:
        head, body = _halves(message)
        try:
            text = body.decode("ascii").encode(name)
        except UnicodeError:
            return message
        if not _is_single(message):
            return message
        kind = b"Content-Type: text/plain; charset=%b\n" % name.encode()
        coded = b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(text)
        return _TYPE.sub(b"", head) + kind + coded

    return change


def _as_html(message: bytes) -> bytes:
    head, body = _halves(message)
    try:
        text = body.decode("ascii")
    except UnicodeError:
        return message
    if not _is_single(message) or b"text/html" in head:
        return message
    marked = "<br>\n".join(html.escape(line).replace("  ", "&nbsp; ") for line in text.split("\n"))
    page = f"<html><head><style>p {{x:y}}</style></head><body>{marked}</body></html>"
    return _TYPE.sub(b"", head) + b"Content-Type: text/html; charset=utf-8\n\n" + page.encode()


def _with_headers(message: bytes) -> bytes:
    received = b"".join(
        b"Received: from hop%d.example.net by hop%d.example.net; Thu, 5 Mar 2026\n" % (n, n + 1)
        for n in range(40)
    )
    return received + b"X-R\xe5: \xe5\xe4\xf6 \xff\nX-Spam-Status: No, score=0\n" + message


def _scanned(message: bytes) -> bytes:
    if not _is_single(message) or b"charset=iso-2022" in message or b"text/html" in message:
        return message
    return message + b"\n\n-- \nThis mail was scanned by the office's machine.\n"


def _closing_lost(message: bytes) -> bytes:
    return re.sub(rb"\n--[^\n]*--\s*$", b"\n", message)


def _wrapped(message: bytes) -> bytes:
    """Long lines broken, as some gateways do with text."""
    head, body = _halves(message)
    if not _is_single(message) or b"sns.amazonaws" in head or b"charset" in head:
        return message
    lines = body.decode().split("\n")
    broken = ["\n  ".join(textwrap.wrap(line, 66)) if len(line) > 66 else line for line in lines]
    return head + b"\n" + "\n".join(broken).encode()


def _quoted_on(message: bytes) -> bytes:
    """The report in a mail by a person who sends it on."""
    if not _is_single(message) or b"charset" in message or b"aemon" not in message:
        return message
    quoted = re.sub(rb"^", b"> ", message, flags=re.M)
    return b"From: Bo Ek <bo@example.net>\nTo: x@list.example.test\nSubject: Fwd: this\n\n" + quoted


CHANGES: dict[str, Change] = {
    "CRLF": lambda message: message.replace(b"\n", b"\r\n"),
    "CR alone": lambda message: message.replace(b"\n", b"\r"),
    "CR twice": lambda message: message.replace(b"\n", b"\r\r\n"),
    "base64": _encoded(base64.encodebytes, b"base64"),
    "BASE64 in capitals": _encoded(base64.encodebytes, b"BASE64"),
    "quoted-printable": _encoded(quopri.encodestring, b"quoted-printable"),
    "UTF-16": _charset("utf-16"),
    "a charset with a byte order mark": _charset("utf-8-sig"),
    "an unknown charset": lambda message: message.replace(b"charset=utf-8", b"charset=x-unknown"),
    "as HTML": _as_html,
    "many and odd headers": _with_headers,
    "a footer": _scanned,
    "an mbox line": lambda message: b"From MAILER-DAEMON Thu Mar  5 09:00:00 2026\n" + message,
    "empty lines before": lambda message: b"\n\r\n\n" + message,
    "no closing boundary": _closing_lost,
    "spaces at the ends": lambda message: re.sub(rb"(?<!:)\n(?=[^\n])", b" \n", message),
    "lines broken": _wrapped,
    "headers in capitals": lambda message: re.sub(
        rb"^(Subject|From|To|Content-Type):", lambda m: m[0].upper(), message, flags=re.M
    ),
    "sent on": _quoted_on,
}


def _said(message: bytes) -> Summary:
    return summarise(parse(message))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_report_says_the_same(change: Change) -> None:
    wrong = []
    for sample in SAMPLES:
        plain, changed = raw(sample), change(raw(sample))
        before, after = _said(plain), _said(changed)
        same = (after.kind, after.final, after.recipients, after.reason) == (
            before.kind,
            before.final,
            before.recipients,
            before.reason,
        )
        if not same:
            wrong.append(_difference(sample, after))
    assert wrong == []


def _difference(sample: dict[str, Any], after: Summary) -> str:
    return f"{sample['name']}: {after.kind} {after.recipients} {after.reason} {after.final}"
