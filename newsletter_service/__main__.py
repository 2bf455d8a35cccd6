"""The `newsletter` command: the commands of `cli` and the processes, given the app to make."""

from functools import partial
from pkgutil import resolve_name

from flask import Flask

from newsletter_service import cli

cli.main.places |= {
    "web": "newsletter_service.processes.web:command",
    "worker": "newsletter_service.processes.worker:command",
    "scheduler": "newsletter_service.processes.ticking:command",
    "inbound": "newsletter_service.processes.listening:command",
    "bench": "newsletter_service.bench.command:command",
    "drill": "newsletter_service.drill.command:group",
}


def main() -> None:
    """Run one command; the app is made when a command needs it."""
    cli.main(prog_name="newsletter", obj=door())


def door() -> cli.Door:
    """Without the pages, which take as long to come as all the rest, but where they are asked for.

    A fault in the settings shows when a command asks for the application.
    """
    return cli.Door(
        partial(_made, "newsletter_service.background:create_background"),
        partial(_made, "newsletter_service.app:create_app"),
    )


def _made(place: str) -> Flask:
    app: Flask = resolve_name(place)()
    return app


if __name__ == "__main__":
    main()
