"""Addresses for one day: domains of services that give them away (R 6.10).

The list is the package `disposable-email-domains`, as of the version in the lock file. A subdomain
is its domain's; what stands before the @, a `+tag` too, never counts.
"""

from disposable_email_domains import blocklist

from newsletter_service import settings as settings_module


def is_throwaway(domain: str) -> bool:
    """Whether mailboxes of a domain live for a day only."""
    labels = domain.lower().split(".")
    return any(".".join(labels[at:]) in blocklist for at in range(len(labels) - 1))


def is_refused(domain: str) -> bool:
    """Whether this installation takes no sign-up from a domain."""
    return settings_module.current().throwaway_addresses == "refuse" and is_throwaway(domain)
