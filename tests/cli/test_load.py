"""towpath load: a verdict on latency, errors and throughput, of real workers and of servers that are not well."""

import asyncio
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import PORTFOLIO, ROOT, Towpath
from tests.cli.loadtest.server import Asked, answering, reply
from tests.serving.conftest import CUSTOMER
from tests.serving.process import Running, serving
from tests.serving.test_protected import certificate
from towpath.cli.load import load
from towpath.core.load_targets import Limit, targets_of
from towpath.wiring import open_project

pytestmark = pytest.mark.integration
__all__ = ["certificate"]

EASY = ("--p95", "5s,9s", "--p99", "5s,9s", "--rps", "1,0.5")  # for a machine that is busy with other tests
MANY = ("--requests", "400", "--users", "8", "--spawn", "1000", "--seconds", "60")


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a project, and without a key."""
    for name in ("TOWPATH_KEY", "TOWPATH_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def worker(bundles: dict[str, Path]) -> Iterator[Running]:
    with serving(bundles["bankchurn"]) as running:
        yield running


@pytest.fixture(scope="module")
def two(bundles: dict[str, Path]) -> Iterator[Running]:
    with serving(bundles["iris"], bundles["sentiment"]) as running:
        yield running


def url(running: Running, path: str = "") -> str:
    return f"http://127.0.0.1:{running.port}{path}"


def checks(data: dict[str, object]) -> dict[str, dict[str, object]]:
    return {check["name"]: check for check in data["checks"]}


# --- a worker of ours


@pytest.mark.scenario("S115")
@pytest.mark.feature("F510", "F511", "F512")
def test_a_worker_within_its_targets_is_told_in_a_table_and_ends_with_0(worker: Running, towpath: Towpath):
    done = towpath("load", url(worker), *MANY, *EASY)

    assert done.code == 0, done.err
    for row in ("p95", "p99", "errors", "rps"):
        assert re.search(rf"^  {row} .* ok$", done.out, re.MULTILINE), done.out
    assert "measured" in done.out and "target" in done.out and "critical" in done.out
    assert "400 requests" in done.out


@pytest.mark.scenario("S115")
@pytest.mark.feature("F512")
def test_a_critical_limit_that_is_broken_ends_with_1_and_is_named(worker: Running, towpath: Towpath):
    done = towpath("load", url(worker), *MANY, "--p95", "1us,2us", "--p99", "5s,9s", "--rps", "1,0.5")

    assert done.code == 1
    assert re.search(r"critical limits are broken: p95 .* \(limit 0\.002 ms\)", done.err)
    assert "p99" not in done.err.partition("critical limits")[2]


def test_the_records_are_different_ones_made_from_the_workers_own_description(worker: Running, towpath: Towpath):
    def predicted() -> float:
        return sum(worker.metrics("towpath_predictions_total").values())

    before = predicted()
    done = towpath("--json", "load", url(worker), *MANY, *EASY)

    assert (done.data["requests"], done.data["errors"]) == (400, {})
    assert predicted() - before == 401, "all of them, and the one before that tries whether it is understood"
    assert "200 bodies in rotation" in done.err


def test_it_says_where_the_time_of_a_request_goes(worker: Running, towpath: Towpath):
    data = towpath("--json", "load", url(worker), *MANY, *EASY).data
    stages = data["stages_ms"]

    assert {"outside the worker", "in the model", "answering"} <= set(stages)
    assert stages["in the model"] > 0
    assert sum(stages.values()) == pytest.approx(data["latency_ms"]["mean"], rel=0.05)
    assert 0 < data["worker_processor_share"] < 2


@pytest.mark.feature("F514")
@pytest.mark.parametrize("words", [("--requests", "1000", "--users", "10"), ("--users", "400", "--seconds", "2")])
def test_what_ab_and_wrk_are_used_for_is_one_command(worker: Running, towpath: Towpath, words: tuple[str, ...]):
    data = towpath("--json", "load", url(worker), *words, "--spawn", "10000", *EASY).data

    assert data["errors"] == {}
    assert data["requests"] == 1000 if "--requests" in words else data["requests"] > 1000
    assert data["users"] == int(words[words.index("--users") + 1])


def test_a_service_among_several_is_named_by_its_path(two: Running, towpath: Towpath):
    done = towpath("--json", "load", url(two, "/sentiment"), *MANY, *EASY)

    assert done.data["url"].endswith("/sentiment/predict")
    assert done.data["errors"] == {}


def test_a_worker_of_several_services_asks_which_one(two: Running, towpath: Towpath):
    done = towpath("load", url(two))

    assert done.code == 2
    assert "serves iris, sentiment" in done.err and f"name one: {url(two)}/iris" in done.err


def test_batches_can_be_asked_for_too(two: Running, towpath: Towpath):
    done = towpath("--json", "load", url(two, "/iris/predict_batch"), *MANY, *EASY)

    assert (done.data["errors"], checks(done.data)["errors"]["verdict"]) == ({}, "ok")


@pytest.mark.feature("F157")
def test_a_request_in_a_file_is_what_is_sent(worker: Running, towpath: Towpath, tmp_path: Path):
    (tmp_path / "sample_request.json").write_text(json.dumps(CUSTOMER, indent=2))
    done = towpath("load", url(worker, "/predict"), "--body", tmp_path / "sample_request.json", *MANY, *EASY)

    assert done.code == 0, done.err
    assert "with 1 body;" in done.err


def test_a_file_whose_records_the_service_refuses_is_told_before_the_load(
    worker: Running, towpath: Towpath, tmp_path: Path
):
    (tmp_path / "bodies.jsonl").write_text('{"CreditScore": 650}\n')
    done = towpath("load", url(worker), "--body", tmp_path / "bodies.jsonl")

    assert done.code == 2
    assert "answers 422" in done.err and "Geography" in done.err and '{"CreditScore": 650}' in done.err


@pytest.mark.feature("F510")
def test_a_service_of_the_project_gets_a_worker_of_its_own_that_is_gone_afterwards(
    towpath: Towpath, bundles: dict[str, Path]
):
    done = towpath("--json", "load", bundles["telecom"], *MANY, *EASY)
    port = int(re.search(r":(\d+)/predict", done.data["url"])[1])

    assert (done.data["requests"], done.data["errors"]) == (400, {})
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_worker_that_asks_for_a_key_gets_it_from_a_file_and_never_from_an_argument(
    bundles: dict[str, Path], towpath: Towpath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "key").write_text("a key of eight words is easier to keep")
    digest = hashlib.sha256((tmp_path / "key").read_bytes()).hexdigest()
    (tmp_path / "keys").write_text(f"shop:sha256:{digest}\n")
    with serving(bundles["iris"], "--keys", tmp_path / "keys") as running:
        without = towpath("load", url(running), *MANY, *EASY)
        by_file = towpath("load", url(running), "--key-file", tmp_path / "key", *MANY, *EASY)
        monkeypatch.setenv("TOWPATH_KEY", (tmp_path / "key").read_text())
        by_variable = towpath("load", url(running), *MANY, *EASY)

    assert (without.code, by_file.code, by_variable.code) == (9, 0, 0)
    assert "answers 401" in without.err and "TOWPATH_KEY" in without.err
    assert "a key of eight words" not in by_file.out + by_file.err


def test_a_worker_behind_a_certificate_is_trusted_where_its_authority_is(
    bundles: dict[str, Path], towpath: Towpath, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
):
    with serving(bundles["iris"], "--tls-cert", certificate[0], "--tls-key", certificate[1]) as running:
        secure = f"https://127.0.0.1:{running.port}"
        doubted = towpath("load", secure)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        trusted = towpath("--json", "load", secure, *MANY, *EASY)

    assert doubted.code == 8
    assert "certificate" in doubted.err.lower() and "SSL_CERT_FILE" in doubted.err
    assert (trusted.data["requests"], trusted.data["errors"]) == (400, {})


def test_workers_under_a_supervisor_are_told_together(bundles: dict[str, Path], towpath: Towpath):
    with serving(bundles["iris"], "--workers", "2") as running:
        done = towpath("--json", "load", url(running), *MANY, *EASY)

    assert done.data["errors"] == {}
    assert not [line for line in done.data["helps"] if "others ask it" in line]


# --- servers that are not well


def lines(folder: Path) -> Path:
    (folder / "bodies.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    return folder / "bodies.jsonl"


@pytest.mark.scenario("S115")
def test_a_server_that_is_too_slow_breaks_its_latency_limits(towpath: Towpath, tmp_path: Path):
    async def slowly(asked: Asked) -> bytes:
        await asyncio.sleep(0.06)
        return reply()

    with answering(slowly) as server:
        done = towpath("--json", "load", server.url, "--body", lines(tmp_path), *MANY, "--p95", "20ms,50ms",
                       "--p99", "40s", "--rps", "1")  # fmt: skip

    assert done.code == 1
    assert checks(done.envelope["data"])["p95"]["verdict"] == "broken"
    assert 60 <= checks(done.envelope["data"])["p95"]["measured"] < 1_000


@pytest.mark.scenario("S115")
def test_a_server_that_fails_now_and_then_breaks_its_error_limit_and_errors_are_told_by_kind(
    towpath: Towpath, tmp_path: Path
):
    with answering(lambda asked: reply(status=500 if asked.number % 10 == 0 else 200)) as server:
        done = towpath("load", server.url, "--body", lines(tmp_path), *MANY, *EASY)

    assert done.code == 1
    assert "HTTP 500  40" in done.out
    assert "critical limits are broken: errors 10% (limit 1%)" in done.err


def test_between_target_and_critical_it_warns_and_where_it_is_strict_it_fails(towpath: Towpath, tmp_path: Path):
    answer = lambda asked: reply(status=500 if asked.number in (50, 150) else 200)  # noqa: E731  # 0.5 %
    with answering(answer) as server:
        warned = towpath("load", server.url, "--body", lines(tmp_path), *MANY, *EASY)
    with answering(answer) as server:
        strict = towpath("load", server.url, "--body", lines(tmp_path), *MANY, *EASY, "--strict")

    assert (warned.code, strict.code) == (0, 1)
    assert "warning: targets are missed: errors 0.5% (limit 0.1%)" in warned.err
    assert "targets are missed: errors 0.5%" in strict.err


@pytest.mark.scenario("S115")
def test_too_few_requests_are_inconclusive_and_it_says_how_many_it_takes(towpath: Towpath, tmp_path: Path):
    with answering(lambda asked: reply()) as server:
        done = towpath("load", server.url, "--body", lines(tmp_path), *EASY, "--requests", "100", "--spawn", "1000")

    assert done.code == 7
    assert "100 requests are too few to tell about p99, errors; 299 are needed" in done.err
    assert "--requests 299" in done.err


def test_with_a_rate_throughput_is_judged_by_it(towpath: Towpath, tmp_path: Path):
    async def slowly(asked: Asked) -> bytes:
        await asyncio.sleep(0.1)
        return reply()

    words = ("--rate", "200", "--seconds", "2", "--p95", "60s", "--p99", "60s")
    with answering(lambda asked: reply()) as server:
        kept = towpath("--json", "load", server.url, "--body", lines(tmp_path), *words)
    with answering(slowly) as server:  # 50 a second
        behind = towpath("--json", "load", server.url, "--body", lines(tmp_path), *words, "--users", "5")

    assert checks(kept.data)["rps"]["target"] == 198.0
    assert (kept.data["loop"], kept.data["requests"]) == ("open", 400)
    assert behind.code == 1
    assert behind.envelope["data"]["requests"] == 400
    assert behind.envelope["data"]["errors"]["not sent in time"] > 200


def test_nothing_is_asked_where_the_server_does_not_say_what_it_takes(towpath: Towpath):
    with answering(lambda asked: reply()) as server:
        done = towpath("load", server.url)

    assert (done.code, server.bodies) == (2, [])
    assert "does not describe what it takes" in done.err and "--body FILE" in done.err


def test_a_server_of_another_make_is_asked_by_its_own_description(towpath: Towpath):
    schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 18, "maximum": 90}}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Person"}}}}
    described = {"paths": {"/score": {"post": {"requestBody": body}}}, "components": {"schemas": {"Person": schema}}}
    with answering(lambda asked: reply(), described) as server:
        done = towpath("load", f"{server.url}/score", *MANY, *EASY)

    assert done.code == 0, done.err
    assert all(18 <= json.loads(one)["age"] <= 90 for one in server.bodies)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["http://127.0.0.1:1"], 8, "nobody listens on 127.0.0.1:1"),
        (["ftp://127.0.0.1"], 2, "no URL of a server"),
        (["bankchurn"], 2, "'bankchurn' is no URL, and there is no project here"),
        (["http://127.0.0.1:1", "--body", "none.jsonl"], 8, "none.jsonl: No such file"),
        (["http://127.0.0.1:1", "--p95", "fast", "--rps", "x"], 2, "has 2 faults"),
        (["http://127.0.0.1:1", "--users", "0"], 2, "--users"),
        (["http://127.0.0.1:1", "--key-file", "none"], 8, "none: No such file"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(towpath: Towpath, words: list[str], code: int, says: str):
    done = towpath("load", *words)

    assert (done.code, "Traceback" in done.err) == (code, False)
    assert says in done.err


def test_a_service_that_the_project_does_not_have_is_told_with_those_it_has(towpath: Towpath):
    done = towpath("--project", PORTFOLIO, "load", "churn")

    assert done.code == 2
    assert "no service of portfolio (bankchurn, carvision" in done.err


@pytest.mark.scenario("S115")
def test_ctrl_c_tells_what_was_measured_so_far(worker: Running):
    words = [sys.executable, "-m", "towpath", "load", url(worker), "--seconds", "60", "--spawn", "1000", *EASY]
    started = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert started.stderr is not None
    assert "bodies in rotation" in started.stderr.readline()
    time.sleep(1.5)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=20)

    assert started.returncode == 130
    assert re.search(r"[\d,]+ requests in \d", out) and "p99" in out
    assert "interrupted after" in err and "Traceback" not in err


# --- what is asked where nothing is said


@pytest.mark.scenario("S115")
@pytest.mark.feature("F510")
def test_as_the_runbook_has_it_50_users_of_whom_10_begin_a_second_ask_for_a_minute():
    defaults = {option.name: option.default for option in load.params}

    assert (defaults["users"], defaults["spawn"], defaults["seconds"]) == (50, 10.0, 60.0)


@pytest.mark.feature("F510")
def test_the_reference_services_have_the_targets_of_their_runbook():
    settings = open_project(PORTFOLIO, {}).settings

    assert targets_of(settings.load, "bankchurn").p95.target == targets_of(settings.load, "telecom").p95.target == 0.05
    assert targets_of(settings.load, "carvision").p95 == Limit(0.1, 0.5)


def test_the_targets_of_the_project_count_and_a_flag_wins(worker: Running, towpath: Towpath, tmp_path: Path):
    (tmp_path / "towpath.toml").write_text(
        'format = "towpath/project/1"\nname = "x"\n[load]\np95 = "9s"\np99 = "9s"\nrps = 2\n'
        '[load.service.bankchurn]\np99 = "8s"\n'
    )
    found = checks(towpath("--json", "load", url(worker), *MANY, "--rps", "1").data)

    assert (found["p95"]["target"], found["p99"]["target"], found["rps"]["target"]) == (9_000, 8_000, 1)
