"""Reports in plain words, of no format in particular.

Looked at last, and only where both the envelope of the message and its words say that it is a
report. The address is taken from the sentence that speaks of it, else from a line of its own,
else it must be the only one that is not the sender's.
"""

from __future__ import annotations

import re

from newsletter_service.bounces.formats import mime
from newsletter_service.bounces.formats.report import Action, RecipientReport

DAEMON = re.compile(
    r"mailer[-_. ]?daemon|post[_-]?master|mail[-_. ]?(?:delivery|deliver)|maildaemon|mdaemon"
    r"|mail[-_ ]?system|system administrator|smtp[-_ ]?mail|mailadmin|mail administrator",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"^\s*(?!re:|fwd?:|sv:|vb:)(?=.*(?:"
    r"undeliver|un-?deliverable|deliver(?:y|ed)?[ -]*(?:status|fail|error|problem)"
    r"|fail(?:ure|ed)?[ -]*(?:notice|deliver|mail|to deliver)|returned[ -](?:e-?)?mail"
    r"|returning to sender|mail (?:system )?(?:failed|error|delivery)"
    r"|(?:could|can) ?not be delivered|not delivered|delayed|error sending your mail"
    r"|obeställbar|kunde inte levereras|olevererbart|unzustellbar|nicht zugestellt"
    r"|non remis|non délivré|échec de (?:la )?remise|no se (?:ha podido|puede) entregar"
    r"|no entregado|mancat[ao] (?:recapito|consegna)|não (?:foi )?entregue"
    r"|falha na entrega|onbestelbaar|niet (?:bezorgd|afgeleverd)"
    r"|kan ikke leveres|kunne ikke leveres|ikke levert|ikke leveret"
    r"|toimitta(?:matta|minen epäonnistui)|niedostarczon|nie dostarczono|退信|无法投递|無法投遞"
    r"|エラー|未送信|不達|недоставлен|не доставлен))",
    re.IGNORECASE,
)
_WORDS = re.compile(
    r"(?:could|can|did|was|were|been|is|are|be)(?: ?not|n't) (?:be )?(?:successfully )?"
    r"(?:delivered|deliver|reach|sent|accept|complete)"
    r"|undeliver|unable to (?:deliver|send)|fail(?:ed|ure) to deliver|did not reach"
    r"|delivery (?:has )?(?:failed|failure|error|to the following)|delivery time ?out"
    r"|returned (?:to sender|mail)|permanent (?:fatal )?error|fatal error|rejected"
    r"|user unknown|unknown user|no such user|host unknown|not listed in"
    r"|mailbox (?:is )?(?:full|unavailable|not found)|quota|will keep trying"
    r"|not (?:yet )?(?:been )?delivered|transcript of session"
    r"|kunde inte levereras|gick inte att leverera|nicht zugestellt|送信|配信|доставлено"
    r"|n'a pas pu être|no se (?:ha podido|pudo|puede) entregar|non è stato possibile"
    r"|não (?:foi possível|pôde ser)|kon niet worden|kunne ikke leveres|ei voitu toimittaa"
    r"|nie (?:można|udało się|może zostać) dostarcz|无法(?:投递|送达)|無法投遞|退回",
    re.IGNORECASE,
)
_DELAY = re.compile(
    r"\(delay\)|delayed|warning:|(?:has|have) not (?:yet )?been delivered"
    r"|will (?:continue|keep) (?:to )?(?:try|attempt)|being retried|försenat"
    r"|warning message only",
    re.IGNORECASE,
)
_GAVE_UP = re.compile(
    r"permanent|given up|giving up|gave up|could not be delivered|undeliverable"
    r"|unable to deliver|returned",
    re.I,
)
# An address of Latin letters, or one of another script: where the two touch, prose ends. Never
# ignoring case, which would take the Kelvin sign among the others for a k.
_NEVER = r"\s<>()\[\]\"',;:="
_OTHER = (
    r"\u0000-\u002a\u002c\u002f\u003a-\u005e\u0060-\u024f"
    r"\u3000-\u303f\uff00-\uff20\uff3b-\uff65"
)
_LATIN_LABEL = r"[A-Za-z0-9\u00a1-\u024f][A-Za-z0-9\u00a1-\u024f_-]{0,62}"
_OTHER_LABEL = rf"[^{_NEVER}{_OTHER}.][^{_NEVER}{_OTHER}.]{{0,62}}"
_LABEL = rf"(?:{_LATIN_LABEL}|{_OTHER_LABEL})"
_ADDRESS = (
    rf"(?-i:(?:[^{_NEVER}\u0250-\U0010ffff]{{1,64}}|[^{_NEVER}{_OTHER}]{{1,64}})"
    rf"@{_LABEL}(?:\.{_LABEL}){{0,20}})"
)
_SAYS = (
    re.compile(
        rf"^[ \t]{{0,20}}(?:Final|Original)-Recipient:\s*(?:rfc822;)?\s*<?({_ADDRESS})", re.I | re.M
    ),
    re.compile(rf"^[ \t]{{0,20}}(?:<|&lt;)({_ADDRESS})(?:>|&gt;)\s*(?::|\.\.\.|\(|$)", re.M),
    re.compile(rf"^[ \t]{{0,20}}[45]\d\d[ -](?:\d\.\d\.\d )?<?({_ADDRESS})>?\.\.\.", re.M),
    re.compile(
        rf"^[ \t]{{0,20}}({_ADDRESS})(?::|\.\.\.|[ \t]?\(|[ \t]*$| on (?:[A-Z][a-z]{{2}}, )?\d)",
        re.M,
    ),
    re.compile(rf"message was addressed(?: to)?,?\s+<?({_ADDRESS})", re.I),
    re.compile(rf"\brcpt to:?\s*<?({_ADDRESS})>?", re.I),
    re.compile(
        r"\b(?:recipients?|address|recipient address(?:es)?|addressees?|unknown user|user unknown"
        r"|undeliverable to|mail to|delivered? to|failed address(?:es)?|mailbox|user|to)"
        rf"(?:\s+(?:is|are))?[\s:=]+['\"<(]*({_ADDRESS})",
        re.I,
    ),
    re.compile(rf"\(({_ADDRESS})\) not listed", re.I),
)
_ANY = re.compile(_ADDRESS)
_SUBJECT_LINE = re.compile(
    r"^[ \t>]{0,20}(?:the message )?subject(?: was)?[ \t]?:[^\n]*\n?", re.I | re.M
)


