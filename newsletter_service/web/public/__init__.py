"""The pages that visitors and readers meet: signing up, confirming, leaving, choosing.

They set no cookie and run no script. Swedish and English have addresses of their own.
"""

from newsletter_service.web.public import (
    about,
    accessibility,
    answering,
    archive,
    choices,
    confirming,
    files,
    following,
    form_theme,
    leaving,
    preferences,
    sending_in,
    sign_up,
)
from newsletter_service.web.public.pages import blueprint

__all__ = [
    "about",
    "accessibility",
    "answering",
    "archive",
    "blueprint",
    "choices",
    "confirming",
    "files",
    "following",
    "form_theme",
    "leaving",
    "preferences",
    "sending_in",
    "sign_up",
]
