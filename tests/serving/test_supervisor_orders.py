"""What a supervisor does on a signal: replace its workers one by one, run more or fewer of them, stop, begin anew."""

import os
import signal
import socket
import time

import pytest

from tests.serving.supervised import Clients, is_alive, is_free, supervising, until
from tests.serving.test_supervisor import ask
from towpath.core.errors import Exit

pytestmark = pytest.mark.integration


@pytest.fixture
def iris(bundles):
    return bundles["iris"]


@pytest.mark.slow
@pytest.mark.scenario("S045")
def test_a_rolling_upgrade_replaces_every_worker_and_loses_no_request(iris):
    with supervising(iris, "--workers", 2) as crew:
        crew.ready(2)
        before = crew.pids()
        with Clients(crew.port, keep=6, fresh=3) as clients:
            for times in (1, 2):
                crew.signal(signal.SIGHUP)
                crew.told("upgraded", times)
            time.sleep(0.3)

        assert clients.lost == [] and clients.refused == 0
        assert set(clients.statuses) == {200} and clients.answered > 100
        assert not set(before.values()) & set(crew.pids().values()) and crew.all_told("worker_died") == []
        assert crew.metrics('towpath_requests_total{service="iris",route="/predict",status="200"}').popitem()[1] == (
            clients.answered
        )


@pytest.mark.scenario("S045")
def test_a_replaced_worker_waits_for_clients_that_are_between_two_requests(iris):
    with supervising(iris, "--workers", 1) as crew:
        crew.ready(1)
        with socket.create_connection(("127.0.0.1", crew.port), timeout=10) as idle:
            idle.sendall(b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"Connection: close" not in idle.recv(4096)
            crew.signal(signal.SIGHUP)
            crew.ready(2)
            time.sleep(1)
            idle.sendall(b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n")

            assert b"Connection: close" in idle.recv(4096)
        crew.told("upgraded")


@pytest.mark.slow
def test_code_that_is_installed_during_an_upgrade_comes_to_all_workers(iris):
    with supervising(iris, "--workers", 2) as crew:
        crew.ready(2)
        crew.signal(signal.SIGHUP)
        crew.ready(3)
        crew.signal(signal.SIGHUP)
        again = crew.told("upgrading", 2)["time"]
        crew.told("upgraded")

        born = {one["pid"]: one["time"] for one in crew.all_told("worker_started")}
        assert all(born[pid] >= again for pid in crew.pids().values()) and crew.all_told("worker_died") == []


@pytest.mark.slow
def test_code_that_does_not_start_replaces_nobody(iris, tmp_path):
    broken = tmp_path / "broken"
    with supervising(iris, "--workers", 2, odd=f"broken-if:{broken}") as crew:
        crew.ready(2)
        before = crew.pids()
        broken.touch()
        crew.signal(signal.SIGHUP)
        failed = crew.told("upgrade_failed")
        assert failed["exit_code"] == 1 and "no_such_module" in failed["last_lines"][-1]
        assert crew.pids() == before and all(map(is_alive, before.values())) and b"setosa" in ask(crew.port)

        broken.unlink()
        crew.signal(signal.SIGHUP)
        crew.told("upgraded")
        assert not set(before.values()) & set(crew.pids().values())


@pytest.mark.slow
@pytest.mark.scenario("S049")
def test_workers_are_added_and_taken_away_while_requests_come_in(iris):
    with supervising(iris, "--workers", 1) as crew:
        crew.ready(1)
        with Clients(crew.port, keep=3, fresh=4) as clients:
            for times in (1, 2):  # two signals at once would be one
                crew.signal(signal.SIGTTIN)
                crew.told("scaled", times)
            crew.ready(3)
            time.sleep(0.5)
            served = dict(crew.metrics("towpath_process_cpu_seconds_total"))
            crew.signal(signal.SIGTTOU)
            crew.told("worker_ended", 1)
            crew.signal(signal.SIGTTOU)
            crew.told("worker_ended", 2)
            time.sleep(0.3)

        assert len(served) == 3
        assert clients.lost == [] and clients.refused == 0 and set(clients.statuses) == {200}
        assert crew.told("scaled", 4)["workers"] == 1
        crew.signal(signal.SIGTTOU)  # the last one stays
        time.sleep(0.5)
        assert crew.metrics("towpath_workers_ready")["towpath_workers_ready"] == 1


@pytest.mark.scenario("S049")
def test_three_workers_share_one_port(iris):
    with supervising(iris, "--workers", 3) as crew:
        crew.ready(3)
        with Clients(crew.port, keep=0, fresh=6) as clients:
            until(lambda: clients.answered > 200)

        assert clients.lost == []
        assert all(seconds > 0 for seconds in crew.metrics("towpath_process_cpu_seconds_total").values())
        assert len(set(crew.pids())) == 3


@pytest.mark.slow
@pytest.mark.scenario("S046")
def test_all_workers_start_stop_and_start_again_on_the_same_port(iris):
    with supervising(iris, "--workers", 2) as crew:
        port = crew.ready(2).port
        crew.signal(signal.SIGTERM)
        assert crew.ended() == Exit.DONE and is_free(port)
    with supervising(iris, "--workers", 2, port=port) as again:
        again.ready(2)

        assert again.port == port and b"setosa" in ask(port)


@pytest.mark.slow
@pytest.mark.scenario("S046")
def test_one_of_several_that_is_stopped_comes_back(iris):
    with supervising(iris, "--workers", 2) as crew:
        crew.ready(2)
        os.kill(crew.pids()[1], signal.SIGTERM)
        crew.ready(3)

        assert crew.told("worker_died", slot=1)["exit_code"] == 0
        assert crew.metrics("towpath_workers_ready")["towpath_workers_ready"] == 2


def test_a_lone_worker_that_is_told_sighup_drains_and_ends(iris):
    with supervising(iris, "--workers", 1) as crew:
        crew.ready(1)
        pid = crew.pids()[0]
        os.kill(pid, signal.SIGHUP)

        assert crew.told("stopped", pid=pid)["cut_connections"] == 0
