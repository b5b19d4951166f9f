"""Listening sockets, and who has a port that is taken."""

import errno
import ipaddress
import os
import socket
from pathlib import Path
from typing import NamedTuple

from towpath.core.errors import InfrastructureError, UsageError

BACKLOG = 4096  # connections that wait while the loop is busy; the kernel caps it at net.core.somaxconn
MISSING = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # a name's address that is not here: ::1 in many containers
LISTENING = "0A"  # the state in /proc/net/tcp


class Owner(NamedTuple):
    """The process that listens on a port."""

    pid: int
    command: str


def listen(host: str, port: int, insecure: bool = False, *, shared: bool = False) -> list[socket.socket]:
    """A listening socket for every address of a host that this machine has; port 0 takes a free one.

    With shared others of this process can join; nobody else's, for the port must be free before. Raises
    InfrastructureError where it is taken or no address is ours, UsageError where the host is open to others and
    nobody said so.
    """
    addresses = _resolve(host, port)
    exposed = [address for _, address in addresses if not ipaddress.ip_address(address).is_loopback]
    if exposed and not insecure:
        raise UsageError(
            f"{exposed[0]} can be reached by others, and nothing protects it",
            hint="--host 127.0.0.1; --keys or --tls-cert protects it; --insecure is for behind a proxy that does",
        )
    if shared and port:
        refuse_taken(host, port)
    return _opened(addresses, host, port, shared=shared, listening=True)


def refuse_taken(host: str, port: int) -> None:
    """Raises InfrastructureError where somebody listens, who would get half of the connections if both share."""
    for sock in _opened(_resolve(host, port), host, port):
        sock.close()


def join(host: str, port: int) -> list[socket.socket]:
    """More sockets for a port that this process shares; they take connections from when they listen."""
    return _opened(_resolve(host, port), host, port, shared=True)


def owner_of(port: int) -> Owner | None:
    """Who listens on a TCP port; None where the system does not tell."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in Path("/proc").glob("[0-9]*"):
        if inodes & _open_files(folder):
            return Owner(int(folder.name), _command(folder))
    return None


def _resolve(host: str, port: int) -> list[tuple[int, str]]:
    """Families and addresses of a host, each once."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise InfrastructureError(f"there is no host {host!r}: {error}", hint="--host 127.0.0.1") from error
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _opened(
    addresses: list[tuple[int, str]], host: str, port: int, *, shared: bool = False, listening: bool = False
) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        _bind_all(addresses, port, shared, sockets)
        for opened in sockets if listening else ():
            opened.listen(BACKLOG)
        return sockets
    except OSError as error:
        for opened in sockets:
            opened.close()
        raise _refused(error, host, port) from error


def _bind_all(addresses: list[tuple[int, str]], port: int, shared: bool, sockets: list[socket.socket]) -> None:
    """Fill sockets. Raises OSError where one cannot be bound, or none can."""
    missing: OSError | None = None
    for family, address in addresses:
        try:
            # The others take the port that the first one was given.
            sockets.append(_bound(family, address, port or (sockets[0].getsockname()[1] if sockets else 0), shared))
        except OSError as error:
            if error.errno not in MISSING:
                raise
            missing = error
    if missing and not sockets:
        raise missing


def _bound(family: int, address: str, port: int, shared: bool) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # the IPv4 address has a socket of its own
        opened.bind((address, port))
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def _refused(error: OSError, host: str, port: int) -> InfrastructureError:
    if error.errno != errno.EADDRINUSE:
        return InfrastructureError(
            f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}", hint="choose another --host or --port"
        )
    owner = owner_of(port)
    if owner and owner.pid == os.getpid():
        hint = "--port and --metrics-port need one each"
        return InfrastructureError(f"port {port} is taken by this process itself", hint=hint)
    by = f" by process {owner.pid} ({owner.command})" if owner else ""
    stop = f"stop it (kill {owner.pid}), or " if owner else ""
    return InfrastructureError(f"port {port} is taken{by}", hint=f"{stop}choose another with --port")


def _listening_inodes(port: int) -> list[str]:
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        lines = Path(table).read_text().splitlines()[1:] if Path(table).exists() else []
        for words in map(str.split, lines):
            if words[3] == LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                found.append(words[9])
    return found


def _open_files(folder: Path) -> set[str]:
    found = set()
    try:
        for link in (folder / "fd").iterdir():
            found.add(os.readlink(link))
    except OSError:  # ended meanwhile, or somebody else's
        pass
    return found


def _command(folder: Path) -> str:
    try:
        words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return "unknown"
    return " ".join(repr(word)[2:-1] for word in words)[:200]
