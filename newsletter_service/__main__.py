"""The `newsletter` command: the commands of `cli` and the processes, given the app to make."""

from newsletter_service import cli, processes
from newsletter_service.app import create_app
from newsletter_service.bench import command as bench
from newsletter_service.drill import command as drill


def main() -> None:
    """Run one command; the app is made when a command needs it."""
    for command in processes.COMMANDS:
        cli.main.add_command(command)
    cli.main.add_command(bench.command)
    cli.main.add_command(drill.group)
    cli.main(prog_name="newsletter", obj=cli.Door(create_app))


if __name__ == "__main__":
    main()
