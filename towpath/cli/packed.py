"""Bundles by what people call them: a folder, a service, or the beginning of an id."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from towpath.bundle.read import Bundle, read_bundle
from towpath.cli.layout import short
from towpath.cli.project import open_here
from towpath.cli.session import Session
from towpath.core import formats, manifest
from towpath.core.errors import InfrastructureError, UsageError
from towpath.core.settings import Settings
from towpath.training.candidate import newest_first
from towpath.training.champion import champion_of
from towpath.wiring import Project

if TYPE_CHECKING:
    from towpath.engine.engine import Engine

ID = re.compile(r"(?:bundle:)?([0-9a-f]{4,64})")


@dataclass(frozen=True)
class Proved:
    """A bundle whose every byte was read and whose every golden row was answered as recorded."""

    bundle: Bundle
    engine: "Engine"
    golden_rows: int


def find_bundle(session: Session, named: str) -> Path:
    """The folder of a bundle: a path as it is, the newest candidate's of a service, or the one whose id begins so.

    Raises InfrastructureError where nothing is packed, UsageError where a name fits nothing or too much.
    """
    if is_path(named):
        return Path(named).absolute()
    project = open_here(session)
    if named in project.service_folders():
        return newest_packed(project, named)
    if is_id := ID.fullmatch(named):
        return by_id(project, is_id[1])
    services = ", ".join(project.service_folders()) or "none yet"
    raise UsageError(
        f"{named!r} is no bundle's folder, no id, and no service of {project.settings.name} ({services})",
        hint=f"towpath train {named}, then towpath pack {named}",
    )


def newest_packed(project: Project, service: str) -> Path:
    """What the newest packed candidate of a service was packed into."""
    home = project.bundles / service
    for candidate in newest_first(project.candidates, service):
        if (home / short(candidate.bundle)).is_dir():
            return home / short(candidate.bundle)
    return only_one(home, service)


def newest_other(project: Project, service: str, but: str) -> Path | None:
    """The newest packed bundle of a service that is not this one: the champion that a new one must hold out against."""
    return champion_of(project.bundles, project.candidates, service, but)


def only_one(home: Path, service: str) -> Path:
    """A project that came without its candidates, as to a machine that only serves, may still hold one bundle."""
    found = sorted(path for path in home.iterdir() if not path.name.startswith(".")) if home.is_dir() else []
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{service} has {len(found)} bundles and no candidate that says which is newest",
            hint=f"name one: {found[0]}",
        )
    raise InfrastructureError(
        f"{service} has no bundle; it would be in {home}", hint=f"towpath train {service}, then towpath pack {service}"
    )


def by_id(project: Project, begun: str) -> Path:
    """The one packed bundle whose id begins so."""
    listed = sorted(project.bundles.glob(f"*/*/{manifest.NAME}"))
    found = [path.parent for path in listed if formats.digest(path.read_bytes()).startswith(begun)]
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} bundles begin with {begun}: {', '.join(path.name for path in found)}",
            hint="give more digits",
        )
    if not found:
        raise InfrastructureError(f"{project.bundles} has no bundle {begun}", hint="towpath pack SERVICE")
    return found[0]


def prove_bundle(path: Path, threshold: float | None = None) -> Proved:
    """Read every byte and answer every golden row. A threshold takes the place of the bundle's own.

    Raises VerificationRefused naming the file or the rows at fault, UsageError where there is no threshold to replace.
    """
    from towpath.engine.engine import build_engine

    bundle = read_bundle(path)
    settings = bundle.settings if threshold is None else settings_with(bundle, threshold)
    engine = build_engine(bundle.contract, bundle.plan, settings, bundle.files)
    golden = bundle.golden()
    engine.check(golden)
    return Proved(bundle, engine, len(golden))


def settings_with(bundle: Bundle, threshold: float) -> Settings:
    """The bundle's settings with another threshold."""
    task = bundle.contract.task
    if task.kind != "binary":
        raise UsageError(
            f"{bundle.contract.service} decides nothing from a threshold on: {task.target} is {task.kind}",
            hint="leave --threshold out",
        )
    return msgspec.structs.replace(bundle.settings, threshold=threshold)


def is_path(named: str) -> bool:
    """Whether a name is meant as a folder: it is written as a path, or a bundle lies there."""
    return os.sep in named or named in (".", "..") or (Path(named) / manifest.NAME).is_file()
