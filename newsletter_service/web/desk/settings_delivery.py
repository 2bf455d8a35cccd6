"""*Leverans*: which mail server is used, what the checks found, and the way out of trial mode."""

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.wrappers import Response

from newsletter_service import relays
from newsletter_service.accounts import organisation
from newsletter_service.extensions import db
from newsletter_service.models import Relay, Role
from newsletter_service.operations import doctor
from newsletter_service.operations import go_live as switch
from newsletter_service.queue import nudge_now
from newsletter_service.settings import current
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now, settings_tabs
from newsletter_service.web.i18n import page_locale

blueprint = Blueprint("delivery", __name__, url_prefix="/desk/installningar/leverans")


@dataclass(frozen=True)
class RelayLine:
    """A mail server as the page shows it; never its password."""

    name: str
    encrypted: bool
    paused_reason: str
    last_error: str


@blueprint.get("")
@allow(Role.OPERATOR)
def overview() -> str:
    """The mail server, the latest report, and whether the service may go live."""
    report = doctor.latest()
    return render_template(
        "desk/settings/delivery.html",
        servers=_servers(),
        report=report,
        checks=doctor.told(report, page_locale()) if report else [],
        owner=organisation.current(),
        base_url=current().base_url,
        bounce_domain=current().bounce_domain,
        tabs=settings_tabs("delivery"),
    )


@blueprint.post("/kontroll")
@allow(Role.OPERATOR)
def check() -> Response:
    """Have a worker run the checks again."""
    if nudge_now([("doctor.check", ())]):
        flash(_("The checks are running. Load the page again in half a minute."), "good")
    else:
        flash(_("No worker can be reached now. Run `newsletter doctor` instead."), "bad")
    return redirect(url_for("delivery.overview"), 303)


@blueprint.post("/i-drift")
@allow(Role.ADMINISTRATOR)
def go_live() -> Response:
    """Leave trial mode: from now on mail reaches readers (P13)."""
    try:
        switch.go_live(actor(), now())
    except switch.NotReady:
        flash(_("The checks must have passed within the last day. Run them again."), "bad")
    except switch.NoOrganisation:
        return redirect(url_for("start.here"), 303)
    else:
        flash(_("The service is live. Letters reach your readers from now on."), "good")
    return redirect(url_for("delivery.overview"), 303)


@blueprint.post("/provlage")
@allow(Role.ADMINISTRATOR)
def back_to_trial() -> Response:
    """Keep mail from readers again."""
    try:
        switch.back_to_trial(actor(), now())
    except switch.NoOrganisation:
        return redirect(url_for("start.here"), 303)
    flash(_("The service is in trial mode again. No letter reaches a reader."), "good")
    return redirect(url_for("delivery.overview"), 303)


def _servers() -> list[RelayLine]:
    rows = {row.name: row for row in db.session.scalars(select(Relay))}
    found = []
    for name, url in relays.urls(current()).items():
        row = rows.get(name)
        found.append(
            RelayLine(
                name=name,
                encrypted=url.tls != "none",
                paused_reason=row.paused_reason if row and row.paused_at else "",
                last_error=row.last_error if row else "",
            )
        )
    return found
