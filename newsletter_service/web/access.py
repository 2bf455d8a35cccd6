"""Who may use a route. Every view declares it; what declares nothing is denied (R 8.11).

A view is `@public`, `@machine`, `@logged_in` (whatever the roles), `@staff` (whoever works with
newsletters) or `@allow(Role.EDITOR, …)`; an administrator may use everything. `CSRF_EXEMPT` names
the few POSTs without a token of ours.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, abort, current_app, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from newsletter_service.models import STAFF, Role
from newsletter_service.web_extensions import csrf

log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])

# Endpoint -> why its POST needs no token of ours (R 8.7). A test holds it against the routes.
CSRF_EXEMPT: dict[str, str] = {
    "public.subscribe": "posted from the organisation's own site, where no token of ours can be",
    "public.frame": "the same form in a frame on that site, where no cookie of ours can be",
    "public.unsubscribe": "RFC 8058: the mailbox provider posts, and the link itself is the key",
    "public.undo": "the page that unsubscribed holds the proof; no cookie (P8)",
    "public.confirm": "the secret of the mailed link is the key; no cookie",
    "public.block": "the secret of the mailed link is the key; no cookie",
    "public.answer": "counted for nobody in particular, behind a limit; no cookie",
    "hooks.take": "posted by a provider, which signs or knows a secret; no cookie",
    "public.send_in": "the signed link is the key; nothing is shown before an editor lets it in",
    "public.choices_ask": "mails a link to the address alone, behind a limit; no cookie",
    "public.choices": "the secret of the mailed link is the key; no cookie",
    "public.new_address": "the secret of the mailed link is the key; no cookie",
    "public.preferences": "the link itself is the key, and only takes away; no cookie",
}

MACHINES_BODY_BYTES = 1024 * 1024
PICTURES_BODY_BYTES = 10 * 1024 * 1024 + 64 * 1024


@dataclass(frozen=True)
class Access:
    """What a view declares: anybody, anybody on the staff, or these roles."""

    anybody: bool = False
    roles: frozenset[Role] = STAFF
    body_bytes: int = 64 * 1024


def public(view: View) -> View:
    """For everybody, logged in or not."""
    return _declare(view, Access(anybody=True))


def machine(view: View) -> View:
    """For another machine, which proves itself in what it posts; its body may be larger."""
    return _declare(view, Access(anybody=True, body_bytes=MACHINES_BODY_BYTES))


def uploader(view: View) -> View:
    """For whoever holds a signed link by which a picture may be sent."""
    return _declare(view, Access(anybody=True, body_bytes=PICTURES_BODY_BYTES))


def logged_in(view: View) -> View:
    """For whoever is logged in, whatever the roles."""
    return _declare(view, Access(roles=frozenset(Role)))


def staff(view: View) -> View:
    """For whoever makes newsletters or runs the service; not for the data protection officer."""
    return _declare(view, Access())


def allow(*roles: Role) -> Callable[[View], View]:
    """For people with one of the roles; administrators always."""
    if not roles:
        raise ValueError("say which roles may use this; `staff` is for all of them")

    def declare(view: View) -> View:
        return _declare(view, Access(roles=frozenset(roles) | {Role.ADMINISTRATOR}))

    return declare


def declared(view: Callable[..., Any] | None) -> Access | None:
    """What a view declares; None is a mistake and means nobody."""
    return getattr(view, "newsletter_access", None)


def init_app(app: Flask) -> None:
    """Stand before every view: first who asks, then whether the form was ours."""
    public(app.view_functions["static"])
    app.before_request(_check_access)
    app.before_request(_check_csrf)


def _declare(view: View, access: Access) -> View:
    view.newsletter_access = access  # type: ignore[attr-defined]
    return view


def _check_access() -> Response | None:
    if request.endpoint is None:
        return None  # no such page, or no such method: routing answers
    access = declared(current_app.view_functions[request.endpoint])
    if access is None:
        log.error("undeclared_route", extra={"endpoint": request.endpoint})
        abort(404)
    if access.anybody:
        request.max_content_length = access.body_bytes
        return None
    if not current_user.is_authenticated:
        return _ask_to_log_in()
    if not current_user.has_role(*access.roles):
        log.warning("access_denied", extra={"endpoint": request.endpoint})
        abort(403)
    return None


def _ask_to_log_in() -> Response | None:
    """A page is answered with the way to log in; anything else with 401."""
    wants_page = request.method in {"GET", "HEAD"} and "HX-Request" not in request.headers
    if not wants_page or request.accept_mimetypes.best == "application/json":
        abort(401)
    return redirect(url_for("auth.log_in", next=request.full_path.rstrip("?")))


def _check_csrf() -> None:
    if request.endpoint is not None and request.endpoint not in CSRF_EXEMPT:
        csrf.protect()
