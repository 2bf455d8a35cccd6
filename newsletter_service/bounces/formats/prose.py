"""The part of a report that is written for people, cut off where the returned message begins."""

from __future__ import annotations

import re

from newsletter_service.bounces.formats import mime

MAX_LINES = 600

_CUT = re.compile(
    r"^(?:"
    r"[ \t]{0,8}-{2,}[^\n]{0,20}(?:this is a copy of|below this line is a copy"
    r"|original message|returned message|unsent message|undelivered message|forwarded message"
    r"|message (?:header|text)|header|the (?:header|body) of|copy of (?:the|your) message"
    r"|included is a copy)[^\n]{0,120}"
    r"|original (?:message (?:follows|headers?|details)|headers)\b[^\n]{0,80}"
    r"|(?:the )?(?:message|mail) (?:headers?|contents?) (?:follow|are)[^\n]{0,80}"
    r"|your (?:original )?message (?:headers )?(?:follows|reads|began)[^\n]{0,80}"
    r"|[ \t]{0,8}below is a copy of the original message:?"
    r"|received-from-mta:[^\n]*"
    r"|(?:>\s?)?(?:received|return-path|dkim-signature|x-received): [^\n]*"
    r")$",
    re.IGNORECASE | re.MULTILINE,
)
_RUNS = re.compile(r"[ \t]{60,}|-{60,}|_{60,}")
_EMPTY_LINES = re.compile(r"\n(?:[ \t]{0,59}\n){3,}")
_MESSAGE_ID = re.compile(
    r"^[> \t]{0,20}message-id:\s*(<[^<>\s]{3,250}>)", re.IGNORECASE | re.MULTILINE
)


def of(message: mime.Part) -> str:
    """The human text of a report, at most `MAX_LINES` lines."""
    return "\n".join(before_returned(whole(message)).split("\n")[:MAX_LINES])


def whole(message: mime.Part) -> str:
    """The text of a message with all that stands below its own words."""
    texts: list[str] = []
    html_texts: list[str] = []
    for part in message.walk():
        if part.is_returned:
            break
        if part.parts:
            continue
        if part.content_type == "text/html":
            html_texts.append(part.text())
        elif part.content_type.startswith(("text/", "multipart/")):
            texts.append(part.text())
    text = "\n".join(texts).strip() or "\n".join(html_texts)
    return _EMPTY_LINES.sub("\n\n\n", _RUNS.sub(_shorten, text))


def _shorten(run: re.Match[str]) -> str:
    """Long runs of one character say nothing and make patterns slow."""
    return run[0][:59]


def before_returned(text: str) -> str:
    """The text up to the copy of the returned message."""
    cut = _CUT.search(text, 1)
    return text[: cut.start()] if cut else text


def returned(message: mime.Part) -> mime.Headers:
    """The headers of the message that came back, wherever the report put them."""
    for part in message.walk():
        if part.is_returned:
            headers = mime.read_headers(part.content().lstrip(b"\n"))[0]
            if headers:
                return headers
    for part in message.walk():
        if part.parts or part.content_type not in ("text/plain", "multipart/report"):
            continue
        text = part.text()
        cut = _CUT.search(text, 1)
        if cut is None:
            continue
        rest = text[cut.start() :].lstrip("\n")
        if rest[:1] == "-" or ":" not in rest.split("\n", 1)[0].split(" ")[0]:
            rest = rest.partition("\n")[2].lstrip("\n ")
        return mime.read_headers(rest.encode("utf-8", "replace"))[0]
    return ()


def message_id(message: mime.Part, headers: mime.Headers) -> str:
    """The Message-ID of the message that came back, with its brackets, or an empty string."""
    value = next((value for name, value in headers if name == "message-id"), "")
    if value:
        return value.split()[0][:250]
    for part in message.walk():
        readable = not part.parts and part.content_type.startswith(("text/", "message/"))
        if readable and (match := _MESSAGE_ID.search(part.text())):
            return match[1]
    return ""
