"""A Postfix of our own: a relay on a loopback port that bounces unknown local users.

It accepts every recipient, as a busy relay does, and decides afterwards: local domains have no
unknown-user table, so that `nobody-here@reader.test` is accepted and then returned by an
asynchronous DSN to the envelope's sender, as is `full@reader.test`, whose mailbox is at its limit.
Everything else goes where `route` says, or is discarded; what is deferred expires within seconds.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from newsletter_service.embedded.tether import tethered
from tests.servers import MissingProgramError, eventually, free_port, listens, short_directory

LOCAL_DOMAIN = "reader.test"
SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 10 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
local     unix - n n - - local
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


@dataclass
class Postfix:
    """A running instance. `known` are the users of `reader.test` whose mail is delivered."""

    place: Path
    port: int
    routes: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The instance as a relay."""
        return f"smtp://127.0.0.1:{self.port}?tls=none"

    def route(self, domain: str, port: int) -> None:
        """Hand mail to this domain, bounces for example, to a listener on a loopback port."""
        self.routes[domain] = f"smtp:[127.0.0.1]:{port}"
        self._write_routes()
        _control(self.place, "reload")

    def log(self) -> str:
        """What Postfix has logged so far."""
        path = self.place / "log" / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    def flush(self) -> None:
        """Try what is deferred again now."""
        subprocess.run([_program("postqueue"), "-c", str(self.place / "conf"), "-f"], check=True)

    def _write_routes(self) -> None:
        lines = [f"{domain} {target}" for domain, target in self.routes.items()]
        (self.place / "conf" / "transport").write_text("\n".join([*lines, ""]))


@contextmanager
def postfix(known: tuple[str, ...] = ("anna",)) -> Iterator[Postfix]:
    """A private instance, stopped afterwards. Needs root, as Postfix does."""
    _program("postfix")
    if os.getuid() != 0:
        raise MissingProgramError("root's rights to start Postfix", "the tests' container as root")
    with short_directory() as place:
        place.chmod(0o755)
        server = Postfix(place, free_port())
        _configure(server, known)
        _control(place, "check")  # makes the queue's directories
        master = _daemons() / "master"
        with (place / "start.log").open("wb") as log:
            process = subprocess.Popen(
                tethered([str(master), "-c", str(place / "conf"), "-s"], signal.SIGTERM),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            if not eventually(lambda: process.poll() is not None or listens(server.port)):
                said = (place / "start.log").read_text() + server.log()
                raise RuntimeError("Postfix did not come up:\n" + said)
            yield server
        finally:
            process.terminate()
            process.wait()


def _configure(server: Postfix, known: tuple[str, ...]) -> None:
    place = server.place
    for name in ("conf", "queue", "data", "log", "mail"):
        (place / name).mkdir()
    shutil.chown(place / "data", "postfix", "postfix")
    (place / "mail").chmod(0o1777)
    aliases = "".join(f"{user} /dev/null\n" for user in known)
    (place / "conf" / "aliases").write_text(f"{aliases}full {place}/mail/full\n")
    (place / "mail" / "full").write_bytes(b"x" * 2_000_000)
    (place / "mail" / "full").chmod(0o666)
    (place / "conf" / "master.cf").write_text(SERVICES.format(port=server.port))
    server._write_routes()
    settings = {
        "compatibility_level": "3.6",
        "queue_directory": place / "queue",
        "data_directory": place / "data",
        "maillog_file": place / "log" / "maillog",
        "maillog_file_prefixes": place,
        "mail_spool_directory": f"{place}/mail/",
        "myhostname": "relay.test",
        "myorigin": "relay.test",
        "mydestination": LOCAL_DOMAIN,
        "mynetworks": "127.0.0.0/8",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "local_recipient_maps": "",
        "alias_maps": f"texthash:{place}/conf/aliases",
        "alias_database": "",
        "allow_mail_to_files": "alias",
        "transport_maps": f"texthash:{place}/conf/transport",
        "default_transport": "discard:",
        "relay_transport": "discard:",
        "disable_dns_lookups": "yes",
        "smtp_tls_security_level": "none",
        "smtpd_tls_security_level": "none",
        "smtputf8_enable": "yes",
        "biff": "no",
        "minimal_backoff_time": "1s",
        "queue_run_delay": "1s",
        "maximal_queue_lifetime": "4s",
        "maximal_backoff_time": "1s",
        "message_size_limit": "1000000",
        "mailbox_size_limit": "2000000",
        "default_destination_concurrency_limit": "20",
        "smtpd_client_connection_count_limit": "0",
    }
    (place / "conf" / "main.cf").write_text(
        "".join(f"{name} = {value}\n" for name, value in settings.items())
    )


def _control(place: Path, command: str) -> None:
    subprocess.run(
        [_program("postfix"), "-c", str(place / "conf"), command], check=True, capture_output=True
    )


def _daemons() -> Path:
    asked = [_program("postconf"), "-d", "-h", "daemon_directory"]
    return Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        raise MissingProgramError("Postfix", "Debian's package postfix")
    return found
