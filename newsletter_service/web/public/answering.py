"""Was the letter useful? A button page: the link in the letter only asks, its POST counts (P8)."""

from flask import abort, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.extensions import db
from newsletter_service.issues import answers
from newsletter_service.issues.answers import NotAsked
from newsletter_service.web import i18n
from newsletter_service.web.access import public
from newsletter_service.web.public.pages import both, network, page, unlisted
from newsletter_service.web_extensions import limiter

PER_NETWORK = "60 per hour"
REPLIES = {"yes": True, "no": False}


@both("answer", "GET", "POST")
@public
@limiter.limit(PER_NETWORK, key_func=network, methods=["POST"])
def answer(issue_id: int, reply: str) -> Response:
    """Show the button; count when it is pressed."""
    if reply not in REPLIES:
        abort(404)
    try:
        issue = answers.answerable(db.session(), issue_id)
        number = _("No. %(number)s", number=issue.number)
        title = f"{issue.newsletter.title(i18n.page_locale())}, {number}"
        if request.method == "POST":
            answers.count(issue_id, useful=REPLIES[reply])
    except NotAsked:
        abort(404)
    pressed = request.method == "POST"
    return unlisted(page("answer.html", useful=REPLIES[reply], pressed=pressed, title=title))
