"""The look of a form in a frame: a handful of CSS variables, as chosen or as tried in the desk."""

from dataclasses import replace

from flask import Response, abort, request

from newsletter_service.extensions import db
from newsletter_service.subscribers import forms
from newsletter_service.subscribers.readers import NoSuchList, open_list
from newsletter_service.web import i18n
from newsletter_service.web.access import public
from newsletter_service.web.brand import brand
from newsletter_service.web.public.pages import both, path

GROUND = "body { margin: 0; padding: 1rem; background: var(--newsletter-paper); }"
TRIED = ("accent", "paper", "corners", "font")


@both("theme", "GET")
@public
def theme(slug: str) -> Response:
    """The variables, and the ground of the frame's page. What is not a colour is left out."""
    try:
        newsletter = open_list(db.session(), slug)
    except NoSuchList:
        abort(404)
    look = forms.look_of(db.session(), newsletter.id, i18n.page_locale())
    tried = {name: request.args[name] for name in TRIED if name in request.args}
    variables = replace(look, **tried).variables(brand().accent)
    lines = "".join(f"  {name}: {value};\n" for name, value in variables.items())
    return Response(f":root {{\n{lines}}}\n{GROUND}\n", mimetype="text/css")


def theme_path(slug: str) -> str:
    """Where the look of a frame's page is, with what the desk tries."""
    query = "&".join(
        f"{name}={request.args[name].replace('#', '%23')}"
        for name in TRIED
        if request.args.get(name, "").replace("#", "").isalnum()
    )
    return path("theme", i18n.page_locale(), slug=slug) + (f"?{query}" if query else "")
