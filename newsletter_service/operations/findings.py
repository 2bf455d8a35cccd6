"""What a check found, as stable codes, and the sentences that tell people what to do."""

import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from typing import Any

_WORDS: dict[str, dict[str, dict[str, str]]] = tomllib.loads(
    files("newsletter_service.operations").joinpath("findings.toml").read_text("utf-8")
)
LOCALES = ("en", "sv")


class Outcome(StrEnum):
    """How a check ended; only `failed` keeps an installation from going live."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One check: `name` is what was looked at, `subject` where, `code` what was found there."""

    name: str
    subject: str
    outcome: Outcome
    code: str
    values: dict[str, str] = field(default_factory=dict)

    def told(self, locale: str) -> dict[str, str]:
        """The check in a language: `title`, `found` and `remedy`, which may be empty."""
        words = _WORDS["found"][self.code]
        values = {"subject": self.subject, **self.values}
        suffix = f"_{locale if locale in LOCALES else 'en'}"
        return {
            "title": _WORDS["title"][self.name]["title" + suffix] + f": {self.subject}",
            "found": words["found" + suffix].format(**values),
            "remedy": words.get("remedy" + suffix, "").format(**values),
        }

    def as_dict(self) -> dict[str, Any]:
        """For storing and for programs; the sentences in English."""
        return {
            "name": self.name,
            "subject": self.subject,
            "outcome": self.outcome,
            "code": self.code,
            "values": self.values,
            **self.told("en"),
        }

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Check":
        """The check again from what was stored."""
        return cls(
            stored["name"],
            stored["subject"],
            Outcome(stored["outcome"]),
            stored["code"],
            dict(stored["values"]),
        )


def ok(name: str, subject: str, code: str, **values: str) -> Check:
    """A check that found all well."""
    return Check(name, subject, Outcome.OK, code, values)


def warning(name: str, subject: str, code: str, **values: str) -> Check:
    """A check that found something to look over."""
    return Check(name, subject, Outcome.WARNING, code, values)


def failed(name: str, subject: str, code: str, **values: str) -> Check:
    """A check that found what must be mended."""
    return Check(name, subject, Outcome.FAILED, code, values)


def skipped(name: str, subject: str, code: str, **values: str) -> Check:
    """A check that does not apply here; the code says why."""
    return Check(name, subject, Outcome.SKIPPED, code, values)
