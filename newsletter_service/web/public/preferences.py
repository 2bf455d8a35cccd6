"""The preferences link: which lists, which language."""

from flask import abort, request
from werkzeug.wrappers import Response

from newsletter_service.subscribers import personal_link
from newsletter_service.subscribers import preferences as verbs
from newsletter_service.subscribers.preferences import Wanted
from newsletter_service.tokens import BadToken
from newsletter_service.web.access import public
from newsletter_service.web.public.pages import alternate, both, now, page, unlisted, visitor


@both("preferences", "GET", "POST")
@public
def preferences(token: str) -> Response:
    """Show what is chosen; take a new choice."""
    changed = None
    try:
        if request.form.get("act") == "mail":
            personal_link.ask_by_letter(token, now())
            return unlisted(page("choices_asked.html"))
        if request.method == "POST":
            wanted = Wanted(
                frozenset(request.form.getlist("lists")), request.form.get("language", "")
            )
            changed = verbs.change(token, wanted, visitor(channel="preferences"), now())
        chosen = verbs.view(token)
    except BadToken:
        abort(404)
    if chosen is None:
        return unlisted(page("forgotten.html"))
    other = alternate("preferences", token=token)
    return unlisted(
        page("preferences.html", chosen=chosen, changed=changed, token=token, alternate=other)
    )
