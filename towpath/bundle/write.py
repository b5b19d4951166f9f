"""Write a bundle: all of it or nothing, under the name of its id."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

from towpath.core import formats, manifest
from towpath.core.errors import InfrastructureError


def write_bundle(service: str, files: dict[str, bytes], folder: Path) -> tuple[str, Path]:
    """Write the files with their manifest to `folder/<first 12 of the id>`; already there is success.

    Returns the bundle's id and path. Raises InfrastructureError where the disk refuses; nothing half-written stays.
    """
    listed = manifest.list_files(service, files)
    identity = manifest.bundle_id(listed)
    final = folder / identity[:12]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not final.exists():
            _write_whole({**files, manifest.NAME: formats.canonical(listed)}, folder, final)
    except OSError as error:
        raise InfrastructureError(
            f"cannot write the bundle to {final}: {error.strerror}", hint="free some space, or pass --output"
        ) from error
    return identity, final


def _write_whole(files: dict[str, bytes], folder: Path, final: Path) -> None:
    """Write beside the final name, sync, then rename: a reader sees the whole bundle or none."""
    beside = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    try:
        for name, content in files.items():
            _write_synced(beside / name, content)
        beside.chmod(0o755)
        beside.rename(final)
        _sync_folder(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # else somebody wrote the same bundle meanwhile
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
