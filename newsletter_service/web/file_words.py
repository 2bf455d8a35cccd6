"""Why a file could not be kept, and what to do, in words."""

from flask_babel import gettext as _


def trouble(code: str) -> str:
    """A code of `library.NotAFile` as a sentence in the language of the request."""
    sentences = {
        "kind": _("That is no JPEG, PNG, GIF, WebP or PDF. Save it as one of these first."),
        "broken": _("The file is damaged. Save it once more and try again."),
        "too_small": _("The picture is smaller than 40 pixels. Choose a larger one."),
        "too_large": _("The file is too large. Make it smaller than 10 MB and 40 megapixels."),
    }
    return str(sentences[code])
