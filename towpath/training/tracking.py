"""Tracking: every run is kept locally; a server that mirrors it gets it when it can, and never stops a training."""

import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from towpath.core import formats, manifest
from towpath.core.errors import Conflict, InfrastructureError, TowpathError
from towpath.core.evaluation import Evaluation
from towpath.core.lineage import DataLineage
from towpath.core.tracked import TrackedRun, metrics_of, params_of
from towpath.data.lock import only_one
from towpath.training.candidate import FILES, INPUTS, RECORD, Candidate
from towpath.training.describe import digest

if TYPE_CHECKING:  # whoever only looks at a project must not bring numpy with it
    from towpath.training.inputs import Inputs

RUN = "run.json"
REPORT = "report.html"
REFUSED = "refused"  # the folder of what a server will never take
PATIENCE = 15.0  # seconds that a training waits for a server, in all and whatever the server does
GIT_SECONDS = 5.0

Say = Callable[[str], None]


class Tracker(Protocol):
    """Where runs are shown to others. Both can be repeated: what is there already is not made twice."""

    @property
    def where(self) -> str:
        """The address, as people are told it."""
        ...

    def add_run(self, run: TrackedRun, folder: Path) -> None:
        """Show a run, with its files."""

    def add_version(self, run: TrackedRun, folder: Path, bundle: str) -> None:
        """Register the bundle that a run's candidate was packed into."""


class ItemRefused(InfrastructureError):
    """The server works and will never take this one item as it is: sending it again does not help."""


class Waiting(Struct, frozen=True, tag_field="format", tag=formats.TRACKED, forbid_unknown_fields=True):
    """Something that the server does not have yet: a run, or the bundle that its candidate was packed into."""

    kind: Literal["run", "version"]
    candidate: str
    folder: str
    bundle: str = ""


@dataclass(frozen=True)
class Delivered:
    """What was sent, what never will be with the reason, what still waits, and why it does."""

    sent: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    waiting: int = 0
    reason: str = ""


@dataclass
class Outbox:
    """What waits to be sent, one small file each, so that neither a crash nor a server that is gone loses any."""

    folder: Path
    tracker: Tracker | None = None
    patience: float = PATIENCE

    @property
    def where(self) -> str:
        return self.tracker.where if self.tracker else ""

    def put(self, item: Waiting) -> None:
        """What waits already waits once. Without a tracker nothing waits: the run is kept locally all the same."""
        content = formats.canonical(item)
        if self.tracker is None or any(_holds(path, content) for path in self._files()):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        number = max((int(path.name.partition("-")[0]) for path in self._files()), default=0) + 1
        path = self.folder / f"{number:06d}-{item.candidate}-{item.kind}.json"
        beside = path.with_suffix(".writing")
        beside.write_bytes(content)
        beside.rename(path)

    def waiting(self) -> list[Path]:
        return sorted(self._files())

    def deliver(self) -> Delivered:
        """Send what waits, oldest first, until the first that cannot be sent now. What never can be is set aside. Never
        raises, never takes longer than the patience: a server that accepts and says nothing is left behind in its own
        thread.
        """
        if self.tracker is None or not self.waiting():
            return Delivered()
        sent: list[str] = []
        aside: list[str] = []
        failed: list[str] = []
        thread = threading.Thread(target=self._send, args=(self.tracker, sent, aside, failed), daemon=True)
        thread.start()
        thread.join(self.patience)
        if thread.is_alive():
            failed = [f"does not answer within {self.patience:g} seconds"]
        return Delivered(tuple(sent), tuple(aside), len(self.waiting()), failed[0] if failed else "")

    def _send(self, tracker: Tracker, sent: list[str], aside: list[str], failed: list[str]) -> None:
        try:
            with only_one(self.folder / "lock", "sending", patience=0.0):
                for path in self.waiting():
                    try:
                        sent.append(_send_one(tracker, path))
                    except _Gone as error:
                        aside.append(f"dropped {path.name}: {error}")
                    except ItemRefused as error:
                        aside.append(f"set aside {self._set_aside(path, _first_line(error))}: {_first_line(error)}")
                    path.unlink(missing_ok=True)
        except Conflict:
            failed.append("is being sent to by another process")
        except Exception as error:  # the door to somebody else's library: whatever it raises must not stop a training
            failed.append(_first_line(error))

    def _set_aside(self, path: Path, reason: str) -> Path:
        """Kept with its reason beside it; moved back by hand, it is sent again."""
        home = self.folder / REFUSED
        home.mkdir(exist_ok=True)
        (home / f"{path.stem}.reason.txt").write_text(f"{reason}\n", encoding="utf-8")
        return path.rename(home / path.name)

    def _files(self) -> list[Path]:
        return list(self.folder.glob("[0-9]*.json")) if self.folder.is_dir() else []


