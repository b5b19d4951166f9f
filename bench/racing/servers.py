"""Servers as whole processes on one core: started, awaited, weighed and stopped."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / ".tools" / "reference" / "bin"
SERVER_CORE, LOAD_CORE = 0, 1
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.001
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Server:
    """How to start one: its words may hold {port}; `environ` goes on top of ours.

    same: it serves the model that the others of its case serve too, so its answers must be theirs.
    """

    name: str
    words: tuple[str, ...]
    environ: tuple[tuple[str, str], ...] = ()
    same: bool = True


@dataclass(frozen=True)
class Question:
    """What a server is asked until it answers 200 for the first time, and whether that answer is the right one."""

    path: str
    body: bytes
    is_right: Callable[[bytes], bool] = lambda reply: True


@dataclass(frozen=True)
class Weight:
    """What a server's processes have used so far: seconds of CPU, and megabytes now."""

    cpu_seconds: float
    rss_mb: float


class Running:
    """A started server, the processes it consists of, and the seconds from exec to its first answer."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, cold_seconds: float):
        self.process, self.port, self.cold_seconds = process, port, cold_seconds

    def weigh(self) -> Weight:
        stats = [_stat(pid) for pid in _family(self.process.pid)]
        return Weight(sum(cpu for cpu, _ in stats), sum(pages for _, pages in stats) * PAGE / 1e6)


def ours(bundle: str, *more: str, name: str = "ours", module: str = "towpath.serving", same: bool = True) -> Server:
    """A Towpath worker, as the image starts it."""
    return Server(name, (sys.executable, "-m", module, bundle, "--port", "{port}", *more), same=same)


def reference(app: str, model: str, *, fair: bool = False) -> Server:
    """FastAPI on uvicorn, as the runbooks start it."""
    words = (str(REFERENCE / "uvicorn"), f"bench.reference.{app}:app", "--port", "{port}")
    return Server("fair" if fair else "reference", words, _environ(model, fair))


def flask(app: str, model: str) -> Server:
    """Flask on gunicorn with two workers, as runbook 002 starts it."""
    bind = ("--bind", "127.0.0.1:{port}", "--workers", "2", "--timeout", "120")
    return Server("reference", (str(REFERENCE / "gunicorn"), f"bench.reference.{app}:app", *bind), _environ(model))


def nginx(body: bytes, folder: Path) -> Server:
    """nginx with one worker that answers every request with this body from memory."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nginx.conf"
    quoted = body.decode().replace("\\", "\\\\").replace("'", "\\'").replace("$", "")
    config.write_text(NGINX.replace("BODY", quoted).replace("FOLDER", str(folder)))
    return Server("nginx", (sys.executable, "-m", "bench.racing.nginx", str(config), "{port}"), same=False)


NGINX = """worker_processes 1; daemon off; pid FOLDER/PORT.pid; error_log FOLDER/error.log crit;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; default_type application/json; client_max_body_size 8m;
  client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
  server { listen 127.0.0.1:PORT; location / { return 200 'BODY'; } } }
"""


@contextlib.contextmanager
def started(server: Server, question: Question) -> Iterator[Running]:
    """The server on a free port, when it has answered; stopped with all its processes afterwards."""
    port = _free_port()
    words = ["taskset", "-c", str(SERVER_CORE), *(word.replace("{port}", str(port)) for word in server.words)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **dict(server.environ)}
    began = time.perf_counter()
    process = subprocess.Popen(
        words, env=environ, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield Running(process, port, _await(process, port, server, question) - began)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ask(port: int, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """One request's status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, body, headers)
    with contextlib.closing(connection):
        reply = connection.getresponse()
        return reply.status, reply.read()


def busy_seconds() -> float:
    """Seconds of CPU that all processes of this machine have used so far."""
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split(None, 8)[1:8])
    return (user + nice + system + irq + softirq) / TICK


def cpu_seconds(pid: int) -> float:
    """Of one process so far."""
    return _stat(pid)[0]


def _environ(model: str, fair: bool = False) -> tuple[tuple[str, str], ...]:
    return (("REFERENCE_MODEL", model), ("REFERENCE_FAIR", "1" if fair else "0"))


def _await(process: subprocess.Popen[bytes], port: int, server: Server, question: Question) -> float:
    """When it first answered right. Raises RuntimeError where it ends before, answers wrong, or never does."""
    status, reply, until = 0, b"", time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{server.name} ended with {process.returncode} before it answered: {process.args}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, reply = ask(port, question.path, question.body)
        if status == http.HTTPStatus.OK:
            answered = time.perf_counter()
            if server.same and not question.is_right(reply):
                raise RuntimeError(f"{server.name} answers {question.body!r} wrongly: {reply!r}")
            return answered
        time.sleep(POLL_SECONDS)
    raise RuntimeError(f"{server.name} did not answer within {PATIENCE_SECONDS:g} s: {status} {reply!r}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _family(pid: int) -> list[int]:
    """The process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    below = [int(child) for child in children.read_text().split()] if children.exists() else []
    return [pid, *(one for child in below for one in _family(child))]


def _stat(pid: int) -> tuple[float, int]:
    """Seconds of CPU and resident pages."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK, int(fields[21])
