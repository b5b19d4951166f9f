"""towpath serve: a worker of its own, found and started by name."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Towpath, process
from tests.serving.process import Running
from tests.serving.routed import site

pytestmark = pytest.mark.integration

FLOWER = {"features": [5.1, 3.5, 1.4, 0.2]}


@contextmanager
def serving(*words: str | Path, cwd: Path | None = None, **env: str) -> Iterator[Running]:
    """`with serving("iris") as worker: worker.get("/health")`"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    command = [sys.executable, "-m", "towpath", "serve", *map(str, words)]
    started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment)
    try:
        yield Running(started)
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate()


@pytest.fixture
def packed(portfolio: Path, bundles: dict[str, Path]) -> Path:
    """The portfolio with packed bundles of iris and sentiment."""
    for name in ("iris", "sentiment"):
        shutil.copytree(bundles[name], portfolio / ".towpath/bundles" / name / bundles[name].name)
    return portfolio


def test_a_service_is_served_by_its_name_and_stops_when_told(packed: Path):
    with serving("iris", "--port", "0") as worker:
        assert worker.post("/predict", FLOWER).json()["class_name"] == "setosa"
        assert worker.stop() == 0


def test_without_a_name_all_packed_services_are_served(packed: Path):
    with serving("--port", "0") as worker:
        assert set(worker.event["bundles"]) == {"iris", "sentiment"}
        assert worker.post("/sentiment/predict", {"text": "great"}).json()["label"] == "positive"


@pytest.mark.scenario("S059")
@pytest.mark.feature("F144")
@pytest.mark.parametrize("folder", ["/", "~"])
def test_it_serves_from_any_working_directory(packed: Path, bundles: dict[str, Path], folder: str):
    elsewhere = Path(folder).expanduser()

    with serving("--project", packed, "iris", "--port", "0", cwd=elsewhere) as worker:
        assert worker.post("/predict", FLOWER).json()["class_name"] == "setosa"
    with serving(bundles["iris"], "--port", "0", cwd=elsewhere) as worker:
        assert worker.get("/health").status == 200


