"""One whole service on this machine: embedded Valkey, and a child for each kind of process."""

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from newsletter_service.embedded.supervise import Child, Supervisor, http_ready
from newsletter_service.embedded.valkey import EmbeddedValkey
from newsletter_service.queue import QUEUES
from newsletter_service.settings import ADDRESSES, Settings

_PORTS = {
    "NEWSLETTER_LISTEN": 8000,
    "NEWSLETTER_SANDBOX_LISTEN": 2525,
    "NEWSLETTER_INBOUND_LISTEN": 2526,
}
PROGRAM = (sys.executable, "-m", "newsletter_service")


@dataclass(frozen=True)
class Plan:
    """What to run: the environment of every child, with a sample site, with a bouncing reader."""

    env: Mapping[str, str]
    sample_site_port: int = 0
    bouncing: str = ""
    bounce_delay: float = 1.0
    bounce_after: int = 0
    external_queue: bool = False


def free_port(wanted: int) -> int:
    """The wanted port if nobody has it, else one that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free on 127.0.0.1")


def environment(data_dir: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a service in `data_dir`, with ports that nobody has; what is set stays.

    The addresses are noted in the data directory for commands beside it (`Settings.from_env`).
    """
    env = os.environ if env is None else env
    given = {name: env[name] for name in _PORTS if env.get(name)}
    for name, port in _PORTS.items():
        given.setdefault(name, f"127.0.0.1:{free_port(port)}")
    base_url = env.get("NEWSLETTER_BASE_URL") or f"http://{given['NEWSLETTER_LISTEN']}"
    given["NEWSLETTER_BASE_URL"] = base_url
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / ADDRESSES).write_text(json.dumps(given))
    return dict(env) | given | {"NEWSLETTER_DATA_DIR": str(data_dir)}


@contextmanager
def running(plan: Plan, settings: Settings) -> Iterator[Supervisor]:
    """The service, ready; ended with everything it started when the block is left."""
    queue_server = None if plan.external_queue else EmbeddedValkey(settings.data_dir)
    if queue_server is not None:
        queue_server.start()
    try:
        with Supervisor(_children(plan, settings), settings.data_dir / "log") as supervisor:
            supervisor.wait_ready(60)
            yield supervisor
    finally:
        if queue_server is not None:
            queue_server.stop()


def _children(plan: Plan, settings: Settings) -> list[Child]:
    ready = http_ready(f"http://{settings.listen[0]}:{settings.listen[1]}/healthz")
    children = [
        Child("web", [*PROGRAM, "web"], env=plan.env, ready=ready),
        Child("scheduler", [*PROGRAM, "scheduler"], env=plan.env),
        Child("inbound", [*PROGRAM, "inbound"], env=plan.env),
        Child("sandbox", _sandbox(plan, settings), env=plan.env),
    ]
    children += [
        Child(f"worker-{name}", [*PROGRAM, "worker", name], env=plan.env) for name in QUEUES
    ]
    if plan.sample_site_port:
        module = "newsletter_service.embedded.sample_feed"
        site = [sys.executable, "-m", module, "--port", str(plan.sample_site_port)]
        url = f"http://127.0.0.1:{plan.sample_site_port}/"
        subscribe = f"{settings.base_url}/prenumerera/nyhetsbrev"
        children.append(
            Child(
                "site", [*site, "--subscribe-url", subscribe], env=plan.env, ready=http_ready(url)
            )
        )
    return children


def _sandbox(plan: Plan, settings: Settings) -> list[str]:
    argv = [
        *(sys.executable, "-m", "newsletter_service.embedded.sandbox"),
        *("--port", str(settings.sandbox_listen[1])),
        *("--dir", str(settings.data_dir / "sandbox")),
    ]
    if plan.bouncing:
        host, port = settings.inbound_listen
        argv += ["--bounce", plan.bouncing, "--bounce-to", f"smtp://{host}:{port}"]
        argv += ["--bounce-delay", str(plan.bounce_delay), "--bounce-after", str(plan.bounce_after)]
    return argv
