"""What *Drift* says: a sentence and a remedy for every trouble, and the command that helps."""

from collections.abc import Callable
from typing import Any, NamedTuple

from babel.dates import get_day_names
from flask_babel import gettext as _
from flask_babel import ngettext

from newsletter_service.operations.overview import Overview, Trouble
from newsletter_service.operations.waiting import Why
from newsletter_service.send_windows import DAYS
from newsletter_service.web.i18n import day, moment, number, page_locale
from newsletter_service.web.told import told


class Said(NamedTuple):
    """A trouble in words; `command` is empty where none helps."""

    sentence: str
    remedy: str
    command: str = ""
    kind: str = "bad"


def verdict(overview: Overview) -> str:
    """The page in one sentence."""
    if overview.troubles:
        return said(overview.troubles[0]).sentence
    under_way = len(overview.sends)
    if under_way:
        return str(
            ngettext(
                "All is well. One issue is on its way.",
                "All is well. %(num)s issues are on their way.",
                under_way,
            )
        )
    return str(_("All is well."))


def verdict_kind(overview: Overview) -> str:
    """`good`, `wait` or `bad`."""
    return overview.troubles[0].kind if overview.troubles else "good"


def said(trouble: Trouble) -> Said:
    """One trouble in words."""
    return _SAID[trouble.code](trouble.values)._replace(kind=trouble.kind)


def queue_name(name: str) -> str:
    """What a queue is for."""
    names = {
        "confirm": _("Confirmations and other mails to one person"),
        "inbound": _("Bounces and complaints"),
        "default": _("News, preparations and checks"),
        "send": _("Issues"),
    }
    return str(names[name])


def worker_state(state: str, alive: bool) -> tuple[str, str]:
    """A worker's state in a word, and its kind."""
    if not alive:
        return str(_("Silent")), "bad"
    names = {"busy": _("Works"), "idle": _("Waits for work"), "suspended": _("Paused")}
    return str(names.get(state) or _("Starting")), "wait" if state == "suspended" else "good"


def relay_state(state: str) -> tuple[str, str]:
    """A relay's state in a word, and its kind."""
    names = {
        "open": (_("Open"), "good"),
        "waiting": (_("Asked us to wait"), "wait"),
        "paused": (_("Paused"), "bad"),
    }
    word, kind = names[state]
    return str(word), kind


def why(reason: Why) -> str:
    """Why readers of an issue wait, and until when."""
    values = _told({"reason": "", **reason.values})
    if "done_on" in values:
        values["done_on"] = day(values["done_on"])
    if "window" in values:
        values["window"] = window(values["window"])
    said = _WHY[reason.code](values)
    if reason.until is None:
        return str(said)
    return str(_("%(reason)s Goes on %(when)s.", reason=said, when=moment(reason.until)))


def window(text: str) -> str:
    """A send window as it is kept, with the weekdays of the page's language."""
    names = get_day_names("abbreviated", locale=page_locale())
    for number_of_day, short in enumerate(DAYS):
        text = text.replace(short, names[number_of_day].rstrip("."))
    return text.replace("-", "–").replace(",", ", ")


_WHY: dict[str, Callable[[dict[str, Any]], str]] = {
    "stopped": lambda v: _("%(actor)s stopped everything.", **v),
    "list_window": lambda v: _("The newsletter is sent at certain times only.", **v),
    "relay_window": lambda v: _("%(name)s sends at certain times only: %(window)s.", **v),
    "relay_warm_up": lambda v: _(
        "%(name)s is new and takes %(limit)s a day for now; today %(taken)s have left."
        " The last ones leave on %(done_on)s.",
        **v,
    ),
    "sender_warm_up": lambda v: _(
        "The sender %(name)s is new and sends %(limit)s a day for now; today %(taken)s have left."
        " The last ones leave on %(done_on)s.",
        **v,
    ),
    "relay_slowed": lambda v: _(
        "%(name)s asked us to slow down and has %(percent)s %% of its speed.", **v
    ),
    "group_slowed": lambda v: _(
        "Readers at %(name)s get theirs slower (%(percent)s %%). It said: %(reason)s", **v
    ),
}


def _told(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"reason": told(values["reason"])}


_Words = Callable[[dict[str, Any]], Said]

