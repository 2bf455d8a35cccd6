"""What every answer carries, and the limits of every question (R 8.5, 8.6, 8.10, 8.19)."""

import logging
import re
import secrets
import uuid
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from newsletter_service import queue_counts
from newsletter_service.settings import Settings, current
from newsletter_service.web_extensions import csrf, limiter

log = logging.getLogger(__name__)

YEAR_S = 365 * 24 * 3600
STAFF_BODY_BYTES = 2 * 1024 * 1024
CSRF_TOKEN_S = 12 * 3600
LARGEST_ID = 2**31 - 1
EMBEDDED = "/static/embed/"
EMBEDDED_KEPT_S = 24 * 3600
_ORIGIN = re.compile(r"https?://[\w.:\[\]-]+(?=/|$)", re.ASCII)
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


def flask_config(settings: Settings) -> dict[str, Any]:
    """The part of Flask's configuration that guards."""
    https = settings.base_url.startswith("https:")
    return {
        "SECRET_KEY": settings.secret_key,
        "MAX_CONTENT_LENGTH": STAFF_BODY_BYTES,
        "MAX_FORM_MEMORY_SIZE": STAFF_BODY_BYTES,
        "SESSION_COOKIE_NAME": "__Host-session" if https else "session",
        "SESSION_COOKIE_SECURE": https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_PATH": "/",
        "SESSION_REFRESH_EACH_REQUEST": False,
        "WTF_CSRF_CHECK_DEFAULT": False,  # access.py calls it after it knows who asks
        "WTF_CSRF_TIME_LIMIT": CSRF_TOKEN_S,
        "WTF_CSRF_SSL_STRICT": False,  # our pages send no Referer; the token is the proof
        "RATELIMIT_STORAGE_URI": queue_counts.URI,
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        "RATELIMIT_SWALLOW_ERRORS": True,
        "RATELIMIT_HEADERS_ENABLED": False,
    }


def init_app(app: Flask, settings: Settings) -> None:
    """Put request ids, headers, CSRF and rate limits around every view."""
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        proxied = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)
        app.wsgi_app = proxied  # type: ignore[method-assign]
    app.url_map.converters["int"] = RowNumber
    app.before_request(_name_request)
    app.after_request(_add_headers)
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    csrf.init_app(app)
    limiter.init_app(app)


class RowNumber(IntegerConverter):
    """A row's number in an address; what no table can hold names no page."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=LARGEST_ID)


def csp_nonce() -> str:
    """This answer's nonce; only scripts that carry it run."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(18)
    nonce: str = g.csp_nonce
    return nonce


def as_letter(html: str) -> Response:
    """A letter to be shown in a frame of ours: its own styles and pictures, never a script."""
    response = Response(html, mimetype="text/html")
    pictures = " ".join(["'self'", "data:", "https:", *_trial_origins()])
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src {pictures}; base-uri 'none';"
        " object-src 'none'; form-action 'none'; frame-ancestors 'self';"
        " sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
    )
    return response


def as_open_letter(html: str) -> Response:
    """A letter as a page of its own: its own styles and pictures from anywhere, never a script."""
    response = Response(html, mimetype="text/html")
    pictures = " ".join(["'self'", "data:", "https:", *_trial_origins()])
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src {pictures}; base-uri 'none';"
        " object-src 'none'; form-action 'none'; frame-ancestors 'self'"
    )
    return response


def as_attachment(body: bytes, filename: str, mimetype: str) -> Response:
    """A file to be saved, never shown as a page (ASVS 3.2.1)."""
    response = Response(body, mimetype=mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=filename)
    return response


def _name_request() -> None:
    given = request.headers.get("X-Request-ID", "")
    trusted = current().trusted_proxies and _REQUEST_ID.fullmatch(given)
    g.request_id = given if trusted else uuid.uuid4().hex


def _add_headers(response: Response) -> Response:
    headers = response.headers
    if response.location and response.location.startswith(request.host_url):
        # routing's own redirects repeat whatever host the question named
        response.location = "/" + response.location.removeprefix(request.host_url).lstrip("/")
        response.data = b""
    headers.setdefault("Content-Security-Policy", _policy())
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    if "request_id" in g:
        headers["X-Request-ID"] = g.request_id
    if current().base_url.startswith("https:"):
        headers["Strict-Transport-Security"] = f"max-age={YEAR_S}; includeSubDomains"
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
    elif request.path.startswith(EMBEDDED):
        _for_other_sites(response)
    return response


def _for_other_sites(response: Response) -> None:
    """Files that stand on other sites: a browser may check their digest (SRI) and keep them."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cache-Control"] = f"public, max-age={EMBEDDED_KEPT_S}"


def _policy() -> str:
    script = f"'nonce-{g.csp_nonce}'" if "csp_nonce" in g else "'none'"
    framing = " ".join(g.get("frame_ancestors", ["'none'"]))
    return (
        f"default-src 'none'; style-src 'self'; img-src {' '.join(_picture_sources())};"
        f" script-src {script}; connect-src 'self'; form-action 'self'; frame-src 'self';"
        f" frame-ancestors {framing};"
        " base-uri 'none'; object-src 'none'"
    )


def _picture_sources() -> list[str]:
    """The desk shows pictures of news from anywhere; a public page those of its owner only."""
    if request.path.startswith("/desk"):
        return ["'self'", "data:", "https:", *_trial_origins()]
    owner = _ORIGIN.match(g.get("logo_url", ""))
    return ["'self'", "data:", *([owner[0]] if owner else [])]


def _trial_origins() -> tuple[str, ...]:
    settings = current()
    return settings.trial_origins if settings.mode == "trial" else ()
