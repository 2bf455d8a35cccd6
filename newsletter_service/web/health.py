"""Is the process alive, is it ready, which version is it (R 9.5). Never the relay's health."""

import logging
from collections.abc import Callable
from pathlib import Path

import redis
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

import newsletter_service
from newsletter_service import queue
from newsletter_service.extensions import db
from newsletter_service.web.access import public
from newsletter_service.web_extensions import limiter

log = logging.getLogger(__name__)
blueprint = Blueprint("health", __name__)

MIGRATIONS = Path(newsletter_service.__file__).parent / "migrations"


@blueprint.get("/healthz")
@public
@limiter.exempt
def healthz() -> Response:
    """The process answers; nothing else is looked at."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@public
@limiter.exempt
def readyz() -> tuple[Response, int]:
    """Whether requests may be sent here: each check by name, 503 if one fails."""
    checks = {name: _outcome(name, check) for name, check in CHECKS.items()}
    ready = all(outcome == "ok" for outcome in checks.values())
    return jsonify(status="ready" if ready else "not ready", checks=checks), 200 if ready else 503


@blueprint.get("/version")
@public
@limiter.exempt
def version() -> Response:
    """Which version answers."""
    return jsonify(version=newsletter_service.__version__)


def _outcome(name: str, check: Callable[[], bool]) -> str:
    try:
        return "ok" if check() else "failed"
    except (SQLAlchemyError, redis.exceptions.RedisError, queue.NoQueue) as error:
        db.session.rollback()
        log.warning("not_ready", extra={"check": name, "error": type(error).__name__})
        return "failed"


def _database() -> bool:
    return bool(db.session.scalar(text("SELECT 1")) == 1)


def _redis() -> bool:
    return bool(queue.connection().ping())


def _migrations() -> bool:
    """The database stands where the newest migration of this version leaves it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    heads = set(ScriptDirectory.from_config(config).get_heads())
    with db.engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) == heads


CHECKS = {"database": _database, "redis": _redis, "migrations": _migrations}
