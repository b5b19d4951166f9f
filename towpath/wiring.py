"""The only file that names concrete parts: a project found on the disk, and what belongs to it."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from towpath.core.errors import UsageError
from towpath.core.project import FILE, ProjectSettings, read_project
from towpath.data.objects import ObjectStore
from towpath.declare.load import FILE as SERVICE_FILE
from towpath.declare.load import load_service
from towpath.declare.service import Service

STATE = ".towpath"
DATA = "TOWPATH_DATA"
SEED = "TOWPATH_SEED"
DEFAULT_SEED = 42
LARGEST_SEED = 2**32 - 1  # scikit-learn's


@dataclass(frozen=True)
class Project:
    """A project folder: its settings, its services, and its state, beside them in .towpath/ unless said otherwise."""

    root: Path
    settings: ProjectSettings
    environ: Mapping[str, str]
    state: Path

    @property
    def objects(self) -> ObjectStore:
        return ObjectStore(self.state / "objects")

    @property
    def candidates(self) -> Path:
        return self.state / "candidates"

    @property
    def bundles(self) -> Path:
        return self.state / "bundles"

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

    def service(self, name: str) -> Service:
        """One service by name. Raises UsageError naming those there are."""
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
    """The project of a folder: its own towpath.toml or the nearest above. Raises UsageError."""
    for folder in _upwards(start.absolute()):
        if (folder / FILE).is_file():
            return open_project(folder, environ)
    raise UsageError(
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
