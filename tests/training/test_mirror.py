"""A real MLflow server gets one run for each training and one version for each packed bundle, whatever is repeated."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.training.small import edit, make_project, reopened, trained
from towpath.cli.pack import pack_candidate
from towpath.cli.session import Session
from towpath.core.errors import InfrastructureError, UsageError
from towpath.training.mirror import MlflowMirror, _plain_reason
from towpath.training.tracking import Waiting, read_run
from towpath.wiring import TRACKING, Project

START_SECONDS = 60
TOOL = ROOT / ".tools" / "mlflow"


@dataclass
class Server:
    """A server that can be stopped and started again on what it had."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        words = [
            TOOL / "bin" / "mlflow", "server", "--backend-store-uri", f"sqlite:///{self.folder / 'mlflow.db'}",
            "--artifacts-destination", self.folder / "artifacts", "--serve-artifacts", "--host", "127.0.0.1",
            "--port", self.port, "--workers", 1, "--allowed-hosts", "localhost:*,127.0.0.1:*",
        ]  # fmt: skip
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        path = f"{TOOL / 'bin'}{os.pathsep}{os.environ['PATH']}"
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in words], stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, **quiet, "PATH": path}, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + START_SECONDS
        while not self.is_up():
            assert self.process.poll() is None and time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.2)

    def is_up(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.address}/health", timeout=2).status == 200
        except OSError:
            return False

    def stop(self) -> None:
        if self.process:
            os.killpg(self.process.pid, 15)
            self.process.wait(20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not (TOOL / "made").exists():
        pytest.skip(f"there is no mlflow in {TOOL}: make tools")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = Server(tmp_path_factory.mktemp("mlflow"), port)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def project(server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Project:
    """A project that mirrors to the server, under a name of its own so that tests do not meet there."""
    folder = make_project(tmp_path / "bank").root
    settings = folder / "towpath.toml"
    settings.write_text(settings.read_text().replace('"bank"', f'"{request.node.name[:60]}"'))
    return reopened(folder, **{TRACKING: server.address, "MLFLOW_REGISTERED_MODEL": request.node.name[:60]})


def mirror(project: Project) -> MlflowMirror:
    found = project.outbox().tracker
    assert isinstance(found, MlflowMirror)
    return found


def client(project: Project) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=mirror(project).uri, registry_uri=mirror(project).uri)


def runs(project: Project) -> list[Any]:
    asked = client(project)
    experiment = asked.get_experiment_by_name(f"{project.settings.name}/loans")
    return list(asked.search_runs([experiment.experiment_id])) if experiment else []


def versions(project: Project) -> list[Any]:
    return list(client(project).search_model_versions(f"name = '{mirror(project).model}'"))


pytestmark = [pytest.mark.tool("mlflow"), pytest.mark.slow]


@pytest.mark.feature("F504")
def test_a_training_is_one_run_with_parameters_metrics_tags_and_files(project: Project):
    run = trained(project)
    (there,) = runs(project)

    kept = read_run(run.path)
    assert (there.info.run_name, there.info.status) == ("loans-1", "FINISHED")
    assert there.data.metrics == kept.metrics
    assert there.data.params == kept.params
    assert kept.tags.items() <= there.data.tags.items()
    assert run.delivered.sent == ("loans-1",)
    asked = client(project)
    assert {file.path for file in asked.list_artifacts(there.info.run_id, "bundle")} == {
        "bundle/card.md", "bundle/evaluation.json",
    }  # fmt: skip
    assert "candidate.json" in {file.path for file in asked.list_artifacts(there.info.run_id)}


def test_what_is_sent_twice_is_there_once(project: Project):
    run = trained(project)
    outbox = project.outbox()
    outbox.put(Waiting("run", run.candidate.name, str(run.path)))
    outbox.put(Waiting("version", run.candidate.name, str(run.path), run.candidate.bundle))
    first = outbox.deliver()
    outbox.put(Waiting("version", run.candidate.name, str(run.path), run.candidate.bundle))
    again = outbox.deliver()

    assert [(one.reason, len(one.sent)) for one in (first, again)] == [("", 2), ("", 1)]
    assert (len(runs(project)), len(versions(project))) == (1, 1)


def test_a_run_that_was_sent_in_part_is_filled_not_doubled(project: Project):
    run = trained(project)
    (there,) = runs(project)
    asked = client(project)
    asked.update_run(there.info.run_id, status="RUNNING")
    asked.delete_tag(there.info.run_id, "towpath.bundle")
    mirror(project).add_run(read_run(run.path), run.path)

    (again,) = runs(project)
    assert (again.info.run_id, again.info.status) == (there.info.run_id, "FINISHED")
    assert again.data.tags["towpath.bundle"] == run.candidate.bundle


@pytest.mark.feature("F228")
def test_a_packed_bundle_is_a_version_with_its_digest(project: Project):
    run = trained(project)
    mirror(project).add_version(read_run(run.path), run.path, run.candidate.bundle)
    (version,) = versions(project)

    assert version.tags["towpath.bundle"] == run.candidate.bundle
    assert version.run_id == runs(project)[0].info.run_id
    assert version.status == "READY"


def test_to_pack_registers_the_bundle(project: Project):
    run = trained(project)
    for _ in range(2):
        pack_candidate(project, "loans", Session(quiet=True))

    assert [version.tags["towpath.bundle"] for version in versions(project)] == [run.candidate.bundle]


def test_an_alias_points_at_a_bundle_and_moves(project: Project):
    first = trained(project)
    edit(project, "C=1.0", "C=0.01")
    second = trained(project)
    for run in (first, second):
        mirror(project).add_version(read_run(run.path), run.path, run.candidate.bundle)
    shown = mirror(project)

    assert shown.alias("loans", "prod") == ""
    for run in (first, second):
        shown.set_alias("loans", "prod", run.candidate.bundle)
        assert shown.alias("loans", "prod") == run.candidate.bundle
    with pytest.raises(InfrastructureError, match="has no version of"):
        shown.set_alias("loans", "prod", "0" * 64)


@pytest.mark.parametrize("name", ["latest", "v1", "V12"])
def test_an_alias_that_mlflow_keeps_for_itself_is_refused(project: Project, name: str):
    with pytest.raises(UsageError, match=f"'{name}' cannot be the alias"):
        mirror(project).set_alias("loans", name, "0" * 64)


def test_what_was_trained_while_the_server_was_down_arrives_with_the_next_training(project: Project, server: Server):
    server.stop()
    try:
        down = trained(project)
    finally:
        server.start()
    edit(project, "C=1.0", "C=0.5")
    up = trained(project)

    assert (down.delivered.waiting, up.delivered.sent) == (1, ("loans-1", "loans-2"))
    assert {run.info.run_name for run in runs(project)} == {"loans-1", "loans-2"}


def test_nothing_is_printed_by_the_library(project: Project, capfd: pytest.CaptureFixture[str]):
    trained(project)

    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("... (Caused by ResponseError('too many 503 error responses'))", "answers with status 503"),
        ("API request failed with error code 403 != 200", "answers with status 403"),
        ("ReadTimeoutError(...)", "accepts a connection and does not answer"),
        ("", "fails without a word"),
    ],
)
def test_a_long_reason_becomes_a_short_one(said: str, told: str):
    assert _plain_reason(said) == told
