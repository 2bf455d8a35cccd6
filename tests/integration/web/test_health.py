"""Alive, ready, which version (R 9.5)."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

import newsletter_service
from newsletter_service.app import create_app
from newsletter_service.settings import Settings


def test_r_9_5_alive_whatever_else_is_down(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}


def test_r_9_5_without_redis_it_is_not_ready_and_says_which_check(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {
        "status": "not ready",
        "checks": {"database": "ok", "redis": "failed", "migrations": "ok"},
    }


def test_r_9_5_ready_when_database_redis_and_migrations_are(
    environment: dict[str, str], valkey_url: str
) -> None:
    app = create_app(Settings.from_env(environment | {"NEWSLETTER_REDIS_URL": valkey_url}))
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json is not None
    assert set(answer.json["checks"].values()) == {"ok"}


@pytest.fixture
def unmigrated(environment: dict[str, str]) -> Flask:
    """An app whose database has no tables yet."""
    directory = environment["NEWSLETTER_DATA_DIR"]
    url = f"sqlite:///{directory}/empty.db"
    return create_app(Settings.from_env(environment | {"NEWSLETTER_DATABASE_URL": url}))


def test_r_9_5_without_migrations_it_is_not_ready_and_tells_no_secret(unmigrated: Flask) -> None:
    answer = unmigrated.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["checks"]["migrations"] == "failed"
    assert "sqlite" not in answer.text


def test_pages_say_so_when_the_database_cannot_be_used(unmigrated: Flask) -> None:
    assert unmigrated.test_client().get("/desk/logga-in").status_code == 200
    assert unmigrated.test_client().get("/prenumerera/x").status_code == 503


def test_the_version_is_told(client: FlaskClient) -> None:
    assert client.get("/version").json == {"version": newsletter_service.__version__}
