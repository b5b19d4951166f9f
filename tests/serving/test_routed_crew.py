"""Routes under a supervisor: all workers follow, whoever takes over says so, and a revision that kills is left out."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.serving.conftest import CUSTOMER
from tests.serving.odd_routes import POISON
from tests.serving.process import ROOT
from tests.serving.raw import post
from tests.serving.routed import Site, site
from tests.serving.supervised import Clients, Supervised, supervising, until
from towpath.core.acknowledged import Acknowledgement, read_acknowledgement
from towpath.core.routes import HeaderRule

pytestmark = pytest.mark.integration


@pytest.fixture
def here(bundles, tmp_path) -> Site:
    made = site(tmp_path, bundles["bankchurn"])
    made.write({7: 100})
    return made


def words(here: Site) -> list[object]:
    return ["--routes", here.path, "--acknowledge", here.folder / "ack", "--workers", 2]


def said(here: Site) -> list[Acknowledgement]:
    """What workers say that live."""
    found = []
    for path in (here.folder / "ack").glob("*.json"):
        with suppress(FileNotFoundError):
            found.append(read_acknowledgement(path.read_bytes(), str(path)))
    return [one for one in found if Path(f"/proc/{one.pid}").exists()]


def all_act_upon(here: Site, generation: int) -> bool:
    known = [one.services["bankchurn/prod"].generation for one in said(here) if one.services]
    return len(known) >= 2 and set(known) == {generation}


def asked(customer: dict[str, object] = CUSTOMER, *headers: str) -> bytes:
    return post("/predict", json.dumps(customer).encode(), *headers)


def who(crew: Supervised, customer: dict[str, object] = CUSTOMER, *headers: str) -> str:
    import socket

    with socket.create_connection(("127.0.0.1", crew.port), timeout=10) as sock:
        sock.sendall(asked(customer, *headers, "Connection: close"))
        heard = b""
        while received := sock.recv(65536):
            heard += received
    return heard.partition(b"X-Towpath-Revision: ")[2].partition(b"\r\n")[0].decode()


def test_all_workers_follow_and_each_says_so(here):
    with supervising(*words(here)) as crew:
        crew.ready(2)
        until(lambda: all_act_upon(here, 1))
        here.write({8: 100}, also=(7,))
        until(lambda: all_act_upon(here, 2))

        assert {who(crew) for _ in range(20)} == {"bankchurn/prod#8"}
        assert sorted(one.worker.partition("-")[0] for one in said(here)) == ["0", "1"]
        assert list(crew.metrics("towpath_routes_generation").values()) == [2.0]
        assert sum(crew.metrics("towpath_revision_requests_total").values()) == 20


@pytest.mark.scenario("S041")
def test_a_share_is_exact_over_all_workers(here):
    here.write({7: 75, 8: 25}, also=(7,))
    with supervising(*words(here)) as crew:
        crew.ready(2)
        got = Counter(who(crew) for _ in range(400))

    assert abs(got["bankchurn/prod#8"] - 100) <= 8


def test_a_killed_and_a_replaced_worker_come_back_with_what_is_live(here):
    with supervising(*words(here)) as crew, Clients(crew.ready(2).port, 4, 2, asked()) as clients:
        os.kill(crew.pids()[0], signal.SIGKILL)
        here.write({8: 100}, also=(7,))
        crew.ready(3)
        until(lambda: all_act_upon(here, 2))
        lost = len(clients.lost)
        crew.signal(signal.SIGHUP)
        crew.ready(5)
        here.write({7: 100}, also=(8,))
        until(lambda: all_act_upon(here, 3))
        before = clients.answered
        until(lambda: clients.answered > before + 50)

        assert set(clients.statuses) == {200} and len(clients.lost) == lost <= 6 and clients.refused == 0
        until(lambda: len(list((here.folder / "ack").glob("*.json"))) == 2)


@contextmanager
def poisoned(*given: object) -> Iterator[Supervised]:
    command = [sys.executable, str(ROOT / "tests" / "serving" / "odd_routes.py"), *map(str, given), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    crew = Supervised(process)
    try:
        yield crew
    finally:
        crew.clear_away()


def test_a_revision_that_kills_workers_is_left_out_and_the_others_answer_for_it(here):
    """Fault F-07, with another revision to answer."""
    here.write({7: 90, 8: 10}, headers=(HeaderRule("x-canary", "yes", 8),))
    old = CUSTOMER | {"Age": POISON}
    with poisoned(*words(here)) as crew:
        crew.ready(2)
        assert who(crew, CUSTOMER, "X-Canary: yes") == "bankchurn/prod#8"
        for deaths in range(1, 4):
            with suppress(OSError):
                who(crew, old, "X-Canary: yes")
            crew.ready(2 + deaths)
        until(lambda: who(crew, old, "X-Canary: yes") == "bankchurn/prod#7")

        assert {who(crew) for _ in range(40)} == {"bankchurn/prod#7"}
        time.sleep(0.1)
        assert len(crew.all_told("worker_ready")) == 5, "nobody died any more"
