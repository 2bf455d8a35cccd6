"""Pictures and PDFs of letters, to everybody and for good: an address never shows anything else."""

from flask import Response, abort, request

from newsletter_service.pictures import library
from newsletter_service.web.access import public
from newsletter_service.web.public.pages import blueprint
from newsletter_service.web.security import as_attachment

FOR_GOOD = "public, max-age=31536000, immutable"
# A picture opened by itself runs nothing (R 8.14).
_INERT = "default-src 'none'; sandbox"


@blueprint.get("/bild/<key>.<ending>")
@public
def picture(key: str, ending: str) -> Response:
    """One rendition of a picture."""
    found = library.bytes_of(key, ending) if ending in ("jpg", "png") else None
    if found is None:
        abort(404)
    return _for_good(Response(found.body, mimetype=found.mime), key)


@blueprint.get("/fil/<key>/<name>.pdf")
@public
def document(key: str, name: str) -> Response:
    """A PDF, to be saved and not shown as a page of ours (ASVS 3.2.1)."""
    found = library.bytes_of(key, "pdf")
    if found is None or "-" in key:
        abort(404)
    return _for_good(as_attachment(found.body, f"{name[:80]}.pdf", found.mime), key)


def _for_good(response: Response, key: str) -> Response:
    response.headers["Cache-Control"] = FOR_GOOD
    response.headers["Content-Security-Policy"] = _INERT
    # the letter in the archive and in web mail stands on other origins
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.set_etag(key)
    response.make_conditional(request)
    return response
