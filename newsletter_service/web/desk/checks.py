"""*Kontroll* on *Granska*: mend a finding, let it stand with a reason, try the links anew."""

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from newsletter_service.issues import let_stand, link_check, mend
from newsletter_service.issues.blocks import Changed, Edit, NotEditable
from newsletter_service.models import Role
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now
from newsletter_service.web.desk import issue_words as words

blueprint = Blueprint("checks", __name__, url_prefix="/desk/utskick/<int:issue_id>/kontroll")


@blueprint.post("/ratta")
@allow(Role.EDITOR)
def put_right(issue_id: int) -> Response:
    """Mend one finding, or without a rule all that a machine can."""
    edit = Edit(words.the_issue(issue_id).version, actor(), now())
    mended(issue_id, request.form.get("rule", ""), request.form.get("place", ""), edit)
    return _back(issue_id)


@blueprint.post("/lat-sta")
@allow(Role.EDITOR)
def stand(issue_id: int) -> Response:
    """Let a finding stand; what must be mended only by an administrator."""
    words.the_issue(issue_id)
    rule, place = request.form.get("rule", ""), request.form.get("place", "")
    may_all = current_user.has_role(Role.ADMINISTRATOR)
    reason = request.form.get("reason", "")
    try:
        let_stand.let_stand(
            issue_id, rule, place, reason, actor=actor(), now=now(), may_all=may_all
        )
    except let_stand.NoReason:
        flash(_("Write why it may stand; the reason is kept with the issue."), "bad")
    except let_stand.NotAllowed:
        flash(_("This must be mended. Only an administrator can let it stand."), "bad")
    except (let_stand.NotFound, KeyError):
        flash(_("The check does not find it any more."), "good")
    else:
        flash(_("It stands, and your reason is kept with the issue."), "good")
    return _back(issue_id)


@blueprint.post("/ta-tillbaka")
@allow(Role.EDITOR)
def take_back(issue_id: int) -> Response:
    """Have a finding looked at again."""
    words.the_issue(issue_id)
    let_stand.take_back(issue_id, request.form.get("mark", ""), actor=actor(), now=now())
    return _back(issue_id)


@blueprint.post("/lankar")
@allow(Role.EDITOR)
def links(issue_id: int) -> Response:
    """Try the links anew, in the background."""
    words.the_issue(issue_id)
    link_check.ask(issue_id, now())
    flash(_("The links are being tried; look here again in a moment."), "good")
    return _back(issue_id)


def mended(issue_id: int, rule: str, place: str, edit: Edit) -> None:
    """Mend, and say how it went."""
    try:
        if rule:
            mend.mend(issue_id, rule, place, edit)
        else:
            mend.mend_all(issue_id, edit)
    except (mend.NothingMended, KeyError):
        flash(_("There was nothing left that mends itself."), "wait")
    except (Changed, NotEditable):
        flash(_("The issue has changed meanwhile; this is how it stands now."), "wait")
    else:
        flash(_("Mended. Look whether it reads as you want it."), "good")


def _back(issue_id: int) -> Response:
    return redirect(url_for("review.page", issue_id=issue_id) + "#kontroll", 303)
