"""What the steps of *Kom igång* show: how far one has come, and what was found so far."""

from typing import Any

from newsletter_service.accounts import newsletters, organisation
from newsletter_service.address import is_reserved
from newsletter_service.models import NewsletterList
from newsletter_service.news import probe, sources
from newsletter_service.web.desk import actor, trouble


def done() -> dict[str, bool]:
    """Which steps have been taken, by what stands in rows."""
    owner, listed = organisation.current(), the_list()
    has_sources = listed is not None and bool(sources.of_list(listed.id))
    return {
        "site": owner is not None or probe.latest() is not None,
        "organisation": owner is not None and bool(owner.postal_address),
        "newsletter": listed is not None,
        "proposals": has_sources,
        "issue": False,
    }


def the_list() -> NewsletterList | None:
    """The first newsletter, once there is one."""
    lists = newsletters.everything()
    return lists[0] if lists else None


def organisation_values() -> dict[str, str]:
    """What is kept already, else what the site told."""
    owner, latest = organisation.current(), probe.latest()
    if owner is not None:
        names = ("name", "postal_address", "org_nr", "contact_email")
        return {name: getattr(owner, name) for name in names}
    found = latest.found if latest else {}
    return {
        "name": found.get("name", ""),
        "postal_address": found.get("postal_address", ""),
        "org_nr": "",
        "contact_email": found.get("email") or _own_address(),
    }


def _own_address() -> str:
    """The address of who sets up, unless its domain is one that cannot exist."""
    own = actor()
    return "" if is_reserved(own.rpartition("@")[2]) else own


def proposal_values() -> dict[str, Any]:
    """What the site told, or that it has not answered yet."""
    latest, owner = probe.latest(), organisation.current()
    found: dict[str, Any] = latest.found if latest else {}
    return {
        "probe": latest,
        "waiting": latest is not None and latest.answered_at is None,
        "trouble": trouble(latest.error) if latest and latest.error else "",
        "feeds": found.get("feeds", []),
        "logos": found.get("logos", [])[:4],
        "accents": found.get("accents", [])[:4],
        "accent": owner.accent if owner else "",
        "url": latest.url if latest else "",
    }


def issue_values() -> dict[str, Any]:
    """How far the news has come."""
    listed = the_list()
    health = sources.of_list(listed.id) if listed else []
    return {
        "sources": health,
        "fetched": sum(1 for one in health if one.source.fetched_at),
        "items": sum(one.items for one in health),
        "waiting": any(one.source.fetched_at is None for one in health),
    }


def as_source(feed: dict[str, Any]) -> sources.NewSource:
    """A feed that was found, as a source to be added."""
    return sources.NewSource(feed["url"], feed["kind"], feed["title"], feed["site_url"])


def one_of(value: str, offered: list[str]) -> str:
    """The value, if it was among those offered."""
    return value if value in offered else ""
