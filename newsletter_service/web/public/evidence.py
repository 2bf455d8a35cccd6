"""What a filled-in form says about who filled it in: its stamp, its proof, the site it is from."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from newsletter_service.settings import current
from newsletter_service.subscribers import proofs
from newsletter_service.subscribers.lanes import Evidence
from newsletter_service.subscribers.proofs import Proof
from newsletter_service.web.brand import brand
from newsletter_service.web.public.pages import now as right_now

QUICKEST_PERSON_S = 2
STAMP_LIVES_S = 24 * 3600
HONEYPOT = "reference"
STAMP = "stamp"
PROOF = "altcha"


@dataclass(frozen=True)
class Stamp:
    """What our own form carries: that it is ours, and how it was shown."""

    slug: str
    way: str


def stamp(slug: str, way: str) -> str:
    """The value of the hidden field of a form that is shown now."""
    return _signer().dumps([slug, way])


def stamped() -> Stamp | None:
    """The stamp of a form of ours that a person can have filled in within the last day."""
    try:
        said, made = _signer().loads(
            request.form.get(STAMP, ""), max_age=STAMP_LIVES_S, return_timestamp=True
        )
        found = Stamp(*map(str, said))
    except (BadSignature, TypeError):
        return None
    in_time = (right_now() - made).total_seconds() >= QUICKEST_PERSON_S
    return found if in_time or request.form.get(PROOF) else None


def origin() -> str:
    """The site whose page was sent, as `https://host`, or an empty text when it does not say."""
    said = request.headers.get("Origin", "")
    if said and said != "null":
        return said.lower()
    parts = urlsplit(request.headers.get("Referer", ""))
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""


def own_origins() -> set[str]:
    """Where our own pages stand."""
    return {origin_of(current().base_url), request.host_url.rstrip("/").lower()}


def origin_of(url: str) -> str:
    """The origin of an address (RFC 6454)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""


def known_origins() -> set[str]:
    """Sites that may carry our forms."""
    return {origin_of(brand().url)} - {""}


def proof(slug: str) -> Proof | None:
    """The work that was done for this form."""
    return proofs.read(request.form.get(PROOF, ""), slug, right_now())


def evidence() -> Evidence:
    """What else speaks for a person, or against one."""
    site = origin()
    known = site in known_origins()
    strange = bool(site) and not known and site not in own_origins()
    return Evidence(
        known_site=known or (not strange and stamped() is not None), strange_site=strange
    )


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current().secret_key, salt="sign-up form")
