"""Bring a data set's files into the object store, each known by its sha256 and nothing else."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from towpath.core.errors import InfrastructureError, VerificationRefused
from towpath.data.objects import ObjectStore
from towpath.declare.data import DataSet, Packaged, Source


class Pulled(Struct, frozen=True):
    """One file of a data set: `stored` was there already and is whole, `pulled` came now, `missing` is nowhere."""

    name: str
    sha256: str
    state: str
    size: int = 0


def pull(data: DataSet, store: ObjectStore, folders: Sequence[Path]) -> list[Pulled]:
    """Bring in what is not there yet, looking for each file by name in the folders; read again what is there.

    Raises VerificationRefused naming a file, there or in the store, whose content is another than declared.
    """
    if isinstance(data.reads, Packaged):
        return [_pull_packaged(data.reads, store)]
    return [_pull_one(source, store, folders) for source in data.reads.sources]


def require(pulled: Sequence[Pulled], folders: Sequence[Path]) -> None:
    """Raises InfrastructureError naming the files that could not be found, and where they were looked for."""
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
    return _stored(source, store) if store.has(source.sha256) else _bring(packaged_file(reads), source, store)


def _stored(source: Source, store: ObjectStore) -> Pulled:
    return Pulled(source.name, source.sha256, "stored", len(store.get(source.sha256)))


def _pull_one(source: Source, store: ObjectStore, folders: Sequence[Path]) -> Pulled:
    if store.has(source.sha256):
        return _stored(source, store)
    found = _find(source.name, folders)
    return _bring(found, source, store) if found else Pulled(source.name, source.sha256, "missing")


def _find(name: str, folders: Sequence[Path]) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _bring(found: Path, source: Source, store: ObjectStore) -> Pulled:
    with found.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != source.sha256:
        raise VerificationRefused(
            f"{found} is not the declared data: its sha256 is {digest}, declared is {source.sha256}",
            hint="find the right file, or declare the new sha256 if the data changed on purpose",
        )
    store.put_file(found)
    return Pulled(source.name, source.sha256, "pulled", found.stat().st_size)
