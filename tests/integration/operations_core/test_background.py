"""What works in the background has no pages and speaks both languages."""

from pathlib import Path

from flask_babel import force_locale, format_decimal, gettext

from newsletter_service.background import create_background
from newsletter_service.settings import Settings
from newsletter_service.subscribers import pressure


def test_it_speaks_both_languages_and_counts_with_the_web_processes(
    sqlite_url: str, tmp_path: Path, valkey_url: str
) -> None:
    env = {
        "NEWSLETTER_DATABASE_URL": sqlite_url,
        "NEWSLETTER_DATA_DIR": str(tmp_path),
        "NEWSLETTER_REDIS_URL": valkey_url,
    }
    for _ in range(2):  # two processes
        app = create_background(Settings.from_env(env))
        assert not app.blueprints
        with app.app_context():
            assert gettext("today %(clock)s", clock="09.00") == "i dag 09.00"
            assert format_decimal(12431.5) == "12\N{NO-BREAK SPACE}431,5"
            with force_locale("en"):
                assert gettext("today %(clock)s", clock="09:00") == "today 09:00"
            count = pressure.note("network", "192.0.2.0")
            pressure.forget()
    assert count == 2
