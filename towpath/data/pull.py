"""Bring a data set's files into the object store, each known by its sha256 and nothing else."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from towpath.core.errors import InfrastructureError, UsageError, VerificationRefused
from towpath.data.objects import ObjectStore
from towpath.declare.data import DataSet, Packaged, Source


class Pulled(Struct, frozen=True):
    """One file of a data set: `stored` was there already and is whole, `pulled` came now, `missing` is nowhere."""

    name: str
    sha256: str
    state: str
    size: int = 0


def pull(data: DataSet, store: ObjectStore, folders: Sequence[Path]) -> list[Pulled]:
    """Bring in what is not there yet, from the store's remote or by name from the folders; read again what is there.

    Raises VerificationRefused naming a file, there or in the store, whose content is another than declared.
    """
    if isinstance(data.reads, Packaged):
        return [_pull_packaged(data.reads, store)]
    return [_pull_one(source, store, folders) for source in data.reads.sources]


def require(pulled: Sequence[Pulled], folders: Sequence[Path], service: str = "SERVICE") -> None:
    """Raises InfrastructureError naming the files that could not be found, and where they were looked for.

    A file that is declared without sha256, and of which no version was added yet, is a UsageError.
    """
    if unknown := [file.name for file in pulled if not file.sha256]:
        raise UsageError(
            f"{', '.join(unknown)}: there is neither a sha256 in service.py nor a version yet",
            hint=f"towpath data add {service} --from FILE records the first version",
        )
    missing = [file.name for file in pulled if file.state == "missing"]
    if missing:
        where = ", ".join(str(folder) for folder in folders) or "no folder at all"
        raise InfrastructureError(
            f"{', '.join(missing)} not found in {where}",
            hint="towpath data pull --from FOLDER, or set TOWPATH_DATA to the folder that holds the data",
        )


def packaged_file(reads: Packaged) -> Path:
    """The CSV file inside scikit-learn."""
    import sklearn.datasets

    return Path(sklearn.datasets.__file__).parent / "data" / f"{reads.name}.csv"


def _pull_packaged(reads: Packaged, store: ObjectStore) -> Pulled:
    source = reads.sources[0]
    return _stored(source, store) if store.has(source.sha256) else _bring([packaged_file(reads)], source, store)


def _stored(source: Source, store: ObjectStore) -> Pulled:
    return Pulled(source.name, source.sha256, "stored", store.verify(source.sha256))


def _pull_one(source: Source, store: ObjectStore, folders: Sequence[Path]) -> Pulled:
    if store.has(source.sha256):
        return _stored(source, store)
    if store.fetch(source.sha256):
        return Pulled(source.name, source.sha256, "pulled", store.verify(source.sha256))
    found = places(source.name, folders)
    if not found or not source.sha256:
        return Pulled(source.name, source.sha256, "missing")
    return _bring(found, source, store)


def places(name: str, folders: Sequence[Path]) -> list[Path]:
    """Where there is a file of this name, in the order of the folders."""
    return [folder / name for folder in folders if (folder / name).is_file()]


def _bring(found: list[Path], source: Source, store: ObjectStore) -> Pulled:
    """The first that has the declared content; a folder may hold another version under the same name."""
    digests = {}
    for path in found:
        with path.open("rb") as file:
            digests[path] = hashlib.file_digest(file, "sha256").hexdigest()
        if digests[path] == source.sha256:
            store.put_file(path, source.sha256)
            return Pulled(source.name, source.sha256, "pulled", path.stat().st_size)
    path, digest = next(iter(digests.items()))
    raise VerificationRefused(
        f"{path} is not the declared data: its sha256 is {digest}, declared is {source.sha256}",
        hint="find the right file; if the data changed on purpose: towpath data add SERVICE --from FILE",
    )
