"""The rules of the check as a page of the documents, so that it never says anything else."""

import inspect

from newsletter_service.issues.checks.rule import Level, Rule
from newsletter_service.issues.preflight import RULES

_HEAD = """# What the check looks for

Every issue is checked while it is written, on *Granska*, when it is released and once more when its
time has come, on the very letters that will be sent; what must be mended then holds it back, until
a person decides. `newsletter issues check ID` says the same, with exit code 1 if
something must be mended; `--mend` first puts right what a machine can (*Rätta*), all but taking
parts out.
Links and pictures are opened by a worker, never by a page; what came of it is kept for six hours,
and for ten minutes where the issue is about to leave.
This page is written by `newsletter issues rules` out of the rules.

What the rules cannot know a filter can: `make spam` gives every shipped mail, in both languages,
long and short, to SpamAssassin with its local rules only. With 4.0.1 none scores above 0.0 (5 is
spam).
"""
_LEVELS = {
    Level.BLOCKS: (
        "Måste rättas (must be mended)",
        "Nothing is sent before these are mended. An administrator may let one stand, with a reason"
        " that is kept with the issue and in the audit log.",
    ),
    Level.WARNS: (
        "Se över (look over)",
        "These are worth a look. An editor lets one stand with a reason, which is kept with the"
        " issue and in the audit log; when the words change, it comes back.",
    ),
    Level.TIP: ("Tips", "Advice, folded away. It never stands in the way."),
}


def markdown() -> str:
    """The page, in English."""
    parts = [_HEAD]
    for level, (title, introduction) in _LEVELS.items():
        rows = [_row(rule) for rule in RULES if rule.level == level]
        table = [
            "| rule | what it says | what to do | why | Rätta |",
            "|---|---|---|---|---|",
            *rows,
        ]
        parts.append(f"## {title}\n\n{introduction}\n\n" + "\n".join(table) + "\n")
    return "\n".join(parts)


def _row(rule: Rule) -> str:
    why = inspect.getdoc(rule.look) or ""
    cells = [
        f"`{rule.name}`",
        _blanks(str(rule.what)),
        _blanks(str(rule.remedy)),
        " ".join(why.split()),
        "yes" if rule.mend else "",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _blanks(sentence: str) -> str:
    """The places of values as an ellipsis."""
    parts = sentence.split("%(")
    return parts[0] + "".join("…" + part.partition(")s")[2] for part in parts[1:])
