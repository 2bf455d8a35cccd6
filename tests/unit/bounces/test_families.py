"""Each family of mail system writes in its own shape, and each is read."""

from typing import Any

import pytest

from newsletter_service.bounces.classify import classify
from newsletter_service.bounces.parse import parse
from newsletter_service.bounces.summary import summarise
from tests.bounce_families import SAMPLES, raw, refusals


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["name"] for sample in SAMPLES])
def test_the_report_is_read_for_recipients_kind_and_reason(sample: dict[str, Any]) -> None:
    found = summarise(parse(raw(sample)))
    assert (found.kind, found.reason, list(found.recipients), found.final) == (
        sample["kind"],
        sample["reason"],
        sample["recipients"],
        sample.get("final", True),
    )


@pytest.mark.parametrize(("kind", "reason", "words"), refusals())
def test_a_servers_refusal_is_understood(kind: str, reason: str, words: str) -> None:
    said = classify("", words, "failed")
    assert (said.kind, said.reason) == (kind, reason)
