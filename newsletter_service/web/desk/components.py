"""Every component in every state, for whoever makes a page. In trial mode only."""

from flask import Blueprint, abort, render_template

from newsletter_service.settings import current
from newsletter_service.web.access import staff

blueprint = Blueprint("components", __name__, url_prefix="/desk")


@blueprint.get("/components")
@staff
def everything() -> str:
    """The page of components."""
    if current().mode != "trial":
        abort(404)
    return render_template("desk/components.html")
