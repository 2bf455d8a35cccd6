"""*Dataskydd*: what readers are told, and a person's rights: a copy of all, and erasure."""

import json

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from newsletter_service.accounts import organisation
from newsletter_service.address import InvalidAddress
from newsletter_service.models import Role
from newsletter_service.subscribers import privacy
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now, settings_tabs
from newsletter_service.web.security import as_attachment

blueprint = Blueprint("privacy", __name__, url_prefix="/desk/installningar/dataskydd")


@blueprint.get("")
@allow(Role.ADMINISTRATOR)
def overview() -> str:
    """The texts and the two acts."""
    return _page("", {})


@blueprint.post("/kopia")
@allow(Role.ADMINISTRATOR)
def export() -> AnyResponse:
    """Everything kept about a person, as a file to hand over."""
    typed = request.form.get("email", "")
    try:
        kept = privacy.export(typed)
    except InvalidAddress:
        return _refused(typed, "email")
    body = json.dumps(kept, ensure_ascii=False, indent=2, default=str).encode()
    return as_attachment(body, _("personal-data") + ".json", "application/json")


@blueprint.post("/radera")
@allow(Role.ADMINISTRATOR)
def erase() -> AnyResponse:
    """Forget a person; only a keyed hash remains, so that they are never written to again."""
    typed = request.form.get("erase_email", "")
    try:
        known = privacy.erase(typed, actor(), now())
    except InvalidAddress:
        return _refused(typed, "erase_email")
    if known:
        flash(_("The person is erased and will not be written to again."), "good")
    else:
        flash(_("Nobody had that address. It is now blocked all the same."), "good")
    return redirect(url_for("privacy.overview"), 303)


def _refused(typed: str, field: str) -> Response:
    errors = {field: _("Write an e-mail address, such as namn@example.org.")}
    return make_response(_page(typed, errors), 422)


def _page(typed: str, errors: dict[str, str]) -> str:
    return render_template(
        "desk/settings/privacy.html",
        owner=organisation.current(),
        typed=typed,
        errors=errors,
        tabs=settings_tabs("privacy"),
    )
