"""The sentences of a reader's story, in the language of whoever asks.

Every code of `trace` has its sentence here; a test holds the two together.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask_babel import format_datetime, get_locale
from flask_babel import gettext as _

from newsletter_service.operations.trace import Answer, Entry


def title(entry: Entry) -> str:
    """What happened, in a few words."""
    return _TITLES[entry.code]({**entry.values, **_said(entry.values)})


def detail(entry: Entry) -> str:
    """What was said about it: a reply, a reason given; empty when nothing was."""
    return str(entry.values.get("reply") or entry.values.get("evidence") or "")


def sentence(answer: Answer) -> str:
    """Why an issue came or did not, in one sentence."""
    return _SENTENCES[answer.code]({**answer.values, **_said(answer.values)})


def reason(code: str) -> str:
    """Why an address is suppressed or mail was refused; the code itself where it has no words."""
    known = {
        "hard_bounce": _("the address does not take mail"),
        "soft_bounces": _("mail came back several times"),
        "complaint": _("the reader reported the mail as unwanted"),
        "blocked_by_owner": _("the owner of the address asked for no more mail"),
        "manual": _("somebody here decided it"),
        "erased": _("the person asked to be forgotten"),
        "userunknown": _("there is no such mailbox"),
        "hostunknown": _("the domain does not exist"),
        "hasmoved": _("the mailbox has moved"),
        "mailboxfull": _("the mailbox is full"),
        "suspend": _("the mailbox is closed"),
        "expired": _("the server could not be reached for days"),
        "networkerror": _("the server could not be reached"),
        "spamdetected": _("the server took it for spam"),
        "blocked": _("the server refuses mail from us"),
        "notaccept": _("the domain takes no mail"),
        "systemerror": _("the server had a fault"),
        "systemfull": _("the server was full"),
        "mailererror": _("the server could not store the mail"),
        "onhold": _("the server asked us to wait"),
        "contenterror": _("the server did not like the text"),
        "mesgtoobig": _("the mail was too large"),
        "virusdetected": _("the server believed it found a virus"),
        "authfailure": _("our sender could not be proven"),
        "badreputation": _("the server mistrusts our mail server"),
        "policyviolation": _("it breaks a rule of the server"),
        "rejected": _("the server refuses our sender"),
        "filtered": _("the server filtered it away"),
        "undefined": _("the server gave no clear reason"),
        "suppressed": _("the address is suppressed"),
        "unsubscribed": _("the reader has left"),
        "paused": _("the reader has paused"),
        "cancelled": _("the issue was cancelled"),
        "internal_error": _("the message could not be made"),
        "eai_unsupported": _("the relay cannot send to addresses with letters such as å"),
        "invalid_address": _("the address cannot be written to"),
    }
    return str(known.get(code) or code)


def notice(kind: str) -> str:
    """What a notice is called."""
    known = {
        "confirmation": _("Confirmation link"),
        "already_subscribed": _("“You subscribe already”"),
        "welcome": _("Welcome"),
        "reminder": _("Reminder to confirm"),
        "personal_link": _("Link to one's own page"),
        "new_address": _("Link to a new address"),
        "address_changed": _("Word of a new address"),
        "login_link": _("Log-in link"),
        "invitation": _("Invitation"),
        "test": _("Test of an issue"),
        "approval": _("Question for approval"),
    }
    return str(known.get(kind) or kind)


def channel(code: str) -> str:
    """By which way a reader acted."""
    known = {
        "form": _("the form"),
        "mail": _("the link in the mail"),
        "page": _("the page for leaving"),
        "one-click": _("the button in the mail program"),
        "mailto": _("a mail to the address for leaving"),
        "reply": _("an answer to a letter"),
        "preferences": _("the page of settings"),
        "choices": _("the page of one's own choices"),
        "other": _("the mail provider"),
        "import": _("an import"),
        "desk": _("a colleague"),
    }
    return str(known.get(code) or code)


def _said(values: Mapping[str, Any]) -> dict[str, str]:
    """The values as words: times, reasons, channels."""
    at = values.get("at")
    return {
        "at": _moment(at) if isinstance(at, datetime) else "",
        "reason": reason(str(values.get("reason") or "")) or _("no reason was given"),
        "why": reason(str(values.get("why") or "")),
        "channel": channel(str(values.get("channel", ""))),
        "notice": notice(str(values.get("notice", ""))),
    }


def _moment(when: datetime) -> str:
    locale = get_locale()
    swedish = locale is not None and locale.language == "sv"
    return str(format_datetime(when, "d MMM y 'kl.' HH.mm" if swedish else "d MMM y HH:mm"))


_Words = Callable[[dict[str, Any]], str]

_TITLES: dict[str, _Words] = {
    "consent_requested": lambda v: _("Asked to subscribe to %(list)s, by %(channel)s", **v),
    "consent_confirmed": lambda v: _("Subscribes to %(list)s, by %(channel)s", **v),
    "consent_withdrawn": lambda v: _("Left %(list)s, by %(channel)s", **v),
    "consent_changed": lambda v: _("Changed settings, by %(channel)s", **v),
    "notice_pending": lambda v: _("%(notice)s: waits to be sent", **v),
    "notice_claimed": lambda v: _("%(notice)s: waits to be sent", **v),
    "notice_data_started": lambda v: _("%(notice)s: being sent", **v),
    "notice_accepted": lambda v: _("%(notice)s: sent", **v),
    "notice_deferred": lambda v: _("%(notice)s: will be tried again", **v),
    "notice_refused": lambda v: _("%(notice)s: refused", **v),
    "notice_skipped": lambda v: _("%(notice)s: not sent, since %(reason)s", **v),
    "notice_in_doubt": lambda v: _("%(notice)s: nobody knows whether it arrived", **v),
    "delivery_pending": lambda v: _("Nr %(number)s: waits to be sent", **v),
    "delivery_claimed": lambda v: _("Nr %(number)s: waits to be sent", **v),
    "delivery_data_started": lambda v: _("Nr %(number)s: being sent", **v),
    "delivery_accepted": lambda v: _("Nr %(number)s: sent", **v),
    "delivery_deferred": lambda v: _("Nr %(number)s: will be tried again", **v),
    "delivery_refused": lambda v: _("Nr %(number)s: refused", **v),
    "delivery_skipped": lambda v: _("Nr %(number)s: not sent, since %(reason)s", **v),
    "delivery_in_doubt": lambda v: _("Nr %(number)s: nobody knows whether it arrived", **v),
    "bounce_hard": lambda v: _("Mail came back for good: %(reason)s", **v),
    "bounce_soft": lambda v: _("Mail came back: %(reason)s", **v),
    "bounce_complaint": lambda v: _("Reported as unwanted mail", **v),
    "bounce_delayed": lambda v: _("Mail is delayed: %(reason)s", **v),
    "suppressed": lambda v: (
        _("Suppressed on %(list)s: %(reason)s", **v)
        if v["list"]
        else _("Suppressed everywhere: %(reason)s", **v)
    ),
    "released": lambda v: _("May be written to again, lifted by %(by)s", **v),
}

_SENTENCES: dict[str, _Words] = {
    "issue_accepted": lambda v: _(
        "Nr %(number)s was sent %(at)s and our mail server took it; if it is not in the inbox,"
        " look among the unwanted mail.",
        **v,
    ),
    "issue_pending": lambda v: _("Nr %(number)s waits for its turn to be sent.", **v),
    "issue_claimed": lambda v: _("Nr %(number)s waits for its turn to be sent.", **v),
    "issue_data_started": lambda v: _("Nr %(number)s is being sent right now.", **v),
    "issue_deferred": lambda v: _(
        "Nr %(number)s has not arrived yet: the receiving server asked us to come back"
        " (“%(reply)s”), and it will be tried again.",
        **v,
    ),
    "issue_refused": lambda v: _(
        "Nr %(number)s was refused %(at)s by the receiving server: “%(reply)s”.", **v
    ),
    "issue_in_doubt": lambda v: _(
        "Nr %(number)s is in doubt: the connection broke %(at)s while it was being sent, and"
        " nobody knows whether it arrived.",
        **v,
    ),
    "came_back": lambda v: _("Nr %(number)s was sent %(at)s but came back: %(reason)s.", **v),
    "skipped_suppressed": lambda v: _(
        "Nr %(number)s was not sent, since the address is suppressed: %(why)s.", **v
    ),
    "skipped_unsubscribed": lambda v: _(
        "Nr %(number)s was not sent, since the reader had left before its turn came.", **v
    ),
    "skipped_paused": lambda v: _(
        "Nr %(number)s was not sent, since the reader had paused the letters.", **v
    ),
    "skipped_cancelled": lambda v: _("Nr %(number)s was cancelled before this copy was sent.", **v),
    "skipped_expired": lambda v: _(
        "Nr %(number)s was not sent, since it had become too old before it could be delivered.",
        **v,
    ),
    "skipped_internal_error": lambda v: _(
        "Nr %(number)s was not sent, since this copy could not be made; tell your technicians.",
        **v,
    ),
    "skipped_eai_unsupported": lambda v: _("Nr %(number)s was not sent, since %(reason)s.", **v),
    "skipped_invalid_address": lambda v: _("Nr %(number)s was not sent, since %(reason)s.", **v),
    "left_before": lambda v: _(
        "Nr %(number)s was not meant for this reader, who had left %(at)s.", **v
    ),
    "never_confirmed": lambda v: _(
        "Nr %(number)s was not sent, since the sign-up of %(at)s was never confirmed.", **v
    ),
    "confirmed_after": lambda v: _(
        "Nr %(number)s had gone before the reader confirmed the subscription %(at)s.", **v
    ),
    "cancelled_before": lambda v: _("Nr %(number)s was cancelled before this reader's turn.", **v),
    "not_reached_yet": lambda v: _(
        "Nr %(number)s is still gathering its readers and has not come to this one.", **v
    ),
    "not_in_audience": lambda v: _(
        "Nr %(number)s had no copy for this reader, who was not a confirmed subscriber when it"
        " was released.",
        **v,
    ),
}

CODES = frozenset(_TITLES) | frozenset(_SENTENCES)
