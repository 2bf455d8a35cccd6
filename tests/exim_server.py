"""An Exim of our own: a relay on a loopback port that accepts everything and returns it later.

Debian's package cannot be installed beside Postfix, so `scripts/need_system.sh` only unpacks it.
`reader.test` is local with the users `anna`, whose mail is dropped, and `full`, over its quota;
other domains go where `route` says. What fails for the moment is given up after seconds.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from newsletter_service.embedded.tether import tethered
from tests.servers import MissingProgramError, eventually, free_port, listens, short_directory

PROGRAM = Path(__file__).parent.parent / ".venv" / "exim" / "usr" / "sbin" / "exim4"
USER = "Debian-exim"
CONFIGURATION = """
exim_path = {program}
spool_directory = {place}/spool
log_file_path = {place}/log/%slog
pid_file_path = {place}/exim.pid
primary_hostname = exim.test
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
acl_smtp_rcpt = everything
acl_smtp_data = everything
queue_only
host_lookup =
tls_advertise_hosts =
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
keep_environment =
message_size_limit = 20M

begin acl
everything:
  accept

begin routers
elsewhere:
  driver = manualroute
  domains = !reader.test
  transport = remote
  route_data = ${{lookup{{$domain}}lsearch{{{place}/routes}}}}
  self = send
known:
  driver = accept
  local_parts = anna : full
  transport = ${{if eq{{$local_part}}{{full}}{{full_box}}{{box}}}}

begin transports
remote:
  driver = smtp
  hosts_avoid_tls = *
  max_rcpt = 1
box:
  driver = appendfile
  file = /dev/null
  user = {user}
full_box:
  driver = appendfile
  file = {place}/mail/full
  quota = 1K
  user = {user}

begin retry
*  quota  F,2s,1s
*  *  F,4s,1s
"""


@dataclass
class Exim:
    """A running instance."""

    place: Path
    port: int

    @property
    def url(self) -> str:
        """The instance as a relay."""
        return f"smtp://127.0.0.1:{self.port}?tls=none"

    def route(self, domain: str, port: int) -> None:
        """Hand mail to this domain to a listener on a loopback port."""
        with (self.place / "routes").open("a") as routes:
            routes.write(f"{domain}: 127.0.0.1::{port}\n")

    def log(self) -> str:
        """What Exim has logged so far."""
        path = self.place / "log" / "mainlog"
        return path.read_text(errors="replace") if path.exists() else ""


@contextmanager
def exim() -> Iterator[Exim]:
    """A private instance, stopped afterwards. Needs root, as Exim does."""
    if not PROGRAM.exists():
        raise MissingProgramError("Exim", "scripts/need_system.sh, which unpacks it")
    if os.getuid() != 0:
        raise MissingProgramError("root's rights to start Exim", "the tests' container as root")
    with short_directory() as place:
        place.chmod(0o755)
        server = Exim(place, free_port())
        _configure(server)
        with (place / "start.log").open("wb") as log:
            process = subprocess.Popen(
                tethered([str(PROGRAM), "-C", str(place / "exim.conf"), "-bdf", "-q1s"]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            if not eventually(lambda: process.poll() is not None or listens(server.port)):
                said = (place / "start.log").read_text() + server.log()
                raise RuntimeError("Exim did not come up:\n" + said)
            yield server
        finally:
            process.terminate()
            process.wait()


def _configure(server: Exim) -> None:
    place = server.place
    owner = pwd.getpwnam(USER)
    for name in ("spool", "log", "mail"):
        (place / name).mkdir()
        shutil.chown(place / name, owner.pw_uid, owner.pw_gid)
    (place / "mail" / "full").write_text("From somebody\n" + "x" * 2000)
    shutil.chown(place / "mail" / "full", owner.pw_uid, owner.pw_gid)
    (place / "routes").write_text("")
    values = {"program": PROGRAM, "place": place, "port": server.port, "user": USER}
    (place / "exim.conf").write_text(CONFIGURATION.format(**values))
