"""What goes wrong becomes a page in the reader's language, or JSON for who asks for that.

Each says what happened and what to do next (P12); none shows what went on inside (R 8.16).
"""

import logging
from dataclasses import dataclass

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException

from newsletter_service.extensions import db
from newsletter_service.models import IllegalMove

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Words:
    """The heading of an error page and what to do now."""

    title: str
    remedy: str


def init_app(app: Flask) -> None:
    """Bind what may be raised to what is answered."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _form_too_old)
    app.register_error_handler(IllegalMove, _already_moved)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(DataError, _cannot_be_kept)
    app.register_error_handler(OverflowError, _cannot_be_kept)
    app.register_error_handler(Exception, _unexpected)


def answer(code: int, words: Words | None = None) -> Response:
    """The answer for a status: a whole page, a line for htmx, or JSON."""
    words = words or _words(code)
    if _wants_json():
        body = {"error": {"status": code, "title": words.title, "remedy": words.remedy}}
        response = jsonify(body | {"request_id": g.get("request_id", "")})
    else:
        response = make_response(render_template("errors/error.html", code=code, words=words))
    response.status_code = code
    return response


def _words(code: int) -> Words:
    known = {
        400: lambda: Words(
            _("We could not read that."),
            _("Go back, check what you wrote and try again."),
        ),
        401: lambda: Words(
            _("You are logged out."),
            _("Log in again; what you saved is still there."),
        ),
        403: lambda: Words(
            _("You may not see this page."),
            _("Ask an administrator of the newsletter to give you the role it needs."),
        ),
        404: lambda: Words(
            _("There is no such page."),
            _("Check the address. If you followed a link from a letter, copy all of it."),
        ),
        405: lambda: Words(
            _("This address cannot be used that way."),
            _("Go back to the page you came from and use its buttons."),
        ),
        413: lambda: Words(
            _("That was too large."),
            _("Send less text or a smaller file, and try again."),
        ),
        429: lambda: Words(
            _("That was many tries in a short time."),
            _("Wait a few minutes and try again. Nothing has been locked."),
        ),
        503: lambda: Words(
            _("The service is resting for a moment."),
            _("Try again in a minute. What was saved is safe."),
        ),
    }
    if code in known:
        return known[code]()
    return Words(
        _("Something went wrong on our side."),
        _("It has been noted. Try again in a while; what was saved is safe."),
    )


def _http(error: HTTPException) -> Response:
    code = error.code or 500
    if code < 400:
        return make_response(error.get_response())
    response = answer(code)
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            response.headers.set(name, value)
    return response


def _form_too_old(_error: CSRFError) -> Response:
    log.warning("csrf_refused", extra={"endpoint": request.endpoint})
    return answer(
        400,
        Words(
            _("The page had been open for too long."),
            _("Go back, load the page again and send the form once more."),
        ),
    )


def _already_moved(error: IllegalMove) -> Response:
    db.session.rollback()
    log.info("illegal_move", extra={"before": error.before, "after": error.after})
    return answer(
        409,
        Words(
            _("Somebody was before you."),
            _("This has changed since you opened the page. Load it again to see how it stands."),
        ),
    )


def _database_away(error: OperationalError) -> Response:
    _forget_the_database()
    log.error("database_unavailable", exc_info=error)
    response = answer(503)
    response.headers["Retry-After"] = "30"
    return response


def _cannot_be_kept(error: DataError | OverflowError) -> Response:
    """A number or a character that no database takes; nobody types it, so a general word does."""
    db.session.rollback()
    log.warning("not_storable", extra={"error": type(error).__name__})
    return answer(400)


def _unexpected(error: Exception) -> Response:
    _forget_the_database()
    log.error("unexpected_error", exc_info=error, extra={"endpoint": request.endpoint})
    return answer(500)


def _forget_the_database() -> None:
    """The page about a failure must not need what failed."""
    db.session.rollback()
    g.database_away = True


def _wants_json() -> bool:
    if request.path.startswith("/api/"):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"
