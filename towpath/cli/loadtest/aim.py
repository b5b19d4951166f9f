"""Where a load test asks: a URL taken apart, and the endpoint behind it found in the server's own description."""

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from towpath.cli.loadtest.users import Address
from towpath.core.errors import InfrastructureError, NotPermitted, UsageError

PATIENCE_SECONDS = 10.0  # with a server that is asked what it serves
SHOWN = 300  # characters of a refusal
PREDICT = "/predict"
DESCRIPTION = "/openapi.json"
EXAMPLE_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Server:
    """A server that can be asked, one request at a time."""

    scheme: str
    host: str
    port: int
    key: str = ""

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}"

    def address(self) -> Address:
        return Address(self.host, self.port, self._tls())

    def headers(self) -> dict[str, str]:
        given = {"Host": self.authority, "Content-Type": "application/json", "Accept": "application/json"}
        return given | ({"Authorization": f"Bearer {self.key}"} if self.key else {})

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of one reply. Raises InfrastructureError, or UsageError for what speaks no HTTP."""
        try:
            with closing(self._connection()) as connection:
                connection.request(method, path, body, self.headers())
                reply = connection.getresponse()
                return reply.status, reply.read()
        except ConnectionRefusedError as error:
            raise InfrastructureError(
                f"nobody listens on {self.authority}",
                hint="towpath serve SERVICE starts a worker there; or name another URL",
            ) from error
        except ssl.SSLError as error:
            raise InfrastructureError(
                f"TLS with {self.authority} fails: {error.reason or error}",
                hint="is it https there at all? SSL_CERT_FILE names the certificate of an authority of your own",
            ) from error
        except socket.gaierror as error:
            raise InfrastructureError(f"there is no host {self.host!r}", hint=f"such as {EXAMPLE_URL}") from error
        except TimeoutError as error:
            raise InfrastructureError(
                f"{self.url}{path} does not answer within {PATIENCE_SECONDS:g} s",
                hint="is it up, and is the URL right?",
            ) from error
        except http.client.HTTPException as error:
            raise UsageError(f"what listens on {self.authority} does not speak HTTP", hint="is it https?") from error

    def _connection(self) -> http.client.HTTPConnection:
        if tls := self._tls():
            return http.client.HTTPSConnection(self.host, self.port, timeout=PATIENCE_SECONDS, context=tls)
        return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_SECONDS)

    def _tls(self) -> ssl.SSLContext | None:
        return ssl.create_default_context() if self.scheme == "https" else None


@dataclass(frozen=True)
class Aim:
    """The endpoint that is asked, and the server's description of itself; {} where it gives none."""

    server: Server
    path: str
    described: Mapping[str, Any]

    @property
    def url(self) -> str:
        return self.server.url + self.path

    def requests(self, bodies: list[bytes]) -> list[bytes]:
        """Each body as a whole request."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.server.headers().items())
        head = f"POST {self.path} HTTP/1.1\r\n{lines}Content-Length: "
        return [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]

    def schema(self) -> Any:
        """What its description says that is to be sent; None where it says nothing."""
        operation = self.described.get("paths", {}).get(self.path, {}).get("post", {})
        kinds = operation.get("requestBody", {}).get("content", {})
        return next((kind["schema"] for kind in kinds.values() if "schema" in kind), None)


def is_url(named: str) -> bool:
    return "://" in named


def take_aim(url: str, key: str = "") -> Aim:
    """The endpoint that a URL means: its own path, or `/predict` below it, as the server's description has them.

    Raises UsageError for a URL that is none, or that does not say which service; InfrastructureError where nobody
    answers.
    """
    server, path = read_url(url, key)
    described = describe(server, path)
    posts = [name for name, operations in described.get("paths", {}).items() if "post" in operations]
    for wanted in (path, path.rstrip("/") + PREDICT):
        if wanted in posts:
            return Aim(server, wanted, described)
    if path in ("", "/") and (services := services_of(server)):
        hint = f"name one: {server.url}/{services[0]}"
        raise UsageError(f"{server.url} serves {', '.join(services)}", hint=hint)
    return Aim(server, path if path not in ("", "/") else PREDICT, described)


def read_url(url: str, key: str = "") -> tuple[Server, str]:
    """Raises UsageError."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise UsageError(f"{url!r} is no URL: {error}", hint=f"such as {EXAMPLE_URL}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} is no URL of a server", hint=f"such as {EXAMPLE_URL}")
    if any(mark.isspace() or not mark.isascii() or not mark.isprintable() for mark in url):
        raise UsageError(f"{url!r} has what belongs in no URL", hint=f"such as {EXAMPLE_URL}")
    query = f"?{parts.query}" if parts.query else ""
    return Server(parts.scheme, parts.hostname, port, key), parts.path + query


def describe(server: Server, path: str) -> Mapping[str, Any]:
    """openapi.json of the path or of one above it; {} where there is none."""
    folders = path.partition("?")[0].rstrip("/").split("/")
    for length in range(len(folders), 0, -1):
        status, body = server.ask("GET", "/".join(folders[:length]) + DESCRIPTION)
        if status == 200 and isinstance(found := _json(body), dict) and isinstance(found.get("paths"), dict):
            return found
    return {}


def services_of(server: Server) -> list[str]:
    """The services that a worker lists at its root."""
    status, body = server.ask("GET", "/")
    listed = found.get("services") if status == 200 and isinstance(found := _json(body), dict) else None
    return [str(one["service"]) for one in listed or [] if isinstance(one, dict) and "service" in one]


def try_once(aim: Aim, body: bytes) -> None:
    """Send one body and see that the server takes it; what the server itself fails at, the test will count.

    Raises UsageError where URL or body is wrong, NotPermitted where a key is missing.
    """
    status, reply = aim.server.ask("POST", aim.path, body)
    said = f"{aim.url} answers {status}: {reply[:SHOWN].decode(errors='replace').strip()}"
    if status in (401, 403):
        raise NotPermitted(said, hint="TOWPATH_KEY, or a file that --key-file names, holds the key")
    if status in (404, 405):
        raise UsageError(said, hint="name the endpoint: URL/predict; or what its service is called: URL/SERVICE")
    if 300 <= status < 500 and status != 429:
        raise UsageError(f"{said}\n  it was sent {body[:SHOWN].decode(errors='replace')}", hint="--body FILE")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
