"""Keeps tests on this machine: an audit hook refuses every other address before it is used.

Unit tests may not reach a socket, a database or another program at all. The hook sees what the
Python of this process does; programs that tests start listen and connect on loopback only.
"""

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Iterator
from typing import Any

ADDRESSED = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"}
NAMED = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
IMPURE = ADDRESSED | NAMED | {"sqlite3.connect", "subprocess.Popen", "os.system"}
LOCAL_NAMES = {"localhost", "ip6-localhost", "", "0.0.0.0", "::"}


class ForbiddenInTestError(RuntimeError):
    """A test reached for what it must not touch."""


class _Guard:
    installed = False
    pure = False


def install() -> None:
    """Put the hook in place, once and for the life of the process."""
    if not _Guard.installed:
        sys.addaudithook(_look)
        _Guard.installed = True


@contextlib.contextmanager
def purity() -> Iterator[None]:
    """Within it, nothing outside the process can be reached."""
    _Guard.pure = True
    try:
        yield
    finally:
        _Guard.pure = False


def _look(event: str, details: tuple[Any, ...]) -> None:
    if _Guard.pure and event in IMPURE:
        raise ForbiddenInTestError(f"a unit test may not use {event}: make it an integration test")
    if event in ADDRESSED:
        _check_address(event, details[0], details[1])
    elif event in NAMED and not (_is_local(details[0]) or _is_literal(details[0])):
        # Answered as an empty name server would, so that what handles it can be tested.
        raise socket.gaierror(socket.EAI_NONAME, f"tests look up no names: {details[0]!r}")


def _check_address(event: str, used: Any, address: Any) -> None:
    """Datagram sockets may be connected to find a route; no packet leaves, but they are refused."""
    if used.family not in (socket.AF_INET, socket.AF_INET6) or address is None:
        return
    if not _is_local(address[0]):
        raise ForbiddenInTestError(f"a test may only reach loopback, not {address[0]} ({event})")


def _is_literal(host: Any) -> bool:
    """Whether it is an address already, which nobody has to be asked about."""
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
    except ValueError:
        return False
    return True


def _is_local(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
