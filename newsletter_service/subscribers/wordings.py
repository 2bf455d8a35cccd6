"""The texts that people were shown, kept word for word, once for all who saw the same (R 5.12).

A consent event names a text by its digest; what was shown can be read again years later, however
often it has been changed since.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter_service.models import Wording
from newsletter_service.models.upsert import insert_new

Kind = Literal["form", "confirm", "privacy"]


@dataclass(frozen=True)
class Words:
    """A text as it was shown, in its language. Nothing in it may be a reader's own."""

    kind: Kind
    locale: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 over language and text, in hexadecimal: its version."""
        return hashlib.sha256(f"{self.locale}\n{self.text}".encode()).hexdigest()


def keep(session: Session, shown: Iterable[Words], now: datetime) -> None:
    """Within a transaction: keep these texts unless they are kept already."""
    for words in shown:
        session.execute(
            insert_new(session, Wording).values(
                digest=words.digest,
                kind=words.kind,
                locale=words.locale,
                text=words.text,
                first_at=now,
            )
        )


def of(session: Session, digests: Iterable[str]) -> dict[str, Wording]:
    """The kept texts of these digests; one that was shown before texts were kept is missing."""
    found = session.scalars(select(Wording).where(Wording.digest.in_(set(digests))))
    return {each.digest: each for each in found}


def versions(session: Session, kind: Kind, locale: str) -> list[Wording]:
    """Every version of a text in a language, the newest first."""
    return list(
        session.scalars(
            select(Wording)
            .where(Wording.kind == kind, Wording.locale == locale)
            .order_by(Wording.first_at.desc(), Wording.digest)
        )
    )
