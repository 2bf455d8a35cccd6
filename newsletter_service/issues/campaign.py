"""Campaign tags: links to the organisation's own domains say which issue they stood in.

They are the same in every copy, so the site's own statistics tell how many came, and not who.
"""

from urllib.parse import urlsplit

from newsletter_service.accounts import sending
from newsletter_service.mail import addresses_in
from newsletter_service.mail.message import Letter
from newsletter_service.models import Issue, Organisation
from newsletter_service.settings import Settings


def tagged(
    letter: Letter, issue: Issue, organisation: Organisation | None, settings: Settings
) -> Letter:
    """The letter with tags, if the newsletter wants them; links to our own pages stay bare."""
    decided = sending.of_list(issue.newsletter)
    if not decided.campaign:
        return letter
    site = urlsplit(organisation.website if organisation else "").hostname or ""
    domains = {site.lower().removeprefix("www."), *decided.own_domains} - {""}
    tags = {
        "utm_source": issue.newsletter.slug,
        "utm_medium": "email",
        "utm_campaign": f"nr-{issue.number}",
    }

    def change(address: str) -> str:
        if address.startswith(settings.base_url):
            return address
        return addresses_in.tagged(address, domains, tags)

    return addresses_in.changed(letter, change)
