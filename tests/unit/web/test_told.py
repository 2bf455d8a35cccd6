"""Stored sentences in the language of the page."""

from collections.abc import Iterator

import pytest
from flask import Flask

from newsletter_service import settings
from newsletter_service.settings import Settings
from newsletter_service.web import i18n
from newsletter_service.web.told import PAUSED_BY, PAUSED_BY_HAND, told


@pytest.fixture
def swedish() -> Iterator[None]:
    """A page in Swedish with the real catalogue."""
    app = Flask("newsletter_service")
    app.extensions[settings.KEY] = Settings()
    i18n.init_app(app)
    with app.test_request_context("/"):
        yield


@pytest.mark.usefixtures("swedish")
@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ("", ""),
        (PAUSED_BY_HAND, "Pausat för hand."),
        (PAUSED_BY % {"name": "Kim"}, "Pausat av Kim"),
        (
            "The relay refuses our mail, not the readers: 550 5.7.1 Blocked: see 100% of it",
            "E-postservern vägrar ta våra brev, felet ligger inte hos läsarna:"
            " 550 5.7.1 Blocked: see 100% of it",
        ),
        (
            "smtp.example.org:587 did not answer within 30 seconds. [connect]",
            "smtp.example.org:587 svarade inte inom 30 sekunder.",
        ),
        ("what somebody typed [sic] by hand: 100%", "what somebody typed [sic] by hand: 100%"),
    ],
)
def test_a_stored_sentence_is_said_in_the_language_of_the_page(stored: str, said: str) -> None:
    assert told(stored) == said
