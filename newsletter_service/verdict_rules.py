"""Why mail was refused, and what each reason means: the rules for bounces and relay replies.

The words stand in `verdict_words.toml`, the codes and meanings below. `judge` reads the words
before the codes: a 5.1.1 over "blocked by our spam filter" is no unknown user. The reasons are
Sisimai's vocabulary, the meanings those of the classification table (requirements 4b). Pure.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Literal, cast

EVIDENCE_LENGTH = 500
SERVERS_WORDS = 0.9  # the confidence in what the server itself said in words


class Meaning(StrEnum):
    """What a failure says, and about whom."""

    HARD = "hard"  # the address does not exist: suppress at once
    HARD_TWICE = "hard-twice"  # disabled or denied: believed when it comes again
    FULL = "full"
    TRANSIENT = "transient"
    MESSAGE = "message"  # this size or content
    CAPABILITY = "capability"  # the address needs SMTPUTF8 and its server has none
    SENDER = "sender"  # our reputation, authentication or rate
    CONFIG = "config"  # our set-up: envelope sender, log-in, protocol
    UNKNOWN = "unknown"  # a permanent refusal that says nothing known


@dataclass(frozen=True, slots=True)
class Judgement:
    """A reason with its meaning, the words or code it rests on, and how sure that is (0 to 1)."""

    reason: str
    meaning: Meaning
    status: str
    evidence: str
    confidence: float
    by: Literal["text", "code", "nothing"]


MEANING_OF_REASON: dict[str, Meaning] = {
    "userunknown": Meaning.HARD,
    "hostunknown": Meaning.HARD,
    "hasmoved": Meaning.HARD,
    "notaccept": Meaning.HARD,
    "suspend": Meaning.HARD_TWICE,
    "mailboxfull": Meaning.FULL,
    "expired": Meaning.TRANSIENT,
    "networkerror": Meaning.TRANSIENT,
    "systemerror": Meaning.TRANSIENT,
    "systemfull": Meaning.TRANSIENT,
    "mailererror": Meaning.TRANSIENT,
    "onhold": Meaning.TRANSIENT,
    "contenterror": Meaning.MESSAGE,
    "mesgtoobig": Meaning.MESSAGE,
    "exceedlimit": Meaning.MESSAGE,
    "virusdetected": Meaning.MESSAGE,
    "notcompliantrfc": Meaning.MESSAGE,
    "authfailure": Meaning.SENDER,
    "badreputation": Meaning.SENDER,
    "blocked": Meaning.SENDER,
    "failedstarttls": Meaning.SENDER,
    "policyviolation": Meaning.SENDER,
    "rejected": Meaning.SENDER,
    "requireptr": Meaning.SENDER,
    "securityerror": Meaning.SENDER,
    "spamdetected": Meaning.SENDER,
    "speeding": Meaning.SENDER,
    "toomanyconn": Meaning.SENDER,
    "filtered": Meaning.UNKNOWN,
    "norelaying": Meaning.SENDER,
    "syntaxerror": Meaning.CONFIG,
    "undefined": Meaning.UNKNOWN,
}

# Enhanced status codes, the most exact first; the class digit is left out.
REASON_OF_STATUS: tuple[tuple[str, str], ...] = (
    (r"1\.[13]", "userunknown"),
    (r"1\.2", "hostunknown"),
    (r"1\.4", "userunknown"),
    (r"1\.6", "hasmoved"),
    (r"1\.10", "notaccept"),
    (r"1\.[78]", "rejected"),
    (r"2\.1", "suspend"),
    (r"2\.2", "mailboxfull"),
    (r"2\.3", "exceedlimit"),
    (r"3\.1", "systemfull"),
    (r"3\.4", "mesgtoobig"),
    (r"3\.\d+", "systemerror"),
    (r"4\.4", "hostunknown"),
    (r"4\.7", "expired"),
    (r"4\.[126]", "networkerror"),
    (r"4\.[35]", "systemerror"),
    (r"5\.\d+", "syntaxerror"),
    (r"6\.\d+", "contenterror"),
    (r"7\.13", "suspend"),
    (r"7\.1[78]", "hasmoved"),
    (r"7\.25", "requireptr"),
    (r"7\.(?:2[0-46-9]|3[0-2]|515)", "authfailure"),
    (r"7\.\d+", "policyviolation"),
)

# Where reason and code together say more than the reason alone.
REFINED: tuple[tuple[str, str, Meaning], ...] = (
    ("suspend", r"5\.7\.13", Meaning.HARD),
    ("userunknown", r"5\.4\.1", Meaning.HARD_TWICE),
    ("rejected", r"[45]\.1\.[78]", Meaning.CONFIG),
    ("contenterror", r"5\.6\.7", Meaning.CAPABILITY),
)

# Bare reply codes, for servers without enhanced codes.
REASON_OF_REPLY: dict[str, str] = {
    "551": "hasmoved",
    "553": "userunknown",
    "552": "mailboxfull",
    "503": "syntaxerror",
    "530": "syntaxerror",
    "534": "syntaxerror",
    "535": "syntaxerror",
    "421": "onhold",
    "450": "onhold",
    "451": "systemerror",
    "452": "systemfull",
}

_SPACE = re.compile(r"\s+")
_ADDRESS = re.compile(r"<?[^\s<>@]{1,64}@[^\s<>@,;:\])]{1,255}>?")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b(?!\.\d)")
_REPLY = re.compile(r"(?:^|[\s:;\"'(>])([45]\d\d)(?=[\s#-])(?!-?\d)")
_TABLE = files("newsletter_service").joinpath("verdict_words.toml").read_text("utf-8")
_RULES = tuple((entry["name"], entry["words"]) for entry in tomllib.loads(_TABLE)["reason"])
_WORDS = tuple((name, re.compile("|".join(words))) for name, words in _RULES)
_STATUSES = tuple((re.compile(pattern), reason) for pattern, reason in REASON_OF_STATUS)
# IronPort, and SES before it, put this before whatever the other server said.
_WRAPPER = re.compile(r"^\d\.\d\.\d - [a-z ]{1,40}error (?=\d{3}-)", re.IGNORECASE)
_VAGUE = re.compile(r"[245]\.[05]\.0$|[245]\.0\.\d+$")


# Rules that an installation has switched on for itself: words in lower case, and their reason.
OwnRules = tuple[tuple[str, str], ...]


def judge(  # noqa: PLR0913 - what is optional is named
    status: str,
    text: str,
    reply_code: str = "",
    explanation: str = "",
    *,
    gave_up: bool = False,
    own: OwnRules = (),
) -> Judgement:
    """The reason and meaning of a failure.

    `status` is an enhanced code or empty, `text` the server's words, `reply_code` three digits or
    empty; `explanation` is the report's own prose, asked only when the others say nothing.
    `gave_up` says that nobody tries any more, whatever the code says of later. `own` rules are
    asked before those of the table.
    """
    text = _squeeze(text)
    status = _exact_status(status, text)
    reply_code = reply_code or _reply_in(text)
    found = _by_words(text, own)
    confidence, by = SERVERS_WORDS, "text"
    if found is None:
        found, confidence, by = _by_status(status), 0.7, "code"
    if found is None:
        found, confidence, by = _by_words(_squeeze(explanation), own), 0.6, "text"
    if found is None and reply_code in REASON_OF_REPLY and not status:
        found, confidence, by = (REASON_OF_REPLY[reply_code], reply_code), 0.5, "code"
    if found is None:
        temporary = (status or reply_code).startswith("4")
        reason = "onhold" if temporary else "undefined"
        found, confidence, by = (
            (reason, text[:EVIDENCE_LENGTH] or status or reply_code),
            0.2,
            "nothing",
        )
    reason, evidence = found
    return Judgement(
        reason,
        _meaning(reason, status, reply_code, said_for_good=gave_up and confidence == SERVERS_WORDS),
        status,
        evidence[:EVIDENCE_LENGTH],
        confidence,
        cast("Literal['text', 'code', 'nothing']", by),
    )


def _meaning(reason: str, status: str, reply_code: str, *, said_for_good: bool) -> Meaning:
    """What the reason means, given its code: what is said to be temporary never is hard.

    Except where the last word of a server that was asked for days is that nobody has the
    address: that is believed when it comes again.
    """
    for refined, pattern, meaning in REFINED:
        if reason == refined and re.fullmatch(pattern, status):
            return meaning
    if reply_code in ("503", "530", "534", "535"):
        return Meaning.CONFIG
    meaning = MEANING_OF_REASON[reason]
    temporary = (status or reply_code).startswith("4")
    if temporary and meaning is Meaning.HARD and said_for_good and reason == "userunknown":
        return Meaning.HARD_TWICE
    if temporary and meaning in (Meaning.HARD, Meaning.HARD_TWICE, Meaning.UNKNOWN):
        return Meaning.TRANSIENT
    return meaning


def _squeeze(text: str) -> str:
    """Single spaces, and no addresses: `unknown@` must not read as a reason, nor be kept."""
    return _WRAPPER.sub("", _ADDRESS.sub("<…>", _SPACE.sub(" ", text[:4000])).strip())


def _exact_status(status: str, text: str) -> str:
    """The code given, or a more exact one of the same class out of the text."""
    if status and not _VAGUE.match(status):
        return status
    for match in _STATUS.finditer(text):
        if not _VAGUE.match(match[0]) and (not status or match[1] == status[0]):
            return match[0]
    return status


def _reply_in(text: str) -> str:
    match = _REPLY.search(text)
    return match[1] if match else ""


def rule_behind(judgement: Judgement, own: OwnRules = ()) -> str:
    """The rule that fired, for people: the words of the table, the code, or nothing."""
    if judgement.by == "nothing":
        return ""
    if judgement.by == "code":
        return judgement.status or judgement.evidence
    lowered = judgement.evidence.lower()
    mine = [phrase for phrase, reason in own if reason == judgement.reason and phrase in lowered]
    known = [
        pattern
        for name, words in _RULES
        if name == judgement.reason
        for pattern in words
        if re.search(pattern, lowered)
    ]
    return str([*mine, *known, ""][0])


def _by_words(text: str, own: OwnRules = ()) -> tuple[str, str] | None:
    lowered = text.lower()
    for phrase, reason in own:
        if (start := lowered.find(phrase)) >= 0:
            return reason, text[max(0, start - 150) : start + len(phrase) + 150].strip()
    for reason, pattern in _WORDS:
        if match := pattern.search(lowered):
            start = max(0, lowered.rfind(". ", 0, match.start()) + 1, match.start() - 150)
            return reason, text[start : match.end() + 150].strip()
    return None


def _by_status(status: str) -> tuple[str, str] | None:
    if not status or _VAGUE.match(status):
        return None
    detail = status[2:]
    for pattern, reason in _STATUSES:
        if pattern.fullmatch(detail):
            return reason, status
    return None
