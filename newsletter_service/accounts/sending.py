"""How a newsletter is sent: what its organisation has decided once, for every issue.

Kept in the newsletter's row; whoever needs one of them reads it by `of_list`.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from newsletter_service import audit
from newsletter_service.models import NewsletterList, writing


@dataclass(frozen=True)
class Sending:
    """`approval`: a second person approves each issue before anything leaves.

    `clicks`: presses are counted, in total. `campaign`: links to the organisation's own domains,
    that of its site and `own_domains`, carry utm tags for its own web statistics.

    `canary_minutes`: how long a first wave is watched before it goes on by itself; 0 is never.
    """

    approval: bool = False
    clicks: bool = False
    campaign: bool = False
    own_domains: tuple[str, ...] = ()
    canary_minutes: int = 30


def of_list(newsletter: NewsletterList) -> Sending:
    """What has been decided for a newsletter."""
    kept = newsletter.settings.get("sending")
    known = {each.name for each in fields(Sending)}
    values = (
        {name: v for name, v in kept.items() if name in known} if isinstance(kept, dict) else {}
    )
    values["own_domains"] = tuple(values.get("own_domains", ()))
    return Sending(**values | {"approval": newsletter.approval_required})


def decide(list_id: int, wanted: Sending, *, actor: str) -> None:
    """Keep it, and note what differs from before."""
    with writing() as session:
        newsletter = session.get_one(NewsletterList, list_id, with_for_update=True)
        before = asdict(of_list(newsletter))
        differs: dict[str, Any] = {
            name: value for name, value in asdict(wanted).items() if value != before[name]
        }
        if not differs:
            return
        newsletter.approval_required = wanted.approval
        kept = {name: value for name, value in asdict(wanted).items() if name != "approval"}
        newsletter.settings = newsletter.settings | {"sending": kept}
        audit.record(session, actor, "list.sending_decided", f"list:{list_id}", **differs)
