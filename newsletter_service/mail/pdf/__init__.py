"""A letter on paper: the same values as the mail's template, as pages of A4.

Knows no database and no network: pictures are given, or their description stands for them.
"""

from newsletter_service.mail.pdf.pages import document

__all__ = ["document"]
