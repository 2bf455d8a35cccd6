"""What the check looks for in the copies of some real readers: filled in, headed, signed, small."""

import re
from email import message_from_bytes
from email.message import Message

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.rule import Found, Level, Rule
from newsletter_service.models import DoctorReport

_MARK = re.compile(rb"xslot\d+[a-z]*x")
_URL = re.compile(r"<(https?)://[^>\s]+>")
_ONE_CLICK = "List-Unsubscribe=One-Click"


def merge_failing(case: Case) -> Found:
    """A value that a real reader's copy lacks, or that would break it."""
    for copy in case.copies:
        left = _MARK.search(copy.message)
        if copy.trouble or left:
            yield "letter", {"error": copy.trouble or (left and left.group().decode())}
            return


def headers_failing(case: Case) -> Found:
    """Both headers of one-click unsubscribing, once each, with an https address (RFC 8058)."""
    for copy in [one for one in case.copies if one.message][:1]:
        head = message_from_bytes(copy.message.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        if fault := _unsubscribing(head, secure=case.reaches_strangers):
            yield "letter", {"header": fault}


def dkim_failing(case: Case) -> Found:
    """Our signature on the copy holds, and covers both headers of one-click unsubscribing."""
    if case.copies and case.press.signature:
        yield "delivery", {"fault": case.press.signature}


def message_large(case: Case) -> Found:
    """A mail server says how large a mail may be when it greets (RFC 1870; R 2.34)."""
    largest = max((len(copy.message) for copy in case.copies), default=0)
    limits = [int(check["values"]["limit"]) for check in _sizes_told(case)]
    if limits and largest > min(limits):
        yield "letter", {"size": largest // 1000, "most": min(limits) // 1000}


def _unsubscribing(head: Message, *, secure: bool) -> str:
    """The header that is at fault, or nothing."""
    leave, post = head.get_all("List-Unsubscribe", []), head.get_all("List-Unsubscribe-Post", [])
    found = _URL.search(leave[0]) if len(leave) == 1 else None
    if found is None or (secure and found.group(1) != "https"):
        return "List-Unsubscribe"
    return "" if post == [_ONE_CLICK] else "List-Unsubscribe-Post"


def _sizes_told(case: Case) -> list[dict[str, dict[str, str]]]:
    """What the mail servers said when `doctor` last asked them."""
    newest = select(DoctorReport).order_by(DoctorReport.id.desc()).limit(1)
    report = case.session.scalars(newest).one_or_none()
    checks = report.checks if report else []
    return [one for one in checks if one["name"] == "size" and one.get("values", {}).get("limit")]


RULES: tuple[Rule, ...] = (
    Rule(
        "merge_failing",
        Level.BLOCKS,
        merge_failing,
        _l("The letter could not be filled in for one of the readers it was tried on (%(error)s)."),
        _l("Show this to whoever runs the service."),
    ),
    Rule(
        "headers_failing",
        Level.BLOCKS,
        headers_failing,
        _l(
            "The header %(header)s is not as Gmail and others demand it for leaving with one click."
        ),
        _l("The service's address must begin with https://; show this to whoever runs it."),
    ),
    Rule(
        "dkim_failing",
        Level.BLOCKS,
        dkim_failing,
        _l("The signature on the letter does not hold (%(fault)s)."),
        _l("Let an operator look at the DKIM keys under Settings, Delivery."),
    ),
    Rule(
        "message_large",
        Level.BLOCKS,
        message_large,
        _l("The mail is %(size)s kB; the mail server takes at most %(most)s."),
        _l("Take some parts out, or let an operator raise the mail server's limit."),
    ),
)
