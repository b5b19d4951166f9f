"""Candidates: what training runs leave behind, numbered by service: `bankchurn-3`."""

import errno
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from towpath.core import formats, manifest
from towpath.core.errors import InfrastructureError, TowpathError, UsageError
from towpath.core.evaluation import Evaluation
from towpath.core.formats import read_record
from towpath.core.lineage import DataLineage
from towpath.training.report.names import UNNAMED

if TYPE_CHECKING:  # reading candidates must not bring scikit-learn with it
    from towpath.training.train import Trained

RECORD = "candidate.json"
SPLIT = "split.json"
INPUTS = "inputs.json"
FILES = "files"


class Candidate(
    Struct, frozen=True, tag_field="format", tag=formats.CANDIDATE, omit_defaults=True, forbid_unknown_fields=True
):
    """One training run. code is the digest of the service's own Python files; bundle the id that packing will give.

    key: the digest of everything it was made from. params: parameters set instead of the declared ones.
    """

    service: str
    number: int
    seed: int
    trained_at: datetime
    code: str
    bundle: str
    origin: str
    key: str = ""
    params: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return f"{self.service}-{self.number}"


class Unreadable(Struct, frozen=True):
    """A candidate that is there, and why it cannot be read."""

    name: str
    reason: str


def save_candidate(
    root: Path,
    service: str,
    trained: "Trained",
    *,
    seed: int,
    code: str,
    now: datetime,
    key: str = "",
    params: Mapping[str, Any] | None = None,
    inputs: bytes = b"",
) -> Candidate:
    """Keep a training run, whole or not at all. Raises InfrastructureError where the disk refuses."""
    home = root / service
    identity = manifest.bundle_id(manifest.list_files(service, trained.files))
    split = {"train": trained.train.tolist(), "test": trained.test.tolist()}
    try:
        home.mkdir(parents=True, exist_ok=True)
        while True:
            number = max((number for number, _ in _numbered(home)), default=0) + 1
            candidate = Candidate(
                service, number, seed, now.astimezone(UTC), code, identity, trained.data.origin, key, dict(params or {})
            )
            files = {RECORD: formats.canonical(candidate), SPLIT: formats.canonical(split)}
            said = candidate.name.encode()
            files |= {file: content.replace(UNNAMED, said) for file, content in trained.beside.items()}
            files |= {INPUTS: inputs} if inputs else {}
            files |= {f"{FILES}/{name}": content for name, content in trained.files.items()}
            if _write_whole(home / str(number), files):
                return candidate
    except OSError as error:
        raise InfrastructureError(
            f"cannot keep the candidate in {home}: {error.strerror}", hint="free some space"
        ) from error


def find_candidate(root: Path, name: str) -> tuple[Candidate, Path]:
    """The candidate of a name such as `bankchurn-3`; of a service's name the newest. Raises UsageError."""
    exact = re.fullmatch(r"(.+)-(\d+)", name)
    service, wanted = (exact[1], int(exact[2])) if exact and (root / exact[1]).is_dir() else (name, None)
    found = {number: path for number, path in _numbered(root / service) if wanted in (None, number)}
    if not found:
        raise UsageError(f"there is no candidate {name}", hint=f"towpath train {service}")
    path = found[max(found)]
    return _read(path), path


def newest_first(root: Path, service: str) -> Iterator[Candidate]:
    """The candidates of one service, each read when it is asked for."""
    return (_read(path) for _, path in sorted(_numbered(root / service), reverse=True))


def newest(root: Path, service: str) -> Candidate | None:
    """The newest candidate of a service, if there is one and it can be read."""
    try:
        return next(newest_first(root, service), None)
    except TowpathError:
        return None


def list_candidates(root: Path) -> list[tuple[Candidate, Evaluation] | Unreadable]:
    """All candidates, by service and number."""
    homes = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    return [_listed(path) for home in homes for _, path in sorted(_numbered(home))]


def read_files(path: Path) -> dict[str, bytes]:
    """What the candidate's bundle will hold."""
    return {file.name: file.read_bytes() for file in sorted((path / FILES).iterdir())}


def read_evaluation(path: Path) -> Evaluation:
    file = path / FILES / manifest.EVALUATION
    return read_record(_content(file), Evaluation, formats.EVALUATION, str(file))


def read_lineage(path: Path) -> DataLineage:
    file = path / FILES / manifest.DATA
    return read_record(_content(file), DataLineage, formats.DATA, str(file))


def _listed(path: Path) -> tuple[Candidate, Evaluation] | Unreadable:
    try:
        return _read(path), read_evaluation(path)
    except TowpathError as error:
        return Unreadable(f"{path.parent.name}-{path.name}", str(error))


def _read(path: Path) -> Candidate:
    return read_record(_content(path / RECORD), Candidate, formats.CANDIDATE, str(path / RECORD))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InfrastructureError(f"cannot read {path}: {error.strerror}", hint="train again") from error


def _numbered(home: Path) -> list[tuple[int, Path]]:
    return [(int(path.name), path) for path in home.iterdir() if path.name.isdigit()] if home.is_dir() else []


def _write_whole(final: Path, files: dict[str, bytes]) -> bool:
    """Write beside and rename; False where another run took the number meanwhile."""
    beside = Path(tempfile.mkdtemp(prefix=".writing-", dir=final.parent))
    try:
        (beside / FILES).mkdir()
        for name, content in files.items():
            (beside / name).write_bytes(content)
        beside.rename(final)  # onto a folder with something in it the system refuses
        return True
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
