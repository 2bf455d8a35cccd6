"""A Dovecot of our own: mailboxes over IMAP and POP on loopback ports, with and without TLS.

Its mailboxes are Maildirs, so that tests put messages in as files and see what is left.
"""

import grp
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from newsletter_service.embedded.tether import tethered
from tests.servers import MissingProgramError, eventually, free_port, listens, short_directory
from tests.smtp_sink import certificate

PASSWORD = "hemligt@1"
ESCAPED = "hemligt%401"
SETTINGS = """
protocols = imap pop3
base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/log
auth_mechanisms = plain login
auth_failure_delay = 0
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{place}/sink.pem
ssl_key = <{place}/sink.pem
mail_location = maildir:{place}/mail/%u
mail_fsync = never
first_valid_uid = 1
default_login_user = {login}
default_internal_user = {user}
default_internal_group = {group}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {imaps}
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    address = 127.0.0.1
    port = {pop}
  }}
  inet_listener pop3s {{
    address = 127.0.0.1
    port = {pops}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={place}/mail/%u
}}
"""


@dataclass
class Dovecot:
    """A running instance. Every user name has a mailbox and the same password."""

    place: Path
    ports: dict[str, int]
    owner: tuple[int, int]
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, scheme: str, user: str, *, verified: bool = True) -> str:
        """A mailbox as it is configured; by its certificate's own authority where verified."""
        host = f"{user}:{ESCAPED}@127.0.0.1:{self.ports[scheme]}"
        return f"{scheme}://{host}" + (f"?ca_file={self.place}/sink.pem" if verified else "")

    def put(self, user: str, raw: bytes) -> None:
        """Deliver a message, whole at once as a Maildir wants."""
        box = self.place / "mail" / user
        for made in (box, box / "tmp", box / "new", box / "cur"):
            made.mkdir(parents=True, exist_ok=True)
            shutil.chown(made, *self.owner)
        name = f"{1_700_000_000 + next(self._numbers)}.test.localhost"
        fresh = box / "tmp" / name
        fresh.write_bytes(raw)
        shutil.chown(fresh, *self.owner)
        fresh.rename(box / "new" / name)

    def left(self, user: str) -> int:
        """How many messages lie in a mailbox."""
        box = self.place / "mail" / user
        return sum(len(list((box / name).glob("*"))) for name in ("new", "cur"))


@contextmanager
def dovecot() -> Iterator[Dovecot]:
    """A private instance, stopped afterwards."""
    program = _program()
    with short_directory() as place:
        place.chmod(0o755)
        ports = {
            "imap": free_port(),
            "imaps": free_port(),
            "pop": free_port(),
            "pops": free_port(),
        }
        server = Dovecot(place, ports, _owner())
        _configure(server)
        process = subprocess.Popen(
            tethered([program, "-F", "-c", str(place / "dovecot.conf")], signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            up = eventually(
                lambda: process.poll() is not None or all(map(listens, server.ports.values()))
            )
            if not up or process.poll() is not None:
                log = place / "log"
                raise RuntimeError("Dovecot did not come up:\n" + log.read_text(errors="replace"))
            yield server
        finally:
            process.terminate()
            process.wait()


def _owner() -> tuple[int, int]:
    """Who owns the mail: Dovecot serves nobody as root."""
    if os.getuid() != 0:
        return os.getuid(), os.getgid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _configure(server: Dovecot) -> None:
    place = server.place
    certificate(place, ["127.0.0.1"])
    (place / "mail").mkdir()
    shutil.chown(place / "mail", *server.owner)
    root = os.getuid() == 0
    user = "dovecot" if root else pwd.getpwuid(os.getuid()).pw_name
    text = SETTINGS.format(
        place=place,
        user=user,
        login="dovenull" if root else user,
        group="dovecot" if root else grp.getgrgid(os.getgid()).gr_name,
        uid=server.owner[0],
        gid=server.owner[1],
        password=PASSWORD,
        **server.ports,
    )
    (place / "dovecot.conf").write_text(text)


def _program() -> str:
    found = shutil.which("dovecot", path="/usr/sbin:/usr/bin:/sbin")
    if found is None:
        raise MissingProgramError("Dovecot", "Debian's packages dovecot-imapd and dovecot-pop3d")
    return found
