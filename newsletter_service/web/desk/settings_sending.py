"""*Inställningar*, how a newsletter is sent: what is decided once for all its issues."""

import re
from dataclasses import replace

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from newsletter_service.accounts import sending
from newsletter_service.models import Role
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor
from newsletter_service.web.desk.settings_pages import known_list

MOST_DOMAINS = 20
_SCHEME = re.compile(r"^https?://")
_DOMAIN = re.compile(r"(?:[\w-]{1,63}\.)+[\w-]{2,63}")
CANARY_MINUTES = (0, 15, 30, 60, 120)

blueprint = Blueprint("settings_sending", __name__, url_prefix="/desk/installningar")


@blueprint.post("/nyhetsbrev/<int:list_id>/sandning")
@allow(Role.EDITOR)
def save(list_id: int) -> Response:
    """Keep it. Whether a second person approves is for administrators: it binds the editors."""
    wanted = sending.of_list(known_list(list_id))
    if current_user.has_role(Role.ADMINISTRATOR):
        wanted = replace(wanted, approval="approval" in request.form)
    wanted = replace(
        wanted,
        clicks="clicks" in request.form,
        campaign="campaign" in request.form,
        own_domains=_domains(request.form.get("own_domains", "")),
    )
    minutes = request.form.get("canary_minutes", wanted.canary_minutes, type=int)
    if minutes in CANARY_MINUTES:
        wanted = replace(wanted, canary_minutes=minutes)
    sending.decide(list_id, wanted, actor=actor())
    flash(_("Saved."), "good")
    return redirect(url_for("settings.newsletter", list=list_id) + "#sending", 303)


def _domains(written: str) -> tuple[str, ...]:
    """What looks like a domain, also if its whole address was pasted."""
    names = (_SCHEME.sub("", word).split("/")[0] for word in re.split(r"[\s,;]+", written.lower()))
    return tuple(dict.fromkeys(name for name in names if _DOMAIN.fullmatch(name)))[:MOST_DOMAINS]
