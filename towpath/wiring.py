"""The only file that names concrete parts: a project found on the disk, and what belongs to it."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from towpath.core.errors import UsageError
from towpath.core.project import FILE, ProjectSettings, is_server, read_project
from towpath.data.chosen import chosen
from towpath.data.history import FILE as HISTORY
from towpath.data.history import Ledger
from towpath.data.objects import ObjectStore
from towpath.declare.load import FILE as SERVICE_FILE
from towpath.declare.load import load_service
from towpath.declare.service import Service
from towpath.training.place import Place
from towpath.training.tracking import Outbox

STATE = ".towpath"
DATA = "TOWPATH_DATA"
REMOTE = "TOWPATH_REMOTE"
SEED = "TOWPATH_SEED"
TRACKING = "TOWPATH_TRACKING_URL"
MLFLOW = "MLFLOW_TRACKING_URI"
MODEL = "MLFLOW_REGISTERED_MODEL"
DEFAULT_SEED = 42
LARGEST_SEED = 2**32 - 1  # scikit-learn's


class NoProject(UsageError):
    """There is no towpath.toml here or above."""


@dataclass(frozen=True)
class Project:
    """A project folder: its settings, its services, and its state, beside them in .towpath/ unless said otherwise."""

    root: Path
    settings: ProjectSettings
    environ: Mapping[str, str]
    state: Path

    @property
    def objects(self) -> ObjectStore:
        return ObjectStore(self.state / "objects", self.remote())

    @property
    def candidates(self) -> Path:
        return self.state / "candidates"

    @property
    def bundles(self) -> Path:
        return self.state / "bundles"

    @property
    def stages(self) -> Path:
        return self.state / "stages"

    @property
    def tuned(self) -> Path:
        return self.state / "tune"

    def place(self, service: str, also: Path | None = None) -> Place:
        """What training one service needs to know of the project; data is looked for in `also` first."""
        code = self.service_folders()[service]
        folders = self.data_folders(also)
        return Place(self.objects, self.candidates, self.bundles, self.stages, folders, code, self.outbox())

    def outbox(self) -> Outbox:
        """What waits for the tracking server; nothing does where none is named."""
        address = self.tracking_address()
        if not address:
            return Outbox(self.state / "outbox")
        from towpath.training.mirror import MlflowMirror

        model = self.environ.get(MODEL) or self.settings.tracking.model
        return Outbox(self.state / "outbox", MlflowMirror(address, self.settings.name, model))

    def tracking_address(self) -> str:
        """TOWPATH_TRACKING_URL, of which the empty one switches it off, MLFLOW_TRACKING_URI, then towpath.toml.

        Raises UsageError for what is no server's address; MLflow's own variable may name a store of files, which is
        none of ours.
        """
        named = self.environ.get(TRACKING)
        if named and not is_server(named):
            raise UsageError(f"{TRACKING} is {named!r}", hint="an address is meant, such as http://127.0.0.1:5000")
        if named is not None:
            return named
        mlflow = self.environ.get(MLFLOW, "")
        return mlflow if is_server(mlflow) else self.settings.tracking.mlflow

    def remote(self, also: Path | None = None) -> Path | None:
        """The folder that objects are shared through: --remote, then TOWPATH_REMOTE, then towpath.toml; or none."""
        named = self.environ.get(REMOTE) or self.settings.remote
        return also or (self.root / named if named else None)

    def data_folders(self, also: Path | None = None) -> list[Path]:
        """Where data sets are looked for, the first find counting: --from, TOWPATH_DATA, towpath.toml, the project."""
        named = [Path(part) for part in self.environ.get(DATA, "").split(os.pathsep) if part]
        return [*([also] if also else []), *named, *(self.root / part for part in self.settings.data), self.root]

    def service_folders(self) -> dict[str, Path]:
        """Every service by the name of its folder."""
        found = {
            folder.name: folder for pattern in self.settings.services for folder in sorted(self.root.glob(pattern))
        }
        return {name: folder for name, folder in found.items() if (folder / SERVICE_FILE).is_file()}

    def ledger(self, name: str) -> Ledger:
        """The history of a service's data; it reads as empty where nothing was ever added."""
        folder = self.service_folders().get(name, self.root / name)
        return Ledger(folder / HISTORY, self.state / "locks" / f"data-{name}")

    def service(self, name: str) -> Service:
        """One service by name, over the version of its data that is checked out.

        Raises UsageError naming those there are, Conflict where service.py declares other data than its history has.
        """
        return chosen(self.declared(name), self.ledger(name).read())

    def declared(self, name: str) -> Service:
        """One service by name, as its service.py says. Raises UsageError naming those there are."""
        folders = self.service_folders()
        if name not in folders:
            known = ", ".join(folders) or "none yet"
            raise UsageError(
                f"{self.settings.name} has no service {name!r}; its services are: {known}", hint=f"towpath new {name}"
            )
        service = load_service(folders[name])
        if service.name != name:
            raise UsageError(
                f"{folders[name] / SERVICE_FILE} declares {service.name!r}",
                hint=f"name folder and service alike: {name}",
            )
        return service

    def make_state(self) -> None:
        """The state folder is the owner's alone: predictions and tokens will lie in it."""
        self.state.mkdir(mode=0o700, exist_ok=True)

    def seed(self, given: int | None) -> int:
        """Flag, then TOWPATH_SEED, then 42. Raises UsageError."""
        where, named = SEED, self.environ.get(SEED, str(DEFAULT_SEED))
        if given is not None:
            where, named = "--seed", str(given)
        if not named.isdecimal() or int(named) > LARGEST_SEED:
            hint = f"a whole number from 0 to {LARGEST_SEED} is meant, such as {DEFAULT_SEED}"
            raise UsageError(f"{where} is {named!r}", hint=hint)
        return int(named)


def find_project(start: Path, environ: Mapping[str, str]) -> Project:
    """The project of a folder: its own towpath.toml or the nearest above. Raises NoProject, UsageError or Faulty."""
    for folder in _upwards(start.absolute()):
        if (folder / FILE).is_file():
            return open_project(folder, environ)
    raise NoProject(
        f"there is no {FILE} in {start.absolute()} or above",
        hint="towpath new SERVICE begins a project; or pass --project FOLDER",
    )


def open_project(root: Path, environ: Mapping[str, str], state: Path | None = None) -> Project:
    """The project of exactly this folder. Raises UsageError, or Faulty with every fault of its settings."""
    path = root / FILE
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}", hint="docs/settings.md has the annotated example") from error
    return Project(root, read_project(given, str(path)), environ, state or root / STATE)


def _upwards(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.parents
