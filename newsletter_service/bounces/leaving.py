"""Leaving by mail: the address in List-Unsubscribe, and an answer that says no more than that.

Whose subscription it is says a token of ours, in the address the mail came to or in the
Message-ID that it answers; never the sender's address, which anybody can write. Reads bytes only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from newsletter_service import tokens
from newsletter_service.bounces.formats import autoreply, mime, prose
from newsletter_service.mail import return_path
from newsletter_service.settings import Settings
from newsletter_service.tokens import BadToken, DeliveryRef, LinkKeys, UnsubscribeTarget

MAILTO, REPLY = "mailto", "reply"
REPLIES_TO = "replies"

_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")
_ANSWERS = ("in-reply-to", "references")
_ADDRESS = re.compile(r"[A-Za-z0-9+]{20,64}@[A-Za-z0-9.-]{1,255}")
_ID = re.compile(r"<([a-z2-7]{30,64})@", re.IGNORECASE)
_PREFIXES = re.compile(r"^(?:\s*(?:re|sv|vs|aw|fwd?)\s*:)+", re.IGNORECASE)
_WISHES = frozenset(
    {
        *("avprenumerera", "avprenumerera mig", "avregistrera", "avregistrera mig"),
        *(
            "avsluta",
            "avsluta prenumeration",
            "avsluta prenumerationen",
            "avsluta min prenumeration",
        ),
        *("säg upp", "säg upp prenumerationen", "ta bort mig", "stopp", "sluta"),
        *("unsubscribe", "unsubscribe me", "please unsubscribe", "please unsubscribe me"),
        *("remove me", "please remove me", "stop", "opt out", "cancel subscription"),
    }
)


@dataclass(frozen=True)
class Wish:
    """Somebody wants to leave: which copy or link of ours says who, and by which channel."""

    target: UnsubscribeTarget | DeliveryRef
    channel: str


def is_leaving_address(address: str, settings: Settings) -> bool:
    """Whether this is an address of a List-Unsubscribe that we wrote; asks no database."""
    return _of_address(address, settings) is not None


def takes_replies(address: str, settings: Settings) -> bool:
    """Whether answers to letters may be sent on to this address."""
    local, _, domain = address.strip("<> ").rpartition("@")
    return local.lower() == REPLIES_TO and domain.lower() == settings.bounce_domain.lower()


def wish(raw: bytes, envelope_to: str, settings: Settings) -> Wish | None:
    """What a message asks for; None where it asks for nothing, or no token of ours says for whom.

    An automatic answer asks for nothing. Whether it is a bounce the caller has to know.
    """
    message = mime.read(raw)
    if autoreply.is_auto_reply(message):
        return None
    for address in (envelope_to, *_addresses(message)):
        target = _of_address(address, settings)
        if target is not None:
            return Wish(target, MAILTO)
    return _of_answer(message, settings) if _says_so(message) else None


def _addresses(message: mime.Part) -> Iterator[str]:
    for name in _TO:
        for value in message.get_all(name)[:5]:
            yield from _ADDRESS.findall(value[:2000])


def _of_address(address: str, settings: Settings) -> UnsubscribeTarget | None:
    token = return_path.leaving_token_of(address.strip())
    domain = address.strip("<> ").rpartition("@")[2]
    if token is None or domain.lower() != settings.bounce_domain.lower():
        return None
    try:
        return tokens.read_unsubscribe(LinkKeys(settings.link_keys), token)
    except BadToken:
        return None


def _says_so(message: mime.Part) -> bool:
    """Whether the subject, or the first line of the answer, says to unsubscribe and no more."""
    subject = _PREFIXES.sub("", message.get_text("subject")[:200])
    return _plain(subject) in _WISHES or _plain(_first_line(message)) in _WISHES


def _first_line(message: mime.Part) -> str:
    lines = (line.strip() for line in prose.of(message).split("\n")[:40])
    first = next((line for line in lines if line), "")[:200]
    return "" if first.startswith(">") else first


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", " ", text.casefold()).split())


def _of_answer(message: mime.Part, settings: Settings) -> Wish | None:
    keys = LinkKeys(settings.link_keys)
    for name in _ANSWERS:
        for token in _ID.findall(message.get(name))[-20:]:
            try:
                found = tokens.read_reference(keys, token, tokens.MESSAGE_ID)
            except BadToken:
                continue
            if isinstance(found, DeliveryRef):
                return Wish(found, REPLY)
    return None
