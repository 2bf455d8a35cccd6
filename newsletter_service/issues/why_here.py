"""Why a suggestion put a part where it stands, in a few words."""

from flask_babel import gettext as _


def sentence(why: str) -> str:
    """A code of `choice` as words in the language of the request; empty where there is none."""
    code, _colon, value = why.partition(":")
    if code == "tag":
        return str(_("Belongs to “%(tag)s”, with others.", tag=value))
    known = {
        "lead:picture": _("Leads: the newest with a picture and something told."),
        "lead:newest": _("Leads: the newest; none has a picture."),
        "lead:only": _("The only piece of news."),
        "news": _("New since the last issue; the newest first."),
        "last_day": _("Closes soon; the first to close stands first."),
        "event": _("Happens soon; the soonest first."),
    }
    return str(known.get(why, ""))