def describe_run(
    found: Candidate, inputs: "Inputs", evaluation: Evaluation, data: DataLineage, folder: Path, commit: str
) -> TrackedRun:
    """A run as trackers know it: the declaration's digest and the hyper-parameters, metrics with intervals, tags."""
    params = {"declaration": digest([inputs.declared, inputs.estimator]), "seed": found.seed, **inputs.params}
    sources = formats.digest(formats.canonical([data.sources, data.split, data.rows]))
    tags = {
        "towpath.candidate": found.name,
        "towpath.service": found.service,
        "towpath.bundle": found.bundle,
        "towpath.data": sources,
        "towpath.origin": found.origin,
        "towpath.code": found.code,
        **({"towpath.git": commit} if commit else {}),
        **({"towpath.tuned": "true"} if found.params else {}),
    }
    kept = [REPORT, RECORD, INPUTS, f"{FILES}/{manifest.CARD}", f"{FILES}/{manifest.EVALUATION}"]
    files = tuple(name for name in kept if (folder / name).is_file())
    at = found.trained_at.timestamp()
    return TrackedRun(found.service, found.name, at, params_of(params), metrics_of(evaluation), tags, files)


def keep_run(folder: Path, run: TrackedRun) -> None:
    """The local run, beside the candidate's other files."""
    beside = folder / f".{RUN}"
    beside.write_bytes(formats.canonical(run))
    beside.rename(folder / RUN)


def read_run(folder: Path) -> TrackedRun:
    """Raises InfrastructureError where the candidate is gone."""
    try:
        content = (folder / RUN).read_bytes()
    except OSError as error:
        raise InfrastructureError(f"cannot read {folder / RUN}: {error.strerror}", hint="train again") from error
    return formats.read_record(content, TrackedRun, formats.RUN, str(folder / RUN))


def git_commit(folder: Path) -> str:
    """The commit that is checked out, with `-dirty` where files differ from it; "" where there is no git."""

    def ask(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=True)
        return done.stdout.strip()

    try:
        commit = ask("rev-parse", "HEAD")
        return f"{commit}-dirty" if ask("status", "--porcelain", "--", ".") else commit
    except (OSError, subprocess.SubprocessError):
        return ""


def _holds(path: Path, content: bytes) -> bool:
    """False of a message that another process has just sent."""
    try:
        return path.read_bytes() == content
    except OSError:
        return False


class _Gone(Exception):
    """There is nothing left to send."""


def _send_one(tracker: Tracker, path: Path) -> str:
    """What was sent, in words. Raises _Gone where the candidate is gone or the item cannot be read."""
    try:
        item = formats.read_record(path.read_bytes(), Waiting, formats.TRACKED, str(path))
        run = read_run(Path(item.folder))
    except (TowpathError, OSError) as error:
        raise _Gone(str(error)) from error
    if item.kind == "run":
        tracker.add_run(run, Path(item.folder))
        return item.candidate
    tracker.add_version(run, Path(item.folder), item.bundle)
    return f"{item.candidate} as bundle:{item.bundle[:12]}"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def told(delivered: Delivered, where: str) -> list[str]:
    """What a person is told: nothing where there is nothing to tell."""
    lines = [f"sent to {where}: {', '.join(delivered.sent)}"] if delivered.sent else []
    lines += [f"warning: {one}" for one in delivered.aside]
    if delivered.reason:
        wait = "1 message waits" if delivered.waiting == 1 else f"{delivered.waiting} messages wait"
        lines.append(
            f"warning: {where} {delivered.reason}; {wait} here and will be sent with the next training, "
            "or now by: towpath candidate track"
        )
    return lines
