"""Who may ask: keys, the names a worker answers to, and origins of browsers."""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from towpath.core.errors import UsageError
from towpath.serving.exchange import Refusal, header_lines

DIGEST = re.compile(r"(?:[A-Za-z0-9._-]{1,64}:)?(?:sha256:)?([0-9a-f]{64})")
ORIGIN = re.compile(r"https?://[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?|\*")
NAME = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
BEARER = b"bearer "
VARY = b"Vary: Origin\r\n"
SHARED = (
    b"Access-Control-Allow-Origin: %b\r\n"
    b"Access-Control-Expose-Headers: "
    b"X-Request-Id, X-Towpath-Release, X-Towpath-Bundle, X-Towpath-Revision, Retry-After\r\n"
)
PORT = re.compile(rb":[0-9]{1,5}$")
PROBES = re.compile(rb"(?:/[a-z0-9-]{1,39})?/(?:live|health|ready)|(?:/[a-z0-9-]{1,39})?/v2/health/(?:live|ready)")
PREFLIGHT_SECONDS = 600  # that a browser may remember the answer; Chromium takes up to 7,200

NO_KEY = Refusal(
    401,
    "unauthorized",
    "this service needs a key: Authorization: Bearer KEY",
    header_lines({"WWW-Authenticate": 'Bearer realm="towpath"'}),
)
OTHER_HOST = Refusal(421, "other_host", "this worker does not answer for that Host")


class Access(Struct, frozen=True):
    """Access()                                      # everybody who can reach it
    Access(keys=read_keys(text, "keys.txt"))         # predictions only with a key
    """

    keys: tuple[bytes, ...] = ()  # sha256 of each; random keys of 256 bits need no slower hash
    hosts: frozenset[bytes] = frozenset()
    origins: frozenset[bytes] = frozenset()
    certificate: Path | None = None
    private_key: Path | None = None

    @property
    def protects(self) -> bool:
        """Whether something stands between others and the predictions."""
        return bool(self.keys or self.certificate)

    def open_to(self, host: str) -> str:
        """Why everybody may ask a worker that listens on this address, as a sentence; nothing where keys are needed."""
        if self.keys or ipaddress.ip_address(host).is_loopback:
            return ""
        proves = "; the certificate shows who answers and keeps nobody out" if self.certificate else ""
        return f"everybody who can reach {host} may ask, since no keys are needed{proves}"

    def refused(self, method: bytes, headers: Mapping[bytes, bytes], target: bytes = b"") -> Refusal | None:
        """Why a request with this head may not be answered. Records need a key, what can be read does not."""
        if self.hosts and not self._is_ours(PORT.sub(b"", headers[b"host"]).lower(), method, target):
            return OTHER_HOST
        if self.keys and method == b"POST" and not self._has_key(headers.get(b"authorization", b"")):
            return NO_KEY
        return None

    def shared_with(self, headers: Mapping[bytes, bytes]) -> bytes:
        """Header lines that let a listed origin's page read the reply; asked only where origins are listed."""
        origin = headers.get(b"origin", b"")
        if b"*" in self.origins:
            return SHARED % b"*"  # never what was sent, and never with credentials, which are not allowed at all
        return VARY + SHARED % origin if origin in self.origins else VARY

    def _is_ours(self, host: bytes, method: bytes, target: bytes) -> bool:
        """Kubernetes and Docker look after a worker by its address. No page can: its browser sends the page's name."""
        if host in self.hosts:
            return True
        is_probe = method in (b"GET", b"HEAD") and PROBES.fullmatch(target.partition(b"?")[0])
        return bool(is_probe) and _is_address(host)

    def _has_key(self, given: bytes) -> bool:
        if given[: len(BEARER)].lower() != BEARER:
            return False
        digest = hashlib.sha256(given[len(BEARER) :].strip()).digest()
        # All are compared, each in constant time: how long it takes tells nothing of any of them.
        return sum(hmac.compare_digest(digest, known) for known in self.keys) > 0


def preflight(methods: str) -> bytes:
    """What a browser is told of a path before it sends a record there from another origin's page."""
    return header_lines(
        {
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Request-Id",
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
    )


def read_keys(text: str, where: str) -> tuple[bytes, ...]:
    """The digests of a list, one a line or between commas: `sha256:<64 hex>`, with a name before it or not.

    Raises UsageError; what is no digest may be a key, so it is not shown.
    """
    lines = [line.strip() for line in re.split(r"[\n,]", text)]
    written = [(i, line) for i, line in enumerate(lines, 1) if line and not line.startswith("#")]
    for i, line in written:
        if not DIGEST.fullmatch(line):
            raise UsageError(
                f"{where}: line {i} is not the sha256 of a key",
                hint="NAME:sha256:DIGEST, where DIGEST comes from: printf %s KEY | sha256sum",
            )
    if not written:
        raise UsageError(f"{where} lists no key, so nobody could ask", hint="leave it out to ask without keys")
    return tuple(bytes.fromhex(DIGEST.fullmatch(line)[1]) for _, line in written)  # type: ignore[index]  # matched above


def read_origins(given: Sequence[str]) -> frozenset[bytes]:
    """Origins as browsers send them. Raises UsageError for what can be none."""
    for one in given:
        if not ORIGIN.fullmatch(one):
            raise UsageError(f"{one!r} is no origin", hint="--cors https://app.example.org, without a path")
    return frozenset(one.lower().encode() for one in given)


def read_hosts(given: Sequence[str]) -> frozenset[bytes]:
    """Names without ports. Raises UsageError for what can be none."""
    for one in given:
        if not NAME.fullmatch(one):
            raise UsageError(f"{one!r} is no host's name", hint="--allow-host predict.example.org, without a port")
    return frozenset(one.lower().encode() for one in given)


def _is_address(host: bytes) -> bool:
    """Whether a Host, without its port, is this machine as its own probes call it, and no name that others can give."""
    try:
        ipaddress.ip_address(host.decode("ascii").strip("[]"))
    except ValueError:
        return host == b"localhost"
    return True
