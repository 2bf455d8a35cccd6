"""What a filled-in form says about who filled it in: its stamp, its proof, the site it is from."""

from dataclasses import dataclass

from flask import g, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from newsletter_service.extensions import db
from newsletter_service.settings import current
from newsletter_service.subscribers import forms, proofs
from newsletter_service.subscribers.forms import origin_of
from newsletter_service.subscribers.lanes import Evidence
from newsletter_service.subscribers.proofs import Proof
from newsletter_service.web.public.pages import now as right_now

QUICKEST_PERSON_S = 2
STAMP_LIVES_S = 24 * 3600
HONEYPOT = "reference"
STAMP = "stamp"
PROOF = "altcha"
PAGE, FRAME, FORM, SCRIPT = "page", "frame", "form", "script"


@dataclass(frozen=True)
class Stamp:
    """What our own form carries: that it is ours, how it was shown, and the site around it."""

    slug: str
    way: str
    site: str


def stamp(slug: str, way: str) -> str:
    """The value of the hidden field of a form that is shown now."""
    came_from = origin_of(request.headers.get("Referer", ""))
    return _signer().dumps([slug, way, "" if came_from in own_origins() else came_from])


def stamped() -> Stamp | None:
    """The stamp of a form of ours that a person can have filled in within the last day.

    One that comes back too soon was filled in by no person, unless the browser worked for it.
    """
    try:
        said, made = _signer().loads(
            request.form.get(STAMP, ""), max_age=STAMP_LIVES_S, return_timestamp=True
        )
        found = Stamp(*map(str, said))
    except (BadSignature, TypeError):
        return None
    in_time = (right_now() - made).total_seconds() >= QUICKEST_PERSON_S
    return found if in_time or request.form.get(PROOF) else None


def used(way: str) -> tuple[str, str]:
    """In which way a form was used, and on which site, as far as it says."""
    ours = stamped()
    if ours is not None or way == FRAME:
        return way, ours.site if ours else ""
    return (SCRIPT if request.accept_mimetypes.best == "application/json" else FORM), origin()


def origin() -> str:
    """The site whose form was sent, as `https://host`, or an empty text when it does not say."""
    said = request.headers.get("Origin", "")
    return origin_of(said if said not in {"", "null"} else request.headers.get("Referer", ""))


def own_origins() -> set[str]:
    """Where our own pages stand."""
    return {origin_of(current().base_url), origin_of(request.host_url)}


def known_origins() -> set[str]:
    """Sites that may carry our forms."""
    if "form_sites" not in g:
        g.form_sites = set(forms.sites(db.session()))
    found: set[str] = g.form_sites
    return found


def proof(slug: str) -> Proof | None:
    """The work that was done for this form."""
    return proofs.read(request.form.get(PROOF, ""), slug, right_now())


def evidence() -> Evidence:
    """What else speaks for a person, or against one."""
    site = origin()
    known = site in known_origins()
    strange = bool(site) and not known and site not in own_origins()
    ours = not strange and stamped() is not None
    return Evidence(known_site=known or ours, strange_site=strange)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current().secret_key, salt="sign-up form")
