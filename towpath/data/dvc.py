"""DVC's own formats, read and written without DVC: `.dvc` files and a remote folder, `files/md5/ab/rest`.

A team that versions its data with DVC 3 keeps its workflow; Towpath takes a version from it, or gives one to it. DVC
knows files by md5, Towpath by sha256: bytes are compared by the one on the way in and known by the other from then on.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct

from towpath.core.dataset import DataFile
from towpath.core.errors import InfrastructureError, UsageError, VerificationRefused
from towpath.data.objects import CHUNK, ObjectStore

PUSH = "remove the file, then dvc push it again: dvc leaves alone what is there"
DIRECTORY = ".dir"


class Pointer(Struct, frozen=True):
    """What a .dvc file says of its one output: the md5 of a file, or of a directory's listing with .dir at its end."""

    path: str
    md5: str
    size: int = 0

    @property
    def is_directory(self) -> bool:
        return self.md5.endswith(DIRECTORY)


class DvcRemote:
    """A folder as `dvc remote add` names it, or a `.dvc/cache`."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, md5: str) -> Path:
        return self.folder / "files" / "md5" / md5[:2] / md5[2:]

    def require(self, md5: str) -> Path:
        """The path of an object, read and compared. Raises InfrastructureError or VerificationRefused."""
        path = self.path(md5)
        if not path.is_file():
            raise InfrastructureError(
                f"the DVC remote {self.folder} has no {path.relative_to(self.folder)}", hint="dvc push brings it there"
            )
        if (found := md5_of(path)) != md5.removesuffix(DIRECTORY):
            raise VerificationRefused(f"{path} was altered: its md5 is {found}, not {md5}", hint=PUSH)
        return path

    def put(self, content: bytes, suffix: str = "") -> str:
        """Store some bytes; returns their md5 with the suffix."""
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
        self._write(md5, [content])
        return md5

    def put_file(self, source: Path) -> str:
        """Copy a file in; returns its md5."""
        md5 = md5_of(source)
        with source.open("rb") as file:
            self._write(md5, iter(lambda: file.read(CHUNK), b""))
        return md5

    def _write(self, md5: str, chunks: Any) -> None:
        final = self.path(md5)
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".writing-", dir=final.parent)
            try:
                with os.fdopen(handle, "wb") as copy:
                    copy.writelines(chunks)
                    copy.flush()
                    os.fsync(copy.fileno())
                Path(name).chmod(0o444)  # as DVC protects them
                Path(name).replace(final)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as error:
            raise InfrastructureError(f"cannot write {final}: {error.strerror}", hint="free some space") from error
        self.require(md5)


def read_pointer(path: Path) -> Pointer:
    """What a .dvc file points to. Raises UsageError where it is none, has several outputs, or is one of DVC 2."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        (out,) = content["outs"]
        pointer = Pointer(str(out["path"]), str(out["md5"]), int(out.get("size", 0)))
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} is not a .dvc file with one output", hint="`dvc add FILE` writes one") from error
    if not isinstance(out, dict) or out.get("hash") != "md5":
        raise UsageError(f"{path} was written by DVC 2, whose md5 is another", hint="dvc cache migrate --dvc-files")
    if not all(character in "0123456789abcdef" for character in pointer.md5.removesuffix(DIRECTORY)):
        raise UsageError(f"{path} has md5 {pointer.md5!r}", hint="`dvc add FILE` writes it anew")
    return pointer


def find_files(pointer: Pointer, remote: DvcRemote, names: Sequence[str]) -> list[Path]:
    """The path in the remote of each declared file, every byte compared.

    A file in a directory is found by its whole name, by its name in the directory, or by its last part. Raises
    UsageError naming what the .dvc file has.
    """
    if not pointer.is_directory:
        if len(names) > 1:
            raise UsageError(
                f"{pointer.path} is one file, but {len(names)} are declared: {', '.join(names)}",
                hint="dvc add the folder that they are in",
            )
        return [remote.require(pointer.md5)]
    listed = _listing(remote.require(pointer.md5))
    found = [_find(name, pointer, listed) for name in names]
    if absent := [name for name, md5 in zip(names, found, strict=True) if not md5]:
        raise UsageError(f"{pointer.path} has no {', '.join(absent)}; it has {', '.join(listed)}")
    return [remote.require(md5) for md5 in found if md5]


def write_pointers(files: Sequence[DataFile], store: ObjectStore, remote: DvcRemote, folder: Path) -> list[Path]:
    """Copy files into a remote and write the .dvc files that point to them; returns those.

    Several files in one folder become one directory, as `dvc add FOLDER` makes it; any other a .dvc file each.
    """
    md5s = {file.name: remote.put_file(_whole(file, store)) for file in files}
    parents = {PurePosixPath(name).parent for name in md5s}
    if len(md5s) > 1 and len(parents) == 1 and (parent := parents.pop()) != PurePosixPath("."):
        listing = [{"md5": md5, "relpath": PurePosixPath(name).name} for name, md5 in sorted(md5s.items())]
        md5 = remote.put(json.dumps(listing, sort_keys=True).encode(), DIRECTORY)
        sizes = {"size": sum(file.size for file in files), "nfiles": len(listing)}
        return [_write_pointer(folder, str(parent), {"md5": md5, **sizes})]
    return [_write_pointer(folder, file.name, {"md5": md5s[file.name], "size": file.size}) for file in files]


def md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _whole(file: DataFile, store: ObjectStore) -> Path:
    store.verify(file.sha256)
    return store.path(file.sha256)


def _listing(path: Path) -> dict[str, str]:
    """Path in the directory to md5."""
    try:
        return {str(entry["relpath"]): str(entry["md5"]) for entry in json.loads(path.read_bytes())}
    except (ValueError, KeyError, TypeError) as error:
        raise VerificationRefused(f"{path} is not the listing of a directory", hint=PUSH) from error


def _find(name: str, pointer: Pointer, listed: Mapping[str, str]) -> str | None:
    names = [name.removeprefix(f"{pointer.path}/"), name, PurePosixPath(name).name]
    return next((listed[one] for one in names if one in listed), None)


def _write_pointer(folder: Path, name: str, out: dict[str, Any]) -> Path:
    import yaml

    path = folder / f"{name}.dvc"
    content = {"outs": [{**out, "hash": "md5", "path": PurePosixPath(name).name}]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    except OSError as error:
        raise InfrastructureError(f"cannot write {path}: {error.strerror}", hint="--output DIR") from error
    return path