_SAID: dict[str, _Words] = {
    "stopped": lambda v: Said(
        _("Nothing is being sent: %(actor)s stopped everything. %(reason)s", **_told(v)),
        _("Nobody is lost. Let it go on below when the cause is mended."),
        "newsletter queues resume all",
    ),
    "queue_paused": lambda v: Said(
        _("%(actor)s paused “%(name)s”. %(reason)s", **_told(v), name=queue_name(v["queue"])),
        _("What is to be done waits and is not lost."),
        f"newsletter queues resume {v['queue']}",
    ),
    "queue_away": lambda v: Said(
        _("The queue server does not answer, so nothing is being sent."),
        _("Start Redis or Valkey again. Nothing is lost: what waits goes on by itself."),
        "newsletter queues list",
    ),
    "no_workers": lambda v: Said(
        _("No worker is running, so nothing is being sent."),
        _("Start the workers. What waits goes on by itself."),
        "newsletter up",
    ),
    "no_worker": lambda v: Said(
        _("Nobody works on the queue %(queue)s.", **v),
        _("Start a worker for it."),
        f"newsletter worker {v['queue'].split(', ')[0]}",
    ),
    "scheduler_late": lambda v: Said(
        _("The scheduler is not running."),
        _("Start it: without it nothing begins on time and what was lost is not found again."),
        "newsletter scheduler",
    ),
    "relay_paused": lambda v: Said(
        _("The mail server %(relay)s is paused: %(reason)s", **_told(v)),
        _("Mend the cause, then open it again."),
        f"newsletter relays resume {v['relay']}",
    ),
    "relay_waiting": lambda v: Said(
        _("The mail server %(relay)s asked us to wait %(seconds)s seconds.", **v),
        _("Nothing to do; sending goes on by itself. It said: %(reason)s", **_told(v)),
    ),
    "issue_paused": lambda v: Said(
        _("Nr %(number)s is paused with %(left)s left.", **v | {"left": number(v["left"])}),
        _(
            "The reason given: %(reason)s. Go on when it is mended.",
            reason=told(v["reason"]).rstrip("."),
        )
        if v["reason"]
        else _("Go on when you are ready."),
        f"newsletter issues resume {v['issue']}",
    ),
    "issue_stalled": lambda v: Said(
        _("An issue stands still: nr %(number)s.", **v),
        _(
            "Work is due and nobody takes it. See that a worker for issues runs and a mail server"
            " is open."
        ),
        "newsletter worker send",
    ),
    "notices_late": lambda v: Said(
        _("Confirmations are late: %(count)s have waited more than ten minutes.", **v),
        _("See that a worker for confirmations runs and a mail server is open."),
        "newsletter worker confirm",
    ),
    "in_doubt": lambda v: Said(
        ngettext("One mail is in doubt.", "%(num)s mails are in doubt.", v["count"]),
        _("Look in the mail server's log whether it was taken, and say so below."),
        "newsletter deliveries in-doubt",
    ),
    "failed_jobs": lambda v: Said(
        ngettext(
            "One piece of work has failed.", "%(num)s pieces of work have failed.", v["count"]
        ),
        _("Read why below, mend it and try again."),
        "newsletter queues list",
    ),
    "bounces_unread": lambda v: Said(
        ngettext(
            "One bounce has not been read.", "%(num)s bounces have not been read.", v["count"]
        ),
        _("See that a worker for bounces runs."),
        "newsletter worker inbound",
    ),
    "bounce_waves": lambda v: Said(
        ngettext(
            "One operator suddenly refuses many readers.",
            "%(num)s operators suddenly refuse many readers.",
            v["count"],
        ),
        _("Nobody is suppressed for it. Say under Bounces whether it was an outage."),
        "newsletter bounces waves",
    ),
    "sign_up_flood": lambda v: Said(
        _("%(count)s sign-ups came within an hour, far more than usual.", **v),
        _("Somebody may be using the form to flood mailboxes. Look under Forms."),
        "newsletter sign-ups list",
    ),
    "confirmations_unanswered": lambda v: Said(
        _(
            "Of %(mailed)s confirmation mails of the last day only %(answered)s were answered.",
            **v,
        ),
        _("Somebody may be using the form to flood mailboxes. Look under Forms."),
        "newsletter sign-ups list",
    ),
    "bounces_unreadable": lambda v: Said(
        ngettext(
            "One message that came back could not be read.",
            "%(num)s messages that came back could not be read.",
            v["count"],
        ),
        _("They are kept for 30 days. After an upgrade they can be read again."),
        "newsletter bounces reclassify",
    ),
}
