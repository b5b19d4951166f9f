"""Requests that kill workers, requests that never end, and a system that has nothing left to give."""

import json
import os
import resource
import signal
import socket
import time
from contextlib import ExitStack

import pytest

from tests.serving.odd_worker import ENDLESS, POISON
from tests.serving.process import serving
from tests.serving.supervised import ASKED, get, supervising, until
from tests.serving.test_supervisor import SLACK, ask, hear_all

pytestmark = pytest.mark.integration


def infer(port: int, path: str, first: float) -> bytes:
    """The whole reply to an iris with this petal; nothing where the worker died of it."""
    body = json.dumps({"features": [first, 3.5, 1.4, 0.2]}).encode()
    request = f"POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(request + body)
        try:
            return hear_all(sock)
        except ConnectionResetError:
            return b""


@pytest.mark.slow
def test_a_poison_request_takes_its_bundle_out_of_service_and_nothing_else(bundles):
    """Fault F-07."""
    with supervising(bundles["iris"], bundles["sentiment"], "--workers", 2, odd="poisoned") as crew:
        crew.ready(2)
        for times in (1, 2, 3):
            assert infer(crew.port, "/iris/predict", POISON) == b""
            assert crew.told("worker_died", times)["signal"] == "SIGABRT"
        told = crew.told("quarantined")
        crew.ready(5)

        assert told["bundle"] == crew.told("worker_died")["while_running"]
        assert told["bundle"] == crew.told("serving")["bundles"]["iris"]
        for _ in range(6):  # whichever worker answers
            refused = infer(crew.port, "/iris/predict", 5.1)
            assert (b" 503 " in refused and b'"quarantined"' in refused) or b"workers have died" in refused
            assert b"workers have died of this bundle" in get(crew.port, "/iris/ready")
            assert b'"ready":true' in get(crew.port, "/sentiment/ready")
        assert crew.metrics("towpath_quarantined") == {
            'towpath_quarantined{service="iris"}': 1,
            'towpath_quarantined{service="sentiment"}': 0,
        }
        assert len(crew.all_told("worker_died")) == 3 and crew.process.poll() is None

        crew.signal(signal.SIGHUP)  # somebody has mended it
        crew.told("upgraded")
        assert b"setosa" in infer(crew.port, "/iris/predict", 5.1)


@pytest.mark.slow
def test_a_bundle_that_others_kill_workers_beside_is_not_blamed(bundles):
    with supervising(bundles["iris"], "--workers", 1, odd="poisoned") as crew:
        for times in range(1, 5):
            crew.ready(times)
            os.kill(crew.pids()[0], signal.SIGKILL)
            assert "while_running" not in crew.told("worker_died", times)
        crew.ready(5)

        assert crew.all_told("quarantined") == [] and b"setosa" in ask(crew.port)


@pytest.mark.slow
def test_a_request_that_never_ends_is_a_hang_and_counts_against_its_bundle(bundles):
    with supervising(bundles["iris"], "--workers", 1, odd="poisoned") as crew:
        crew.ready(1)
        began = time.monotonic()
        assert infer(crew.port, "/predict", ENDLESS) == b""
        crew.ready(2)

        assert time.monotonic() - began < 5 + SLACK
        died = crew.told("worker_died")
        assert died["while_running"] == crew.told("serving")["bundles"]["iris"]


def few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def test_out_of_files_a_worker_refuses_the_rest_in_words_and_recovers(bundles):
    """Fault F-14."""
    with supervising(bundles["iris"], "--workers", 1, preexec_fn=few_files) as crew:
        allowed = crew.ready(1).told("few_files")["connections"]
        used = crew.metrics("towpath_process_cpu_seconds_total").popitem()[1]
        with ExitStack() as held:
            many = [held.enter_context(socket.create_connection(("127.0.0.1", crew.port))) for _ in range(200)]
            replies = []
            for one in many:
                one.settimeout(5)
                try:
                    one.sendall(ASKED)
                    replies.append(one.recv(4096)[9:12])
                except OSError:
                    replies.append(b"")
            assert replies.count(b"200") == allowed and replies.count(b"503") > 5
            time.sleep(1)
        until(lambda: b"setosa" in ask(crew.port), 5)

        assert crew.metrics("towpath_process_cpu_seconds_total").popitem()[1] - used < 2  # no loop that finds nothing
        assert crew.all_told("worker_died") == []


def test_a_worker_without_a_supervisor_says_too_that_it_has_few_files(bundles):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        with serving(bundles["iris"]) as worker:
            assert worker.get("/live").status == 200
            told = [one for one in worker.before if "few_files" in one]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert told == []  # it may take more, and did
