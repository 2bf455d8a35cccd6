"""The checks of the mailboxes that bounces are fetched from: opened, counted, nothing taken."""

from newsletter_service.bounces.mailbox_sessions import MailboxFault, opened
from newsletter_service.bounces.mailbox_url import BadMailboxUrl, MailboxUrl
from newsletter_service.operations.findings import Check, failed, ok

SETTING = "NEWSLETTER_BOUNCE_MAILBOX_URL"
PATIENCE_S = 10.0
MOST_COUNTED = 1000


def check(addresses: tuple[str, ...]) -> list[Check]:
    """A check for every mailbox that is configured."""
    return [_one(address) for address in addresses]


def _one(address: str) -> Check:
    try:
        url = MailboxUrl.parse(address)
    except BadMailboxUrl as error:
        return failed(
            "mailbox", "NEWSLETTER_BOUNCE_MAILBOX_URL", "mailbox.address", said=str(error)
        )
    try:
        with opened(url, PATIENCE_S) as mailbox:
            waiting = len(mailbox.waiting((), MOST_COUNTED))
    except MailboxFault as fault:
        return failed("mailbox", str(url), f"mailbox.{fault.kind}", said=fault.said)
    return ok("mailbox", str(url), "mailbox.opens", waiting=str(waiting))
