"""A worker as a process: it starts or says why not, serves one service or several, and stops when asked."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.conftest import FLOWER
from tests.serving.process import ROOT, serving, start
from tests.serving.raw import closed, post
from towpath.core.errors import Exit
from towpath.serving import head
from towpath.serving.access import NO_KEY, OTHER_HOST

pytestmark = pytest.mark.integration


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        _, told = process.communicate(timeout=20)
        return process.returncode, told
    finally:
        process.kill()  # one that serves, though it should not


@pytest.mark.feature("F131")
@pytest.mark.feature("F149")
def test_one_service_is_served_at_the_root(bankchurn, customer):
    reply = bankchurn.post("/predict", customer)
    answer = reply.json()

    assert reply.status == 200 and 0 <= answer["churn_probability"] <= 1
    assert answer["model_version"] == reply.headers["x-towpath-release"] and answer["prediction_timestamp"].endswith(
        "Z"
    )
    assert reply.headers["x-towpath-bundle"] == bankchurn.event["bundles"]["bankchurn"]


def test_several_services_are_served_under_their_names_and_listed_at_the_root(three):
    listed = three.get("/").json()["services"]

    assert {one["service"]: one["ready"] for one in listed} == {"iris": True, "bankchurn": True, "sentiment": True}
    assert three.post("/iris/predict", FLOWER).json()["class_name"] == "setosa"
    assert three.post("/sentiment/predict", {"text": "wonderful"}).status == 200
    assert three.post("/predict", FLOWER).status == 404 and three.get("/health").status == 200
    assert three.get("/iris/docs").status == 200 and three.get("/iris").status == 200
    assert three.get("/v2/models/sentiment/ready").json()["ready"] and three.get("/iris/v2/models/iris").status == 200


def test_what_is_not_found_is_told_in_the_style_of_the_service_whose_path_it_is(three):
    assert set(three.get("/iris/nope").json()) == {"detail", "request_id"}
    assert three.get("/sentiment/nope").json()["error"] == "Not Found"
    assert three.get("/nope").json()["error"]["code"] == "not_found"
    assert three.ask("DELETE", "/iris/predict").headers["allow"] == "POST"


def test_what_is_refused_before_it_is_read_is_told_in_the_style_of_its_service_too(three):
    refused = three.ask("POST", "/sentiment/predict", "x", {"Content-Encoding": "gzip"})

    assert refused.status == 415 and isinstance(refused.json()["error"], str)


def test_any_content_type_is_read_as_json(bankchurn, customer):
    body = json.dumps(customer)
    for kind in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
        assert bankchurn.ask("POST", "/predict", body, kind).status == 200


@pytest.mark.parametrize(
    "series",
    [
        *(f'service="",route="other",status="{refusal.status}"' for refusal in (*head.REFUSALS, NO_KEY, OTHER_HOST)),
        'service="bankchurn",route="/explain",status="501"',
    ],
)
def test_every_status_that_can_be_given_is_counted_from_the_start(bankchurn, series):
    assert bankchurn.metrics(f"towpath_requests_total{{{series}}}")


@pytest.mark.feature("F136")
def test_metrics_are_prometheus_text(bankchurn):
    reply = bankchurn.get("/metrics")
    lines = [line for line in reply.body.decode().splitlines() if not line.startswith("#")]

    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert len(lines) > 100 and all(float(line.rpartition(" ")[2]) >= 0 for line in lines)
    assert len({line.rpartition(" ")[0] for line in lines}) == len(lines)


def test_many_clients_at_once_each_get_their_own_answer(three):
    wrong = []

    def ask(i: int) -> None:
        value = 3.0 + (i % 50) / 10
        for _ in range(20):
            body = json.dumps({"features": [value, 3.0, 4.0, 1.0]})
            echo = three.ask("POST", "/iris/predict", body, {"X-Request-Id": f"id-{i}"})
            if echo.status != 200 or echo.headers["x-request-id"] != f"id-{i}":
                wrong.append(echo)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(16)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]

    assert wrong == []


@pytest.mark.scenario("S059")
@pytest.mark.feature("F144")
def test_a_bundle_is_found_from_any_working_directory(bundles, tmp_path):
    bundle = bundles["iris"]
    for folder in (Path("/"), Path.home(), tmp_path):
        with serving(bundle, cwd=folder) as worker:
            assert worker.post("/predict", FLOWER).json()["prediction"] == 0
    with serving(bundle.name, cwd=bundle.parent) as worker:
        assert worker.get("/health").status == 200


@pytest.mark.scenario("S053")
def test_a_missing_bundle_is_told_with_its_path_and_the_command_that_makes_one(tmp_path):
    code, told = ended(start(tmp_path / "gone", "--port", "0"))

    assert code == Exit.INFRASTRUCTURE and str(tmp_path / "gone") in told and "towpath train" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("reader", ["asleep", "gone"])
def test_a_log_that_nobody_reads_stops_no_answer_and_no_end(bundles, reader):
    reading, writing = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if reader == "asleep":
        os.set_blocking(writing, False)
        fill(writing)
        os.set_blocking(writing, True)
    else:
        os.close(reading)
    process = start(bundles["iris"], "--port", port, stderr=writing)
    try:
        until(lambda: answers(port, "/live"))
        assert answers(port, "/v2/models/iris/infer", b"{}").startswith(b"HTTP/1.1 400")
        dropped = b"towpath_log_dropped_total 1\n" if reader == "gone" else b"towpath_log_dropped_total 0\n"
        assert dropped in answers(port, "/metrics")
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        os.close(writing)


def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def fill(pipe: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(pipe, b"x" * 4096)


def answers(port: int, path: str, body: bytes = b"") -> bytes:
    """The whole reply; empty while nobody listens."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(post(path, body, "Connection: close") if body else get(path))
            return closed(sock)
    except ConnectionRefusedError:
        return b""


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


