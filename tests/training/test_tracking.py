"""Every run is kept locally; what a server has not got waits; and training never fails or hangs because of it."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.training.small import edit, make_project, reopened, trained
from towpath.core.tracked import TrackedRun
from towpath.training import tracking
from towpath.training.mirror import MlflowMirror
from towpath.training.tracking import Outbox, Waiting
from towpath.wiring import TRACKING, Project


class Heard:
    """A tracker that keeps what it is told, and fails as often as it is told to."""

    where = "http://heard"

    def __init__(self, failing: int = 0) -> None:
        self.runs: list[str] = []
        self.versions: list[tuple[str, str]] = []
        self.failing = failing

    def add_run(self, run: TrackedRun, folder: Path) -> None:
        if self.failing:
            self.failing -= 1
            raise RuntimeError("answers with status 500\nand a long page")
        self.runs.append(run.candidate)

    def add_version(self, run: TrackedRun, folder: Path, bundle: str) -> None:
        self.versions.append((run.candidate, bundle))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "bank")


def outbox(folder: Path, tracker: Heard | None, count: int) -> Outbox:
    """With as many runs waiting."""
    made = Outbox(folder / "outbox", tracker)
    for number in range(1, count + 1):
        home = folder / str(number)
        home.mkdir(exist_ok=True)
        tracking.keep_run(home, TrackedRun("loans", f"loans-{number}", 0.0, {}, {}, {}))
        made.put(Waiting("run", f"loans-{number}", str(home)))
    return made


@pytest.mark.feature("F504", "F506")
def test_a_run_is_kept_with_parameters_metrics_tags_and_files(project: Project):
    run = trained(project)
    kept = tracking.read_run(run.path)

    assert kept.params["logisticregression__C"] == "1.0"
    assert (kept.params["seed"], len(kept.params["declaration"])) == ("42", 64)
    auc = run.evaluation.metric("auc")
    assert auc is not None
    assert [kept.metrics[name] for name in ("auc", "auc_lo", "auc_hi")] == [auc.value, auc.low, auc.high]
    assert kept.tags["towpath.bundle"] == run.candidate.bundle
    assert {"candidate.json", "files/card.md", "files/evaluation.json"} <= set(kept.files)


def test_the_commit_is_kept_and_whether_files_differ_from_it(project: Project):
    def git(*words: str) -> str:
        command = ["git", "-C", str(project.root), "-c", "user.name=A", "-c", "user.email=a@b", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "services")
    git("commit", "-qm", "Begin")
    clean = tracking.git_commit(project.root / "services")
    edit(project, "C=1.0", "C=0.5")

    assert clean == git("rev-parse", "HEAD")
    assert tracking.git_commit(project.root / "services") == f"{clean}-dirty"
    assert tracking.git_commit(Path("/")) == ""


def test_no_commit_no_time_and_no_server_is_in_the_bundle(project: Project, tmp_path: Path):
    here = trained(project)
    there = trained(make_project(tmp_path / "elsewhere"))

    assert here.candidate.bundle == there.candidate.bundle
    assert not (here.path / "files" / tracking.RUN).exists()


def test_what_waits_is_sent_in_order_and_once(tmp_path: Path):
    heard = Heard()
    waiting = outbox(tmp_path, heard, 3)

    assert waiting.deliver().sent == ("loans-1", "loans-2", "loans-3")
    assert (waiting.deliver().sent, heard.runs) == ((), ["loans-1", "loans-2", "loans-3"])


def test_the_first_that_fails_stops_and_everything_waits_on(tmp_path: Path):
    heard = Heard(failing=1)
    waiting = outbox(tmp_path, heard, 2)
    failed = waiting.deliver()

    assert (failed.sent, failed.waiting, failed.reason) == ((), 2, "answers with status 500")
    assert waiting.deliver().sent == ("loans-1", "loans-2")


def test_without_a_server_nothing_waits(tmp_path: Path):
    waiting = outbox(tmp_path, None, 2)

    assert (waiting.waiting(), waiting.deliver()) == ([], tracking.Delivered())


def test_a_candidate_that_is_gone_is_dropped_and_told(tmp_path: Path):
    heard = Heard()
    waiting = outbox(tmp_path, heard, 2)
    (tmp_path / "1" / tracking.RUN).unlink()

    delivered = waiting.deliver()

    assert delivered.sent == ("loans-2",)
    assert delivered.aside[0].startswith("dropped 000001-loans-1-run.json: cannot read")
    assert tracking.told(delivered, "http://heard")[0] == "sent to http://heard: loans-2"
    assert tracking.told(delivered, "http://heard")[1].startswith("warning: dropped")
    assert (heard.runs, waiting.waiting()) == (["loans-2"], [])


def test_a_spoiled_message_does_not_stop_the_others(tmp_path: Path):
    heard = Heard()
    waiting = outbox(tmp_path, heard, 2)
    waiting.waiting()[0].write_bytes(b"{")

    assert waiting.deliver().sent == ("loans-2",)
    assert heard.runs == ["loans-2"]


def test_what_the_server_will_never_take_is_set_aside_with_its_reason_and_the_rest_is_sent(tmp_path: Path):
    class Picky(Heard):
        def add_run(self, run: TrackedRun, folder: Path) -> None:
            if run.candidate == "loans-1":
                raise tracking.ItemRefused("answers with status 400")
            super().add_run(run, folder)

    waiting = outbox(tmp_path, Picky(), 2)
    delivered = waiting.deliver()

    kept = tmp_path / "outbox" / "refused" / "000001-loans-1-run.json"
    assert (delivered.sent, delivered.waiting, delivered.reason) == (("loans-2",), 0, "")
    assert tracking.told(delivered, "x")[1] == f"warning: set aside {kept}: answers with status 400"
    assert json.loads(kept.read_bytes())["candidate"] == "loans-1"
    assert kept.with_name("000001-loans-1-run.reason.txt").read_text() == "answers with status 400\n"
    assert waiting.deliver() == tracking.Delivered()


@pytest.mark.parametrize(
    ("status", "knows_experiment", "is_aside"),
    [
        (400, True, True),
        (413, True, True),
        (401, True, False),
        (404, True, False),
        (500, True, False),
        (400, False, False),
    ],
)
def test_a_refusal_of_the_item_is_told_from_one_of_everything(
    tmp_path: Path, status: int, knows_experiment: bool, is_aside: bool
):
    pytest.importorskip("mlflow")
    with failing(status, knows_experiment=knows_experiment) as address:
        waiting = outbox(tmp_path, None, 0)
        waiting.tracker = MlflowMirror(address, "bank")
        home = tmp_path / "1"
        home.mkdir()
        tracking.keep_run(home, TrackedRun("loans", "loans-1", 0.0, {}, {}, {}))
        waiting.put(Waiting("run", "loans-1", str(home)))
        delivered = waiting.deliver()

    assert (len(delivered.aside), delivered.waiting) == ((1, 0) if is_aside else (0, 1))


def test_a_packed_bundle_follows_its_run(tmp_path: Path):
    heard = Heard()
    waiting = outbox(tmp_path, heard, 1)
    waiting.put(Waiting("version", "loans-1", str(tmp_path / "1"), "ab" * 32))

    assert waiting.deliver().sent == ("loans-1", "loans-1 as bundle:abababababab")
    assert heard.versions == [("loans-1", "ab" * 32)]


def test_a_server_that_never_answers_is_left_behind(tmp_path: Path):
    class Endless(Heard):
        def add_run(self, run: TrackedRun, folder: Path) -> None:
            time.sleep(60)

    waiting = outbox(tmp_path, Endless(), 1)
    waiting.patience = 0.1
    began = time.monotonic()
    left = waiting.deliver()

    assert time.monotonic() - began < 5
    assert (left.waiting, left.reason) == (1, "does not answer within 0.1 seconds")


@contextmanager
def nobody() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def black_hole() -> Iterator[str]:
    """Accepts every connection and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def failing(status: int = 500, *, knows_experiment: bool = False) -> Iterator[str]:
    """Answers everything with this status, but perhaps what is asked of every item first."""
    experiment = b'{"experiment": {"experiment_id": "1", "name": "bank/loans", "lifecycle_stage": "active"}}'

    class Failing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers = knows_experiment and "/experiments/get-by-name" in self.path
            body = experiment if answers else b""
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200 if answers else status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