def read(
    message: mime.Part, text: str, returned: mime.Headers
) -> tuple[RecipientReport, ...] | None:
    """The recipients of a report in plain words, or None where this does not look like one."""
    subject = message.get_text("subject")[:300]
    squeezed = " ".join(text.split())
    if not _looks_like_report(message, subject, squeezed):
        return None
    senders = _senders(message, returned)
    addresses = _addresses(text, senders) or _returned_recipients(returned, senders)
    head = f"{subject}\n{squeezed}"
    delayed = _DELAY.search(head) and not _GAVE_UP.search(head)
    action: Action = "delayed" if delayed else "failed"
    diagnostics = _diagnostics(text, addresses)
    return tuple(
        RecipientReport(final=address, action=action, diagnostic=diagnostics[address])
        for address in addresses[:50]
    )


def is_from_daemon(message: mime.Part) -> bool:
    """True where the sender's name is that of a mail system."""
    sender = " ".join((message.get_text("from"), message.get("sender")))[:300]
    return bool(DAEMON.search(sender) or DAEMON.search(message.get("return-path")[:300]))


def _looks_like_report(message: mime.Part, subject: str, text: str) -> bool:
    signs = 2 * bool(message.get("x-failed-recipients"))
    signs += is_from_daemon(message) or message.get("return-path").strip() == "<>"
    signs += bool(_SUBJECT.search(subject))
    signs += bool(_WORDS.search(text))
    return signs >= 2


def _senders(message: mime.Part, returned: mime.Headers) -> set[str]:
    """Addresses that are certainly not the one that failed."""
    values = [
        message.get(name) for name in ("from", "to", "delivered-to", "reply-to", "return-path")
    ]
    values += [value for name, value in returned if name in ("from", "return-path", "sender")]
    return {found.lower() for value in values for found in _ANY.findall(value[:1000])}


def _addresses(text: str, senders: set[str]) -> list[str]:
    for pattern in _SAYS:
        found = [match[1].rstrip(".") for match in pattern.finditer(text)]
        if kept := _kept(found, senders):
            return kept
    others = _kept(_ANY.findall(text), senders)
    return others if len(others) == 1 else []


def _returned_recipients(returned: mime.Headers, senders: set[str]) -> list[str]:
    values = [value for name, value in returned if name in ("to", "x-original-to")]
    found = _kept([a for value in values for a in _ANY.findall(value[:1000])], senders)
    return found if len(found) == 1 else []


def _kept(addresses: list[str], senders: set[str]) -> list[str]:
    unique = {address.lower(): address for address in reversed(addresses)}
    kept = [
        address for key, address in unique.items() if key not in senders and not DAEMON.match(key)
    ]
    return kept[::-1]


def _diagnostics(text: str, addresses: list[str]) -> dict[str, str]:
    """With one address the whole text speaks of it; with several, what follows each.

    The subject that is quoted was written by the sender and says nothing of the failure.
    """
    text = _SUBJECT_LINE.sub("", text)
    if len(addresses) < 2:
        return dict.fromkeys(addresses, " ".join(text.split())[:3000])
    lower = text.lower()
    starts = sorted((max(lower.find(address.lower()), 0), address) for address in addresses)
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return {
        address: " ".join(text[start:end].split())[:2000]
        for (start, address), end in zip(starts, ends, strict=True)
    }
