"""`newsletter bench`: measure, print the table, keep the figures and the plot."""

import json
import os
import platform
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from newsletter_service.bench import plot
from newsletter_service.bench.benches import BENCHES
from newsletter_service.bench.measure import Line, Setting, missed

NAMES = [bench.name for bench in BENCHES]


@click.command("bench")
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--quick", is_flag=True, help="Small numbers, one round: does it run at all?")
@click.option("--rounds", type=click.IntRange(1, 99), help="Rounds of everything (5).")
@click.option("--readers", type=click.IntRange(100), help="No audience larger than this.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("bench-results"),
    show_default=True,
    help="Where bench.json and bench.svg are kept.",
)
@click.option(
    "--bounces", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Read these."
)
@click.option(
    "--score", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Their judge."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(  # noqa: PLR0913, PLR0917 - the options of the command
    names: tuple[str, ...],
    quick: bool,
    rounds: int | None,
    readers: int | None,
    output: Path,
    bounces: Path | None,
    score: Path | None,
    as_json: bool,
) -> None:
    """Measure this machine with servers of its own: all benches, or those NAMED.

    Ends with 1 if something promised was missed; when --quick only if it is about who got what.
    """
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="nl-bench-", dir="/tmp") as place:
        Path(place).chmod(0o755)
        rounds = rounds or (1 if quick else 5)
        setting = Setting(Path(place), _tell, quick, rounds, bounces, score, readers)
        for bench in BENCHES:
            if not names or bench.name in names:
                _tell(f"{bench.name}: {bench.about}")
                own = Path(place) / bench.name
                own.mkdir()
                lines += bench.run(replace(setting, place=own))
    _keep(lines, output, quick)
    if as_json:
        click.echo(json.dumps([line.as_json() for line in lines], ensure_ascii=False, indent=2))
    else:
        click.echo(plot.table(lines))
        click.echo(f"\nKept in {output / 'bench.json'} and {output / 'bench.svg'}.")
    if missed(lines, quick=quick):
        raise SystemExit(1)


def _keep(lines: list[Line], output: Path, quick: bool) -> None:
    output.mkdir(parents=True, exist_ok=True)
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.python_version()}",
        "load_before": os.getloadavg()[0],
        "quick": quick,
    }
    kept = {"about": about, "lines": [line.as_json() for line in lines]}
    (output / "bench.json").write_text(json.dumps(kept, ensure_ascii=False, indent=2) + "\n")
    title = f"newsletter bench, {about['machine']}, {about['at']}"
    (output / "bench.svg").write_text(plot.svg(lines, title))


def _tell(text: str) -> None:
    click.echo(text, err=True)
