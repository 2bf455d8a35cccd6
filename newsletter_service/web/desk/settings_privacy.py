"""*Dataskydd*: what readers are told, proofs and rights of one person, the record of processing.

The data protection officer reads all of it; only administrators change or erase.
"""

import json

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from newsletter_service.accounts import organisation
from newsletter_service.address import InvalidAddress
from newsletter_service.extensions import db
from newsletter_service.models import LegalBasis, Role
from newsletter_service.subscribers import data_protection, desk, legal_basis, privacy, receipts
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now, privacy_words, said, settings_tabs
from newsletter_service.web.public import privacy_text
from newsletter_service.web.security import as_attachment

blueprint = Blueprint("privacy", __name__, url_prefix="/desk/installningar/dataskydd")


@blueprint.get("")
@allow(Role.DATA_PROTECTION)
def overview() -> str:
    """The texts, the periods, and the ways to one person."""
    return _page("", {})


@blueprint.post("/kopia")
@allow(Role.DATA_PROTECTION)
def export() -> AnyResponse:
    """Everything kept about a person, as a file to hand over."""
    typed = request.form.get("email", "")
    try:
        kept = privacy.export(typed)
    except InvalidAddress:
        return _refused(typed, "email")
    return _file(kept, _("personal-data"))


@blueprint.post("/kvitto")
@allow(Role.DATA_PROTECTION)
def find() -> AnyResponse:
    """From an address, which stands in no URL, to the person's proofs."""
    typed = request.form.get("person", "").strip()[:254]
    found = desk.find(typed) if "@" in typed else []
    exact = [each for each in found if each.address.lower() == typed.lower()] or found
    if len(exact) != 1:
        errors = {"person": _("Nobody has exactly that address. Check the spelling.")}
        return make_response(_page(typed, errors), 422)
    return redirect(url_for("privacy.receipt", subscriber_id=exact[0].id), 303)


@blueprint.get("/kvitto/<int:subscriber_id>")
@allow(Role.DATA_PROTECTION)
def receipt(subscriber_id: int) -> str:
    """The chain of proofs of one person, with the words as they were shown."""
    found = receipts.receipt(subscriber_id, now())
    if found is None:
        abort(404)
    return render_template(
        "desk/settings/receipt.html",
        found=found,
        subscriber_id=subscriber_id,
        words=privacy_words,
        may_change=current_user.has_role(Role.ADMINISTRATOR),
        bases=privacy_words.bases(),
        tabs=settings_tabs("privacy"),
    )


@blueprint.get("/kvitto/<int:subscriber_id>.json")
@allow(Role.DATA_PROTECTION)
def receipt_file(subscriber_id: int) -> AnyResponse:
    """The same as a file."""
    found = receipts.receipt(subscriber_id, now())
    if found is None:
        abort(404)
    return _file(found, _("consent-receipt"))


@blueprint.post("/kvitto/<int:subscriber_id>/grund/<int:subscription_id>")
@allow(Role.ADMINISTRATOR)
def change_basis(subscriber_id: int, subscription_id: int) -> AnyResponse:
    """Say what a subscription rests on."""
    wanted = request.form.get("basis", "")
    basis = LegalBasis(wanted) if wanted in set(LegalBasis) else None
    try:
        legal_basis.change(
            subscription_id, basis, request.form.get("evidence", ""), actor=actor(), now=now()
        )
        flash(_("Saved."), "good")
    except legal_basis.NoEvidence:
        flash(_("Say what it rests on, such as an order or a contract."), "bad")
    except legal_basis.NoSuchSubscription:
        abort(404)
    return redirect(url_for("privacy.receipt", subscriber_id=subscriber_id), 303)


@blueprint.get("/behandlingar")
@allow(Role.DATA_PROTECTION)
def record() -> str:
    """The record of processing activities (GDPR article 30), made from the settings."""
    return render_template(
        "desk/settings/record.html",
        owner=organisation.current(),
        facts=data_protection.facts(),
        activities=privacy_words.activities(),
        counts=legal_basis.counts(db.session()),
        today=now(),
        tabs=settings_tabs("privacy"),
    )


@blueprint.get("/uppgifter")
@allow(Role.ADMINISTRATOR)
def details() -> str:
    """What the texts are made of, and for how long things are kept."""
    return _details({}, {})


@blueprint.post("/uppgifter")
@allow(Role.ADMINISTRATOR)
def save_details() -> AnyResponse:
    """Keep them; the texts get a new version where they changed."""
    names = (*data_protection.TEXTS, *data_protection.PERIODS)
    values = {name: request.form[name] for name in names if name in request.form}
    try:
        data_protection.save(values, actor=actor())
    except data_protection.Refused as fault:
        return make_response(_details(values, _told(fault.faults)), 422)
    data_protection.keep_texts(privacy_text.in_every_language(), now())
    flash(_("Saved."), "good")
    return redirect(url_for("privacy.overview"), 303)


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


def _told(faults: dict[str, str]) -> dict[str, str]:
    limits = data_protection.PERIODS
    out_of_range = {
        name: _(
            "Write a number of days from %(least)s to %(most)s.",
            least=limits[name][0],
            most=limits[name][2],
        )
        for name, code in faults.items()
        if code == "period"
    }
    return said(faults) | out_of_range


def _file(kept: dict[str, object], name: str) -> Response:
    body = json.dumps(kept, ensure_ascii=False, indent=2, default=str).encode()
    return as_attachment(body, f"{name}.json", "application/json")


def _details(values: dict[str, str], errors: dict[str, str]) -> str:
    facts = data_protection.facts()
    kept = {name: getattr(facts, name) for name in data_protection.TEXTS}
    kept |= {name: str(facts.days(name)) for name in data_protection.PERIODS}
    return render_template(
        "desk/settings/privacy_details.html",
        values=kept | values,
        errors=errors,
        periods=privacy_words.periods(),
        tabs=settings_tabs("privacy"),
    )


def _page(typed: str, errors: dict[str, str]) -> str:
    facts = data_protection.facts()
    return render_template(
        "desk/settings/privacy.html",
        owner=organisation.current(),
        facts=facts,
        version=privacy_text.words().digest[:8],
        kept=[
            (label, privacy_text.period(facts.days(name)))
            for name, label, _hint in privacy_words.periods()
        ],
        counts=legal_basis.counts(db.session()),
        bases=privacy_words.bases(),
        typed=typed,
        errors=errors,
        may_change=current_user.has_role(Role.ADMINISTRATOR),
        tabs=settings_tabs("privacy"),
    )
