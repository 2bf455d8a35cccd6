"""*Rätta*: what a machine can put right of what the check found."""

from sqlalchemy.orm import Session

from newsletter_service import audit
from newsletter_service.issues import blocks, preflight
from newsletter_service.issues.blocks import Edit
from newsletter_service.issues.checks.case import Case
from newsletter_service.issues.checks.corrections import without_block
from newsletter_service.issues.checks.rule import Correction, Level, Rule
from newsletter_service.models import Issue, writing

# What takes a part out is done one at a time, by somebody who sees it.
_IN_ONE_GO = tuple(
    rule.name
    for rule in preflight.RULES
    if rule.mend is not None and rule.mend is not without_block and rule.level != Level.TIP
)


class NothingMended(Exception):
    """There was nothing left to mend, or a person must do it."""


def some(report: preflight.Report) -> bool:
    """Whether `mend_all` would put anything right."""
    found = (*report.must, *report.should)
    return any(one.can_be_mended and one.rule in _IN_ONE_GO for one in found)


def mend(issue_id: int, rule: str, place: str, edit: Edit) -> int:
    """Mend what one rule found in one place; returns the new version.

    Raises `NothingMended`, `Changed` and `NotEditable`.
    """
    return _mend(issue_id, (rule,), place, edit)


def mend_all(issue_id: int, edit: Edit) -> int:
    """Mend everything that takes nothing out; returns the new version. Raises as `mend`."""
    return _mend(issue_id, _IN_ONE_GO, "", edit)


def _mend(issue_id: int, rules: tuple[str, ...], place: str, edit: Edit) -> int:
    with writing() as session:
        issue = blocks.opened(session, issue_id, edit)
        report = preflight.examine(session, issue, edit.now, only=rules)
        mended = [
            one.rule
            for one in (*report.must, *report.should, *report.tips)
            if place in ("", one.place) and _put_right(session, issue, one, edit)
        ]
        if not mended:
            raise NothingMended
        audit.record(
            session, edit.actor, "issue.mended", f"issue:{issue_id}", rules=sorted(set(mended))
        )
        return blocks.touch(session, issue, edit)


def _put_right(session: Session, issue: Issue, finding: preflight.Finding, edit: Edit) -> bool:
    """Apply one correction, worked out on what those before it left; whether there was one."""
    rule: Rule = preflight.BY_NAME[finding.rule]
    case = Case(session, issue, edit.now)
    correction = rule.mend(case, finding.place, finding.values) if rule.mend else None
    if correction is not None:
        _apply(issue, correction)
    return correction is not None


def _apply(issue: Issue, correction: Correction) -> None:
    for (name, locale), written in correction.texts.items():
        setattr(issue.text(locale), name, written[: blocks.TEXTS[name]])
    for block in issue.blocks:
        for (block_id, locale), values in correction.values.items():
            if block.id == block_id:
                changed = dict(block.data.get(locale, {})) | dict(values)
                block.data = dict(block.data) | {locale: changed}
    if correction.removed:
        issue.blocks = [one for one in issue.blocks if one.id not in correction.removed]
        for position, block in enumerate(issue.blocks, 1):
            block.position = position
