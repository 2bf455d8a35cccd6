"""What the documents say is there: the pages they link to, and the commands they show."""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from newsletter_service.__main__ import cli

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_CONTEXT = click.Context(cli.main)
COMMANDS = {name: cli.main.get_command(_CONTEXT, name) for name in cli.main.list_commands(_CONTEXT)}


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", without_code(page)):
            if "://" not in target and not target.startswith("#"):
                yield page, target


def without_code(page: Path) -> str:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return re.sub(r"`[^`]*`", "", text)


def shown_commands() -> Iterator[tuple[Path, str]]:
    """Every `newsletter …` in code, on one line and without its comment."""
    for page in PAGES:
        text = page.read_text()
        blocks = re.findall(r"```.*?```", text, re.DOTALL)
        inline = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        lines = [line.strip() for block in blocks for line in block.splitlines()]
        for line in [*lines, *(" ".join(code.split()) for code in inline)]:
            found = re.match(r"(?:\.venv/bin/)?newsletter ([^#|]+)", line)
            if found:
                yield page, found[1]


def fault(words: list[str]) -> str:
    """Why a command line cannot be one of ours, or nothing."""
    command: click.Command | None = COMMANDS.get(words[0])
    if isinstance(command, click.Group) and len(words) > 1:
        command = command.commands.get(words[1])
    if command is None:
        return "there is no such command"
    known = {option for param in command.params for option in param.opts} | {"--help"}
    strange = {word.partition("=")[0] for word in words if word.startswith("--")} - known
    return f"there is no option {', '.join(sorted(strange))}" if strange else ""


def test_every_link_between_documents_leads_somewhere() -> None:
    lost = [
        f"{page.relative_to(ROOT)}: {target}"
        for page, target in links()
        if not (page.parent / target.partition("#")[0]).exists()
    ]

    assert lost == []


def test_every_command_that_a_document_shows_exists() -> None:
    faults = [
        f"{page.relative_to(ROOT)}: newsletter {line}: {why}"
        for page, line in shown_commands()
        if (why := fault(line.split()))
    ]

    assert faults == []