@pytest.mark.scenario("S055")
def test_a_port_that_is_taken_is_told_with_who_has_it_and_what_to_do(packed: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = process("serve", "iris", "--port", str(port))

    assert done.returncode == 8
    assert f"port {port} is taken by process {os.getpid()}" in done.stderr
    assert "--port" in done.stderr.partition("try: ")[2]
    assert "Traceback" not in done.stderr


@pytest.mark.feature("F043", "F605")
def test_the_port_comes_from_the_environment(packed: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with serving("iris", PORT=str(port)) as worker:
        assert worker.port == port


@pytest.mark.scenario("S053")
def test_no_bundle_names_the_path_and_the_commands_that_make_one(portfolio: Path, towpath: Towpath):
    one, all_of_them = towpath("serve", "iris"), towpath("serve")

    assert (one.code, all_of_them.code) == (8, 8)
    assert str(portfolio / ".towpath/bundles/iris") in one.err
    assert "towpath train iris, then towpath pack iris" in one.err
    assert "no service of portfolio is packed" in all_of_them.err


@pytest.mark.scenario("S053")
def test_where_it_may_start_without_its_bundle_it_is_unready_until_it_is_there(packed: Path, tmp_path: Path):
    (home,) = (packed / ".towpath/bundles/iris").iterdir()
    away = home.rename(tmp_path / "away")

    with serving(home, "--port", "0", "--allow-unready") as worker:
        assert worker.get("/ready").status == 503
        assert worker.post("/predict", FLOWER).status == 503
        assert str(home) in "".join(worker.before)
        assert "towpath train" in "".join(worker.before)
    away.rename(home)
    with serving(home, "--port", "0") as worker:
        assert worker.get("/ready").status == 200


def test_a_bundle_that_was_cut_short_is_refused_by_the_file(packed: Path, towpath: Towpath):
    (home,) = (packed / ".towpath/bundles/iris").iterdir()
    (home / "graph.onnx").write_bytes((home / "graph.onnx").read_bytes()[:-100])
    done = towpath("serve", "iris")

    assert done.code == 10
    assert "graph.onnx" in done.err


def test_an_address_that_others_can_reach_needs_a_word(packed: Path, towpath: Towpath):
    done = towpath("serve", "iris", "--host", "0.0.0.0", "--port", "0")  # noqa: S104  # that is the point

    assert done.code == 2
    assert "--insecure" in done.err


def test_what_the_project_asks_of_its_workers_is_done_and_a_flag_wins(packed: Path):
    with (packed / "towpath.toml").open("a") as file:
        file.write('\n[serve]\nlog = "answers"\n\n[serve.limit]\nbody_bytes = 100\nheader_count = 9\n')
    with serving("iris", "--port", "0", "--limit", "body_bytes=200", cwd=packed / "services") as worker:
        assert worker.post("/predict", FLOWER).status == 200
        assert worker.ask("POST", "/predict", "x" * 201).status == 413
        assert worker.ask("GET", "/live", headers={f"X-{i}": "y" for i in range(9)}).status == 431
        assert worker.stop() == 0
    assert len(list((packed / "answers").iterdir())) == 1, "a path is relative to towpath.toml"


def test_a_project_that_cannot_be_read_is_not_passed_over(packed: Path, bundles: dict[str, Path], towpath: Towpath):
    (packed / "towpath.toml").write_text("[serve]\nkeys = \n")
    done = towpath("serve", str(bundles["iris"]), "--host", "203.0.113.1")  # where nothing can listen

    assert done.code == 2 and "is not TOML" in done.err


def test_a_setting_of_workers_that_is_none_is_told_with_its_path(packed: Path, towpath: Towpath):
    with (packed / "towpath.toml").open("a") as file:
        file.write('\n[serve]\nlogs = "answers"\n')
    done = towpath("serve", "iris", "--port", "0")

    assert done.code == 2 and "serve.logs: is not a setting; known are limit, keys" in done.err


def test_several_workers_are_run_with_what_the_project_asks_of_them(packed: Path):
    with (packed / "towpath.toml").open("a") as file:
        file.write("\n[serve]\nworkers = 2\n\n[serve.limit]\nbody_bytes = 100\n")
    with serving("iris", "--port", "0", "--limit", "header_count=9", cwd=packed / "services") as crew:
        crew.told("worker_ready")
        assert crew.post("/predict", FLOWER).status == 200
        assert crew.ask("POST", "/predict", "x" * 101).status == 413
        assert crew.ask("GET", "/live", headers={f"X-{i}": "y" for i in range(9)}).status == 431
        assert crew.metrics("towpath_workers ") == {"towpath_workers": 2}
        assert crew.stop() == 0


def test_routes_of_the_project_are_followed_instead_of_serving_its_bundles(packed: Path, bundles: dict[str, Path]):
    here = site(packed / "prod", bundles["iris"])
    here.write({7: 100})
    with (packed / "towpath.toml").open("a") as file:
        file.write('\n[serve]\nroutes = ["prod/iris.routes.json"]\n')
    with serving("--port", "0", cwd=packed / "services") as worker:
        assert worker.post("/predict", FLOWER).headers["x-towpath-revision"] == "iris/prod#7"
        assert list(worker.event["bundles"]) == ["iris"], "sentiment is packed, too, and not asked for"


@pytest.mark.parametrize(
    ("flag", "value"), [("--workers", "0"), ("--workers", "two"), ("--workers", "1.5"), ("--start-seconds", "-1")]
)
def test_a_number_of_workers_that_is_none_is_told(packed: Path, towpath: Towpath, flag: str, value: str):
    done = towpath("serve", "iris", "--port", "0", flag, value)

    assert done.code == 2 and f"{flag} should be" in done.err and f"'{value}'" in done.err
