"""Logging in and out. Flask-Login carries the token of a session kept on the server (R 8.9)."""

import re
from datetime import UTC, datetime

from flask import (
    Blueprint,
    Flask,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _
from flask_limiter.util import get_remote_address
from flask_login import UserMixin, current_user, login_user, logout_user
from werkzeug.wrappers import Response as AnyResponse

from newsletter_service.accounts import links, sessions
from newsletter_service.models import STAFF, Person, Role
from newsletter_service.web.access import logged_in, public
from newsletter_service.web_extensions import limiter, login_manager

blueprint = Blueprint("auth", __name__, url_prefix="/desk")

HOME = "/desk/"
_OURS = re.compile(r"/desk/[A-Za-z0-9/?=&%.,_~:+-]*", re.ASCII)


class LoggedIn(UserMixin):  # type: ignore[misc]
    """The person of this request, by the session token that the cookie carries."""

    def __init__(self, token: str, person: Person) -> None:
        self.token = token
        self.id = person.id
        self.email = person.email
        self.name = person.name or person.email
        self.roles = list(person.roles)
        self.locale = person.locale
        self.has_password = bool(person.password_hash)

    def get_id(self) -> str:
        """What the cookie holds: the token, never the person's id."""
        return self.token

    def has_role(self, *roles: Role) -> bool:
        """Whether the person has one of the roles; administrators have all."""
        return Role.ADMINISTRATOR in self.roles or any(role in self.roles for role in roles)


def init_app(app: Flask) -> None:
    """Bind Flask-Login; access.py decides what needs it."""
    login_manager.session_protection = None  # the token is the proof; addresses change
    login_manager.user_loader(_load)
    login_manager.init_app(app)


@blueprint.get("/logga-in")
@public
def log_in() -> AnyResponse | str:
    """The form for a password, or for a link by mail."""
    if current_user.is_authenticated:
        return redirect(_next())
    return render_template("auth/log_in.html", next=_next(), email="", errors={})


def _account_key() -> str:
    return "account:" + request.form.get("email", "").strip().lower()[:254]


def _was_refused(response: Response) -> bool:
    return response.status_code == 422


@blueprint.post("/logga-in")
@public
@limiter.limit("60 per 5 minutes", key_func=get_remote_address)
@limiter.limit("10 per 10 minutes", key_func=_account_key, deduct_when=_was_refused)
def log_in_with_password() -> AnyResponse:
    """Open a session by password. A wrong one and an unknown address are told alike."""
    email = request.form.get("email", "")
    try:
        token = sessions.log_in(email, request.form.get("password", ""), _now())
    except sessions.WrongCredentials:
        wrong = _("The e-mail address and the password do not belong together.")
        page = render_template(
            "auth/log_in.html", next=_next(), email=email, errors={"password": wrong}
        )
        return make_response(page, 422)
    return _begin(token)


@blueprint.post("/logga-in/lank")
@public
@limiter.limit("20 per hour", key_func=get_remote_address)
def ask_for_link() -> AnyResponse:
    """Mail a link to whoever is on the staff; the answer is the same for all."""
    links.ask_for_link(request.form.get("email", ""), _now())
    return redirect(url_for("auth.link_is_on_its_way"), 303)


@blueprint.get("/logga-in/lank")
@public
def link_is_on_its_way() -> str:
    """What to do now that a link was asked for."""
    return render_template("auth/link_sent.html")


@blueprint.get("/logga-in/<token>")
@public
def open_link(token: str) -> AnyResponse:
    """A button and nothing else: opening a link logs nobody in (P8)."""
    if request.args.get("next") and current_user.is_authenticated:
        return redirect(_next())  # the mail's link is kept for a browser that is not logged in
    usable = links.usable(token, _now())
    page = render_template("auth/link.html", token=token, usable=usable, next=_next())
    return make_response(page, 200 if usable else 410)


@blueprint.post("/logga-in/<token>")
@public
@limiter.limit("60 per 5 minutes", key_func=get_remote_address)
def log_in_with_link(token: str) -> AnyResponse:
    """Use the link up and open a session."""
    try:
        return _begin(links.redeem(token, _now()))
    except links.LinkExpired:
        page = render_template("auth/link.html", token=token, usable=False, next=_next())
        return make_response(page, 410)


@blueprint.post("/logga-ut")
@logged_in
def log_out() -> AnyResponse:
    """End the session on the server; a copy of the cookie is worth nothing after it."""
    sessions.log_out(current_user.token, _now())
    logout_user()
    session.clear()
    flash(_("You are logged out."), "good")
    return redirect(url_for("auth.log_in"), 303)


def _begin(token: str) -> AnyResponse:
    """Start afresh: nothing of the session before the log-in lives on (ASVS 7.2.4)."""
    found = sessions.find(token, _now())
    if found is None:
        raise links.LinkExpired
    target = _next()
    session.clear()
    login_user(LoggedIn(token, found.person))
    if target == HOME and not found.person.has_role(*STAFF):
        target = url_for("privacy.overview")
    return redirect(target, 303)


def _next() -> str:
    """The page that was asked for, if it is one of the desk's."""
    wanted = request.values.get("next", "")
    ours = _OURS.fullmatch(wanted) and ".." not in wanted
    return wanted if ours and not wanted.startswith("/desk/logga-") else HOME


def _load(token: str) -> LoggedIn | None:
    found = sessions.find(token, _now())
    return LoggedIn(token, found.person) if found else None


def _now() -> datetime:
    return datetime.now(UTC)
