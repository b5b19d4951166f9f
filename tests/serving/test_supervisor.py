"""A supervisor and its workers as processes: whoever dies, hangs or is late, nobody is refused."""

import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.serving.process import ROOT
from tests.serving.supervised import ASKED, Clients, get, is_alive, is_free, kill_all, supervising, until
from towpath.core.errors import Exit

pytestmark = pytest.mark.integration

SLACK = 3.0  # seconds that a loaded machine may add to a deadline


@pytest.fixture
def iris(bundles):
    return bundles["iris"]


def test_several_workers_answer_on_one_port_and_are_told_as_one(iris):
    with supervising(iris, "--workers", 2) as crew:
        crew.ready(2)
        for _ in range(20):
            assert b"setosa" in ask(crew.port)

        assert crew.metrics('towpath_requests_total{service="iris",route="/predict",status="200"}').popitem()[1] == 20
        assert resident_bytes(crew.process.pid) < 30e6  # 24 MB with Python 3.11
        assert crew.metrics("towpath_workers") == {"towpath_workers": 2, "towpath_workers_ready": 2}
        uptimes = crew.metrics("towpath_process_uptime_seconds")
        assert set(uptimes) == {f'towpath_process_uptime_seconds{{worker="{slot}"}}' for slot in (0, 1)}


