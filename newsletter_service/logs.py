"""Logs: one JSON object a line on standard error, UTC, without addresses (R 9.9, P10)."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

from flask import Flask, g, has_request_context

from newsletter_service.settings import Settings

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_ADDRESS = re.compile(r"[^\s<>\"'()\[\],;:@]+@([\w.-]+)")
_TOKEN = re.compile(
    r"/(bekrafta|confirm|sparra|block|avprenumerera|unsubscribe|installningar|preferences|logga-in)"
    r"/[\w.~-]{16,}"
)


def masked(text: str) -> str:
    """The text without local parts of addresses and without tokens of links."""
    return _TOKEN.sub(r"/\1/…", _ADDRESS.sub(r"…\1", text)).replace("@", "…")


class JsonLines(logging.Formatter):
    """One object a line; `extra` becomes fields, `event` is the message."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        if has_request_context() and "request_id" in g:
            line["request_id"] = g.request_id
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return masked(json.dumps(line, default=str, ensure_ascii=False))


def init_app(_app: Flask, settings: Settings) -> None:
    """Send everything of this process through the one formatter."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("rq", "rq.worker", "alembic", "httpx", "mail.log", "CSSUTILS", "PIL"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