def test_a_changed_bundle_is_refused_by_the_name_of_its_file(bundles, tmp_path):
    place = tmp_path / "bundle"
    shutil.copytree(bundles["iris"], place)
    content = bytearray((place / "graph.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (place / "graph.onnx").write_bytes(content)
    code, told = ended(start(place, "--port", "0"))

    assert code == Exit.REFUSED and "graph.onnx" in told and "Traceback" not in told


def test_what_is_no_bundle_is_refused(tmp_path):
    file = tmp_path / "model.pkl"
    file.write_bytes(b"\x80\x04.")
    code, told = ended(start(file, "--port", "0"))

    assert code == Exit.REFUSED and "not a bundle" in told


@pytest.mark.scenario("S055")
def test_a_taken_port_is_told_with_the_process_that_has_it(bundles, bankchurn):
    code, told = ended(start(bundles["iris"], "--port", bankchurn.port))

    assert code == Exit.INFRASTRUCTURE
    assert f"port {bankchurn.port} is taken by process {bankchurn.process.pid}" in told and "towpath.serving" in told
    assert f"kill {bankchurn.process.pid}" in told and "--port" in told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_answers_what_is_under_way_and_ends_with_0(bundles, number):
    with serving(bundles["sentiment"]) as worker:
        with socket.create_connection(("127.0.0.1", worker.port)) as busy:
            busy.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 16\r\n\r\n")
            time.sleep(0.1)
            worker.process.send_signal(number)
            time.sleep(0.2)
            busy.sendall(b'{"text": "good"}')
            heard = b""
            while received := busy.recv(4096):
                heard += received

        assert heard.startswith(b"HTTP/1.1 200") and b"Connection: close" in heard
        assert worker.process.wait(10) == 0


def test_two_bundles_of_one_service_are_refused(bundles):
    code, told = ended(start(bundles["iris"], bundles["iris"], "--port", "0"))

    assert code == Exit.USAGE and "two of the bundles are of iris" in told


def test_a_port_out_of_range_ends_it_with_2_and_a_hint(bundles):
    code, told = ended(start(bundles["iris"], "--port", "99999"))

    assert code == Exit.USAGE and "'99999'" in told and "hint: " in told and "Traceback" not in told


def test_it_imports_nothing_of_training_or_control():
    foreign = {"sklearn", "pandas", "onnx", "skl2onnx", "click", "rich", "sqlalchemy"}
    upper = ("towpath.training", "towpath.declare", "towpath.data", "towpath.cli")
    code = "import sys, towpath.serving.__main__, towpath.serving.worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = set(done.stdout.split())

    assert "towpath.serving.worker" in loaded and "onnxruntime" in loaded
    assert not foreign & loaded and not [name for name in loaded if name.startswith(upper)]


def test_a_burst_of_connections_waits_its_turn_while_the_worker_is_busy(bundles):
    with serving(bundles["iris"]) as worker, contextlib.ExitStack() as held:
        worker.process.send_signal(signal.SIGSTOP)  # as busy as can be: it accepts nobody
        try:
            for _ in range(400):
                held.enter_context(socket.create_connection(("127.0.0.1", worker.port), timeout=5))
        finally:
            worker.process.send_signal(signal.SIGCONT)

        assert worker.get("/live").status == 200
