"""Proof of work by ALTCHA's second protocol: a task that costs a browser a moment and a robot much.

The task is bound to a list and lives ten minutes; a proof opens the door once (R 6.8). Its work is
known beforehand, so that no unlucky visitor waits ten times as long as another.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import altcha
from sqlalchemy.orm import Session

from newsletter_service import settings as settings_module
from newsletter_service.models import SpentProof
from newsletter_service.models.upsert import insert_new

LIVES = timedelta(minutes=10)
ALGORITHM = "PBKDF2/SHA-256"
ROUNDS = 5000
LEAST_TRIES, MOST_TRIES = 40, 80
LONGEST = 4000
_FIELD = "list"


@dataclass(frozen=True)
class Proof:
    """A task that was solved in time; `digest` names it in the store of spent ones."""

    digest: bytes
    expires_at: datetime


def is_on() -> bool:
    """Whether forms ask for work at all; `doctor` warns when they do not."""
    return settings_module.current().sign_up_work == "on"


def task(slug: str, effort: int, now: datetime) -> dict[str, Any]:
    """A task for the form of a list, as JSON; `effort` is how many times the usual work."""
    made = altcha.create_challenge(
        ALGORITHM,
        ROUNDS,
        counter=effort * (LEAST_TRIES + secrets.randbelow(MOST_TRIES - LEAST_TRIES)),
        expires_at=now + LIVES,
        data={_FIELD: slug},
        hmac_secret=_key("task"),
        hmac_key_secret=_key("answer"),
    )
    return dict(made.to_dict())


def read(text: str, slug: str, now: datetime) -> Proof | None:
    """The proof in what a form sent, or None: nothing, forged, too old, for another list."""
    if not is_on() or not text or len(text) > LONGEST or not text.isascii():
        return None
    seen = altcha.verify_solution(text, _key("task"), hmac_key_secret=_key("answer"))
    if not seen.verified:
        return None
    parameters = altcha.Payload.from_base64(text).challenge.parameters
    # the library looks at the wall clock; what was signed says the same to ours
    expires_at = datetime.fromtimestamp(parameters.expires_at or 0, tz=now.tzinfo)
    if parameters.data != {_FIELD: slug} or expires_at <= now:
        return None
    # of what was signed only: another spelling of the same answer is no other proof
    return Proof(
        hashlib.sha256(f"{parameters.nonce}.{parameters.salt}".encode()).digest(), expires_at
    )


def spend(session: Session, proof: Proof) -> bool:
    """Within a transaction: use a proof up; False when somebody has used it before."""
    made = session.execute(
        insert_new(session, SpentProof)
        .values(digest=proof.digest, expires_at=proof.expires_at)
        .returning(SpentProof.__table__.c.digest)
    )
    return made.scalar_one_or_none() is not None


def _key(purpose: str) -> bytes:
    secret = settings_module.current().secret_key
    return hmac.digest(secret, f"sign-up proof, {purpose}".encode(), hashlib.sha256)
