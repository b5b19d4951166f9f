"""towpath demo: real answers from a real worker, and a verdict that can be no."""

import json
import os
import socket
from pathlib import Path

import pytest

from tests.cli.conftest import PORTFOLIO, Towpath
from towpath.cli import demo

pytestmark = pytest.mark.integration


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo of two services, one of them on the data that every machine has."""
    monkeypatch.setattr(demo, "SHOWS", {name: demo.SHOWS[name] for name in ("iris", "sentiment")})


@pytest.mark.feature("F247", "F452", "F564", "F710", "F713", "F716", "F718", "F723", "F728", "F732")
def test_seven_services_go_from_data_to_their_documented_answers(towpath: Towpath, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TOWPATH_DATA", raising=False)
    before = sorted(path for path in PORTFOLIO.rglob("*") if "__pycache__" not in path.parts)
    done = towpath("--json", "demo")
    services = done.data["services"]

    assert {name: service["origin"] for name, service in services.items()} == {
        "iris": "real", "bankchurn": "generated", "sentiment": "generated", "ml-service": "real", "ml-api": "real",
        "carvision": "generated", "telecom": "generated",
    }  # fmt: skip
    assert services["iris"]["answered"]["class_name"] == "setosa"
    assert services["sentiment"]["answered"]["label"] == "positive"
    assert services["bankchurn"]["answered"]["risk_level"] == "LOW"
    assert done.data["seconds"] < 60
    assert sorted(path for path in PORTFOLIO.rglob("*") if "__pycache__" not in path.parts) == before


@pytest.mark.data
def test_on_real_data_it_keeps_its_promises_beside_the_originals(
    real_data: Path, towpath: Towpath, monkeypatch: pytest.MonkeyPatch
):
    done = towpath("demo")

    assert done.code == 0
    for part in (
        "iris        150 real",
        "bankchurn   10000 real",
        "carvision   38804 real",
        "0.858",
        "0.110",
        "$ curl -X POST http://127.0.0.1:",
    ):
        assert part in done.out


def test_a_promise_that_is_not_kept_fails_and_is_named(towpath: Towpath, monkeypatch: pytest.MonkeyPatch):
    show = demo.SHOWS["iris"]
    wrong = demo.Show({"features": [6.9, 3.1, 5.4, 2.1]}, show.expected, (demo.Goal("accuracy", 1.0, 1.1),))
    monkeypatch.setattr(demo, "SHOWS", {"iris": wrong, "sentiment": demo.SHOWS["sentiment"]})
    done = towpath("--json", "demo")

    assert done.code == 1
    told = done.envelope["error"]["message"]
    assert "iris answers class_name 'virginica', expected is 'setosa'" in told
    assert "iris reaches accuracy 1.0000" in told
    assert "promised is 1.1" in told


def test_the_demo_can_be_kept_and_gone_on_with(towpath: Towpath, short: None, tmp_path: Path):
    done = towpath("demo", "--keep", tmp_path / "kept")

    assert done.code == 0
    assert "towpath serve" in done.out
    assert towpath("--project", tmp_path / "kept", "verify", "iris").code == 0
    assert towpath("demo", "--keep", tmp_path / "kept").code == 6


def test_without_the_examples_it_says_where_they_are(towpath: Towpath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(demo, "EXAMPLES", tmp_path / "none")
    done = towpath("demo")

    assert done.code == 8
    assert "make demo" in done.err


def test_a_worker_that_does_not_start_is_told_in_its_own_words(towpath: Towpath, short: None):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = towpath("demo", "--port", taken.getsockname()[1])

    assert done.code == 8
    assert f"is taken by process {os.getpid()}" in done.err


def test_no_worker_is_left_behind(towpath: Towpath, short: None):
    done = towpath("demo")
    port = int(done.out.partition("http://127.0.0.1:")[2].partition("/")[0])

    assert json.loads(done.out[done.out.index("{\n") : done.out.index("\n}") + 2])["prediction"] == 0
    with pytest.raises(OSError):
        demo.ask(f"127.0.0.1:{port}", "iris", {})
