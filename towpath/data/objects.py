"""The object store: every file under the sha256 of its content, written once; and a folder to share objects through."""

import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from towpath.core.errors import InfrastructureError, VerificationRefused

CHUNK = 1 << 20  # bytes


class ObjectStore:
    """`objects/sha256/ab/cdef...`; an object that is there is whole, and is checked when it is asked for.

    remote is a store of the same layout in a folder that several machines reach; what is not here is fetched from it.
    """

    def __init__(self, root: Path, remote: Path | None = None):
        self.root = root / "sha256"
        self.remote = ObjectStore(remote) if remote else None

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256[2:]

    def has(self, sha256: str) -> bool:
        return bool(sha256) and self.path(sha256).is_file()

    def put_file(self, source: Path, expected: str = "") -> str:
        """Copy a file in, hashing what is copied; returns its sha256.

        Raises InfrastructureError, or VerificationRefused where another sha256 is expected; then nothing is kept.
        """
        try:
            with source.open("rb") as original:
                return self._store(original, source, expected)
        except OSError as error:
            raise InfrastructureError(
                f"cannot store {source}: {error.strerror}", hint="free some space or check permissions"
            ) from error

    def put(self, content: bytes) -> str:
        """Store some bytes; returns their sha256. Raises InfrastructureError."""
        try:
            return self._store(io.BytesIO(content))
        except OSError as error:
            raise InfrastructureError(
                f"cannot store {len(content)} bytes: {error.strerror}", hint="free some space"
            ) from error

    def get(self, sha256: str) -> bytes:
        """The content of an object, checked. Raises VerificationRefused where a byte was altered."""
        path = self.path(sha256)
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise _absent(sha256) from error
        _compare(path, hashlib.sha256(content).hexdigest(), sha256)
        return content

    def verify(self, sha256: str) -> int:
        """Read an object again, however large, and return its size in bytes. Raises as get does."""
        path = self.path(sha256)
        try:
            with path.open("rb") as file:
                _compare(path, hashlib.file_digest(file, "sha256").hexdigest(), sha256)
                return file.tell()
        except FileNotFoundError as error:
            raise _absent(sha256) from error

    def fetch(self, sha256: str) -> bool:
        """Bring an object from the remote, in the place of what is here; False where there is no remote or it has none.

        Raises VerificationRefused where the remote's copy was altered; what is here stays then.
        """
        if self.remote is None or not self.remote.has(sha256):
            return False
        self.put_file(self.remote.path(sha256), sha256)
        return True

    def _store(self, original: BinaryIO, source: Path | None = None, expected: str = "") -> str:
        """Copy to a name beside the final one, sync, rename: an object is whole or not there."""
        self.root.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".writing-", dir=self.root)
        written = Path(name)
        try:
            with os.fdopen(handle, "wb") as copy:
                sha256 = _copy(original, copy)
            if expected:
                _compare(source, sha256, expected)
            final = self.path(sha256)
            final.parent.mkdir(exist_ok=True)
            written.chmod(0o444)
            written.replace(final)
        finally:
            written.unlink(missing_ok=True)
        return sha256


def _absent(sha256: str) -> InfrastructureError:
    return InfrastructureError(f"the object store has no {sha256}", hint="towpath data pull brings data sets")


def _compare(path: Path | None, found: str, expected: str) -> None:
    if found != expected:
        raise VerificationRefused(
            f"{path} was altered: its sha256 is {found}, not {expected}",
            hint=f"towpath data restore brings a whole copy of a service's data; of anything else: rm {path}",
        )


def _copy(original: BinaryIO, copy: BinaryIO) -> str:
    hasher = hashlib.sha256()
    while chunk := original.read(CHUNK):
        hasher.update(chunk)
        copy.write(chunk)
    copy.flush()
    os.fsync(copy.fileno())
    return hasher.hexdigest()
