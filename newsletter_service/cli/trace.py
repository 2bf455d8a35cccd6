"""`newsletter trace`: one reader's story, and why an issue came or did not."""

import click
from flask_babel import force_locale

from newsletter_service.address import InvalidAddress
from newsletter_service.cli.door import FAULT, MISUSE, as_json, fail, in_app, print_json
from newsletter_service.operations import trace, trace_words


@click.command("trace")
@click.argument("address")
@as_json
@in_app
def command(address: str, as_json: bool) -> None:
    """Tell what happened to ADDRESS, in order; exit 1 when it is quite unknown."""
    try:
        story = trace.by_address(address)
    except InvalidAddress as error:
        fail(f"This is not an address: {error.code}.", MISUSE)
    with force_locale("en"):
        if as_json:
            print_json(_plain(story))
        else:
            _print(story)
    if story.is_empty:
        raise SystemExit(FAULT)


def _plain(story: trace.Story) -> dict[str, object]:
    return {
        "subscriber": story.subscriber_id,
        "issues": [
            {
                "issue": answer.issue_id,
                "number": answer.number,
                "list": answer.list_name,
                "code": answer.code,
                "sentence": trace_words.sentence(answer),
                **answer.values,
            }
            for answer in story.answers
        ],
        "events": [
            {
                "at": entry.at.isoformat(timespec="seconds"),
                "code": entry.code,
                "title": trace_words.title(entry),
                **entry.values,
            }
            for entry in story.entries
        ],
    }


def _print(story: trace.Story) -> None:
    if story.is_empty:
        click.echo("Nothing is known of this address.")
        return
    if story.subscriber_id is None:
        click.echo("The address belongs to no subscriber; this is what is still known of it.")
    for answer in story.answers:
        click.echo(f"{answer.list_name}: {trace_words.sentence(answer)}")
    click.echo("")
    for entry in story.entries:
        said = trace_words.detail(entry)
        line = f"{entry.at:%Y-%m-%d %H:%M:%S}Z  {trace_words.title(entry)}"
        click.echo(f"{line}\n{' ' * 22}{said}" if said else line)
