"""The links in a letter that differ between readers, and no others do (P10). Pure."""

from dataclasses import dataclass

from newsletter_service import tokens
from newsletter_service.tokens import LinkKeys


@dataclass(frozen=True)
class Links:
    """One installation's links to its readers' own pages."""

    base_url: str
    keys: LinkKeys

    def to(self, handle: bytes, issue_id: int | None, locale: str) -> dict[str, str]:
        """How to leave (one address for every language, R 1.10) and where to choose."""
        leave = tokens.unsubscribe_token(self.keys, handle, issue_id)
        choose = tokens.preferences_token(self.keys, handle)
        return self.of(leave, choose, locale)

    def of(self, leave: str, choose: str, locale: str) -> dict[str, str]:
        """The same from tokens that were made already."""
        page = "installningar" if locale == "sv" else "preferences"
        return {
            "unsubscribe_url": f"{self.base_url}/unsubscribe/{leave}",
            "preferences_url": f"{self.base_url}/{page}/{choose}",
        }