def test_the_supervisor_loads_nothing_that_serves_and_stays_small():
    code = (
        "import sys, towpath.serving.__main__, towpath.serving.supervisor; "
        "print(*(name for name in ('numpy', 'onnxruntime', 'uvloop', 'asyncio') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)

    assert done.stdout.split() == []


@pytest.mark.slow
@pytest.mark.parametrize("how", ["one after the other", "all at once"])
def test_a_killed_worker_refuses_nobody_and_loses_at_most_what_it_was_at(iris, how):
    """Faults F-01 and F-02."""
    with supervising(iris, "--workers", 2) as crew:
        crew.ready(2)
        with Clients(crew.port, keep=4, fresh=4) as clients:
            for times in range(1, 4):
                time.sleep(0.3)
                kill_all(list(crew.pids().values())[: 1 if how == "one after the other" else 2])
                killed = time.monotonic()
                crew.ready(2 + times * (1 if how == "one after the other" else 2))
                assert time.monotonic() - killed < 3 + SLACK
            before = clients.answered
            until(lambda: clients.answered > before + 50)

        assert clients.refused == 0
        assert len(clients.lost) <= 3 * 8  # what was under way: a client waits for one answer at a time
        assert set(clients.statuses) == {200}
        died = crew.all_told("worker_died")
        assert {one["signal"] for one in died} == {"SIGKILL"} and {one["again_in_seconds"] for one in died} == {0.0}


def test_of_a_killed_supervisor_nothing_is_left_no_worker_and_no_port(iris):
    """Fault F-03."""
    with supervising(iris, "--workers", 2) as crew:
        crew.ready(2)
        pids = list(crew.pids().values())
        with socket.create_connection(("127.0.0.1", crew.port)):  # an idle client that stays
            crew.signal(signal.SIGKILL)
            until(lambda: not any(map(is_alive, pids)), 8 + SLACK)

        assert is_free(crew.port)


@pytest.mark.slow
def test_a_worker_that_stands_still_is_replaced_within_five_seconds(iris):
    """Fault F-08."""
    with supervising(iris, "--workers", 2) as crew:
        crew.ready(2)
        with Clients(crew.port, keep=0, fresh=4) as clients:
            kill_all([crew.pids()[0]], signal.SIGSTOP)
            stopped = time.monotonic()
            crew.ready(3)
            assert time.monotonic() - stopped < 5 + SLACK

        assert crew.told("worker_hung")["slot"] == 0 and clients.refused == 0
        assert len(clients.lost) <= 4


@pytest.mark.slow
@pytest.mark.scenario("S057")
def test_workers_that_cannot_start_end_it_with_their_own_exit_code_and_words(tmp_path):
    with supervising(tmp_path / "gone", "--workers", 2) as crew:
        assert crew.ended() == Exit.INFRASTRUCTURE
        told = "".join(crew.other)

        assert "no worker starts (exit code 8)" in told and str(tmp_path / "gone") in told and "hint: " in told
        assert 3 <= len(crew.all_told("worker_started")) <= 6 and "Traceback" not in told
        assert any("gone" in line for line in crew.all_told("worker_died")[0]["last_lines"])


@pytest.mark.scenario("S057")
def test_what_a_worker_says_before_it_crashes_is_in_the_log_with_its_exit_code(iris, tmp_path):
    broken = tmp_path / "broken"
    broken.touch()
    with supervising(iris, "--workers", 1, odd=f"broken-if:{broken}") as crew:
        assert crew.ended() == Exit.FAILED
        died = crew.all_told("worker_died")

        assert [one["exit_code"] for one in died] == [1, 1, 1]
        assert [one["again_in_seconds"] for one in died[:2]] == [0.0, 0.1]
        assert "no_such_module" in died[0]["last_lines"][-1] and "no_such_module" in "".join(crew.other)


@pytest.mark.slow
@pytest.mark.scenario("S058")
def test_a_slow_start_is_no_failure_before_its_time_is_over(iris):
    with supervising(iris, "--workers", 1, odd="slow:2.5") as crew:
        crew.ready(1)

        assert crew.all_told("worker_died") == crew.all_told("worker_slow") == crew.all_told("worker_hung") == []
        assert b"setosa" in ask(crew.port)


@pytest.mark.scenario("S058")
def test_a_start_that_takes_longer_than_allowed_is_told_with_how_to_allow_more(iris):
    with supervising(iris, "--workers", 1, "--start-seconds", 0.5, odd="slow:60") as crew:
        slow = crew.told("worker_slow")
        assert slow["start_seconds"] == 0.5 and "--start-seconds 1" in slow["hint"]
        assert crew.ended() == Exit.FAILED

        assert "not ready within 0.5 s" in "".join(crew.other) and "--start-seconds 1" in "".join(crew.other)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_all_workers_answer_what_is_under_way_and_all_is_over_in_eight_seconds(iris, number):
    with supervising(iris, "--workers", 2) as crew:
        crew.ready(2)
        body = ASKED.partition(b"\r\n\r\n")[2]
        stuck = [socket.create_connection(("127.0.0.1", crew.port), timeout=10) for _ in range(6)]
        for one in stuck[:4]:
            one.sendall(ASKED[:-10])  # two will never send the rest
        stuck[4].sendall(b"GET /li")
        time.sleep(0.3)
        crew.signal(number)
        began = time.monotonic()
        time.sleep(0.3)
        for one in stuck[:2]:
            one.sendall(body[-10:])
        answers = [hear_all(one) for one in stuck[:2]]
        assert crew.ended(8 + SLACK) == Exit.DONE and time.monotonic() - began < 8 + SLACK

        assert all(b" 200 OK" in one and b"Connection: close" in one for one in answers)
        assert is_free(crew.port)
        for one in stuck:
            one.close()


def test_a_storm_of_signals_is_one_shutdown(iris):
    """Fault F-17."""
    with supervising(iris, "--workers", 2) as crew:
        crew.ready(2)
        for _ in range(100):
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                crew.signal(number)

        assert crew.ended() == Exit.DONE
        assert len(crew.all_told("stopping")) == len(crew.all_told("supervisor_stopped")) == 1


def test_a_port_that_another_shares_is_taken_all_the_same(iris):
    """Fault F-16: with SO_REUSEPORT alone each would get half of the requests, and nobody would be told."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        words = [sys.executable, "-m", "towpath.serving", str(iris), "--workers", "2", "--port", str(port)]
        done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)

    assert done.returncode == Exit.INFRASTRUCTURE and f"port {port} is taken by process" in done.stderr


@pytest.mark.parametrize("where", ["another service's", "its own"])
def test_a_port_for_metrics_that_others_would_share_is_taken_all_the_same(iris, where):
    """With SO_REUSEPORT alone a scrape would be answered now by one service and now by another, or a record by 404."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        if where == "its own":
            other.close()
        else:
            other.listen()
        ports = ["--metrics-port", str(port), "--port", str(port) if where == "its own" else "0"]
        words = [sys.executable, "-m", "towpath.serving", str(iris), "--workers", "2", *ports]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        try:
            told = process.communicate(timeout=20)[1]
        finally:
            process.terminate()
            process.wait(20)

    assert process.returncode == Exit.INFRASTRUCTURE and f"port {port} is taken by" in told


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(ASKED.replace(b"Host: localhost", b"Host: localhost\r\nConnection: close"))
        return hear_all(sock)


def hear_all(sock: socket.socket) -> bytes:
    heard = b""
    while received := sock.recv(65536):
        heard += received
    return heard


@pytest.mark.slow
def test_a_scrape_does_not_wait_for_a_worker_that_stands_still_and_no_sum_goes_down(iris):
    series = 'towpath_requests_total{service="iris",route="/predict",status="200"}'
    with supervising(iris, "--workers", 2) as crew:
        crew.ready(2)
        for _ in range(30):
            ask(crew.port)
        assert crew.metrics(series)[series] == 30
        kill_all([crew.pids()[0]], signal.SIGSTOP)
        while True:  # half of the connections go to the one that stands still
            try:
                told = get(crew.port, "/metrics", timeout=0.5).decode()
                break
            except TimeoutError:
                assert not crew.all_told("worker_hung")
        assert f"{series} 30" in told.splitlines()
        crew.ready(3)

        assert crew.metrics(series)[series] == 30
        assert crew.metrics('towpath_worker_deaths_total{reason="hung"}').popitem()[1] == 1
