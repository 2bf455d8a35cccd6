"""The `newsletter` command: the commands of `cli` and the processes, given the app to make."""

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
    cli.main(prog_name="newsletter", obj=cli.Door(_create_app))


def _create_app() -> Flask:
    app: Flask = resolve_name("newsletter_service.background:create_background")()
    return app


if __name__ == "__main__":
    main()
