"""How a newsletter is sent: what its organisation has decided once, for every issue.

Kept in the newsletter's row; whoever needs one of them reads it by `of_list`.
"""

from dataclasses import asdict, dataclass
from typing import Any

from newsletter_service import audit
from newsletter_service.models import NewsletterList, writing


@dataclass(frozen=True)
class Sending:
    """`approval`: a second person approves each issue before anything leaves."""

    approval: bool = False


def of_list(newsletter: NewsletterList) -> Sending:
    """What has been decided for a newsletter."""
    return Sending(approval=newsletter.approval_required)


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
        audit.record(session, actor, "list.sending_decided", f"list:{list_id}", **differs)