BROKEN = [
    (nobody, "cannot be reached"),
    (black_hole, "accepts a connection and does not answer"),
    (failing, "answers with status 500"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("server", "why"), BROKEN, ids=[server.__name__ for server, _ in BROKEN])
def test_training_goes_on_while_the_server_is_broken_and_says_what_to_do(project: Project, server, why: str):
    pytest.importorskip("mlflow")
    said: list[str] = []
    with server() as address:
        broken = reopened(project.root, **{TRACKING: address})
        began = time.monotonic()
        run = trained(broken, said=said)
        took = time.monotonic() - began

    assert (run.candidate.name, run.delivered.waiting) == ("loans-1", 1)
    assert f"warning: {address} {why}" in said[-1]
    assert "towpath candidate track" in said[-1]
    assert took < tracking.PATIENCE


def test_the_address_is_the_variables_then_mlflows_then_the_settings(project: Project):
    path = project.root / "towpath.toml"
    path.write_text(path.read_text() + '\n[tracking]\nmlflow = "http://settings:1"\n')

    def address(**environ: str) -> str:
        return reopened(project.root, **environ).tracking_address()

    assert address() == "http://settings:1"
    assert address(MLFLOW_TRACKING_URI="http://mlflow:2") == "http://mlflow:2"
    assert address(MLFLOW_TRACKING_URI="http://mlflow:2", TOWPATH_TRACKING_URL="http://ours:3") == "http://ours:3"
    assert address(MLFLOW_TRACKING_URI="file:./mlruns") == "http://settings:1"
    assert address(TOWPATH_TRACKING_URL="") == ""


def test_an_address_is_told_without_its_password(project: Project):
    asked = reopened(project.root, TOWPATH_TRACKING_URL="http://ann:secret@127.0.0.1:5000/x?token=1").outbox()

    assert asked.where == "http://127.0.0.1:5000/x"


def test_the_registered_model_may_have_a_name_of_its_own(project: Project):
    asked = reopened(
        project.root, TOWPATH_TRACKING_URL="http://127.0.0.1:5000", MLFLOW_REGISTERED_MODEL="BankLoanClassifier"
    )

    assert getattr(asked.outbox().tracker, "model", None) == "BankLoanClassifier"


def test_a_message_that_waits_is_a_small_file_that_anybody_can_read(tmp_path: Path):
    (path,) = outbox(tmp_path, Heard(), 1).waiting()

    assert json.loads(path.read_bytes()) == {
        "format": "towpath/tracked/1", "kind": "run", "candidate": "loans-1", "folder": str(tmp_path / "1"),
        "bundle": "",
    }  # fmt: skip
