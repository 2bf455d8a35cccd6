"""Sentences that were stored in English, said in the language of the page.

What a worker or a mail server's reply left behind is kept as it was; only its known beginning and
end are translated, and what the server said stays in the server's own words.
"""

import re

from flask_babel import gettext


def _l(sentence: str) -> str:
    """Marks a text for the catalogue; it is looked up where it is shown."""
    return sentence


PAUSED_BY_HAND = _l("Paused by hand.")
PAUSED_BY = _l("Paused by %(name)s")

_STORED = (
    PAUSED_BY,
    _l("The server answered with status %(number)s."),
    _l("The answer is larger than %(number)s bytes and was dropped."),
    _l("The feed is larger than %(number)s MB."),
    _l("The relay refuses our mail, not the readers: %(reply)s"),
    _l("The relay is closing: %(reply)s"),
    _l("The relay wants another log-in: %(reply)s"),
    _l("The certificate of %(relay)s is not valid: %(reason)s"),
    _l("%(relay)s did not answer within %(seconds)s seconds."),
    _l("%(relay)s can't be reached: %(reason)s"),
    _l("%(relay)s does not offer STARTTLS, so nothing is sent through it."),
    _l("%(relay)s offers neither AUTH PLAIN nor AUTH LOGIN after TLS."),
    _l("%(host)s is not this machine, and tls=none is for this machine only."),
    _l("The CA file %(file)s can't be used: %(reason)s"),
    _l("%(relay)s answered: %(reply)s"),
    _l("%(number)s of %(most)s complained."),
    _l("The first wave was halted: %(number)s copies could not be made."),
    _l("The first wave was halted: %(number)s of %(most)s did not arrive."),
    _l("The first wave was halted: %(number)s of %(most)s complained."),
    _l("Failure %(number)s of %(most)s."),
    _l("%(issues)s issues in %(days)s days failed with no success between them."),
)
_WITHOUT_VALUES = (
    PAUSED_BY_HAND,
    _l("paused by hand"),
    _l("A password is never sent without TLS."),
    # what the policy says of a bounce (verdicts)
    _l("The address does not exist."),
    _l("The mailbox was refused as disabled again."),
    _l("Refused for good without a reason, and not for once."),
    _l("The reader reported the message as spam."),
    _l("Delivery is delayed and still being tried."),
    _l("The refusal is about the sender, not the reader."),
    _l("The refusal is about this message."),
    _l("The reader's server cannot take international addresses."),
    _l("Nothing follows."),
    _l("It is about a notice; those suppress nobody."),
)

_SLOT = re.compile(r"%\\\((\w+)\\\)s|%\((\w+)\)s")
_PHASE = re.compile(r" \[[a-z]+\]$")


def _pattern(sentence: str) -> re.Pattern[str]:
    def slot(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return rf"(?P<{name}>\d[\d,]*)" if name == "number" else f"(?P<{name}>.+?)"

    return re.compile(_SLOT.sub(slot, re.escape(sentence)), re.DOTALL)


_PATTERNS = tuple((sentence, _pattern(sentence)) for sentence in _STORED)


def told(sentence: str) -> str:
    """The stored sentence in the page's language, or as it stands if the catalogue lacks it."""
    if not sentence:
        return ""
    bare = _PHASE.sub("", sentence)
    if bare in _WITHOUT_VALUES:
        return str(gettext(bare))
    for known, pattern in _PATTERNS:
        if found := pattern.fullmatch(bare):
            return str(gettext(known, **found.groupdict()))
    return str(gettext(bare))
