"""Settings that cannot be used: all told at once, each with what to do, and never the secret."""

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter_service.app import create_app
from newsletter_service.settings import Settings, SettingsError

SECRET = base64.b64encode(b"a secret that nobody may ever see").decode()
SPOILED = {
    "NEWSLETTER_LINK_KEYS": SECRET,
    "NEWSLETTER_SECRET_KEY": "hunter2",
    "NEWSLETTER_ADDRESS_KEY": "hunter2hunter2",
    "NEWSLETTER_SMTP_URL": "smtp://user:hunter2@relay.example.org:notaport",
    "NEWSLETTER_BASE_URL": "nyhetsbrev.example.org",
    "NEWSLETTER_MODE": "production",
    "NEWSLETTER_SMTP_CONNECTIONS": "many",
    "NEWSLETTER_SMTP_TIMEOUT": "-1",
    "NEWSLETTER_LISTEN": "8000",
    "NEWSLETTER_INBOUND_LISTEN": "127.0.0.1:smtp",
    "NEWSLETTER_TIMEZONE": "Europe/Fjälläng",
    "NEWSLETTER_RETRY_SECONDS": "60,soon",
    "NEWSLETTER_LOG_LEVEL": "LOUD",
    "NEWSLETTER_TRUSTED_PROXIES": "1000",
    "NEWSLETTER_METRICS_TOKEN_FILE": "/no/such/file",
}


@pytest.fixture
def faults() -> list[str]:
    """What is said about settings of which none can be used."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(SPOILED)
    return caught.value.faults


def test_every_fault_is_told_at_once(faults: list[str]) -> None:
    told = {fault.partition(":")[0] for fault in faults}
    assert told == {name.removesuffix("_FILE") for name in SPOILED}


def test_every_fault_says_what_to_do(faults: list[str]) -> None:
    for fault in faults:
        if "METRICS_TOKEN" not in fault:  # says which file is not there
            assert "must be" in fault, fault
        assert "invalid literal" not in fault


def test_no_fault_holds_a_secret(faults: list[str]) -> None:
    assert SECRET not in "\n".join(faults)
    assert "hunter2" not in "\n".join(faults)


def test_a_data_directory_that_cannot_be_used_is_told_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError, match="NEWSLETTER_DATA_DIR"):
        Settings.from_env({"NEWSLETTER_DATA_DIR": str(tmp_path / "file" / "below")})


def test_kept_keys_that_were_damaged_are_told_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(SettingsError, match=r"keys\.json"):
        Settings.from_env({"NEWSLETTER_DATA_DIR": str(tmp_path)})
    assert (tmp_path / "keys.json").read_text() == "{"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a secret in every place for one, given by files."""
    given = {
        "SECRET_KEY": SECRET,
        "ADDRESS_KEY": SECRET,
        "LINK_KEYS": f"1:{SECRET}",
        "METRICS_TOKEN": SECRET,
        "SMTP_URL": f"smtps://user:{SECRET.rstrip('=')}@relay.example.org",
        "REDIS_URL": f"redis://:{SECRET.rstrip('=')}@127.0.0.1:1/0",
    }
    env = {"NEWSLETTER_DATA_DIR": str(tmp_path)}
    for name, value in given.items():
        (tmp_path / name).write_text(value + "\n")
        env[f"NEWSLETTER_{name}_FILE"] = str(tmp_path / name)
    return Settings.from_env(env)


def forms_of_the_secret() -> Iterator[str]:
    raw = base64.b64decode(SECRET)
    yield from (SECRET.rstrip("="), raw.decode(), raw.hex(), repr(raw)[2:-1])


def test_secrets_come_from_files_and_show_nowhere(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert settings.metrics_token == SECRET
    app = create_app(settings)
    with app.app_context():
        logging.getLogger("newsletter_service").error("here", extra={"settings": settings})
        logging.getLogger("newsletter_service").error("%r", settings)
    shown = [repr(settings), str(settings), json.dumps({"a": settings}, default=str)]
    shown.append(capsys.readouterr().err)
    for path in ("/healthz", "/readyz", "/version", "/", "/metrics", "/no-such-page"):
        shown.append(app.test_client().get(path).get_data(as_text=True))
    for secret in forms_of_the_secret():
        assert not any(secret in text for text in shown)


def test_the_keys_that_are_made_are_readable_to_their_owner_only(tmp_path: Path) -> None:
    Settings.from_env({"NEWSLETTER_DATA_DIR": str(tmp_path)})
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
