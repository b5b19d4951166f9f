"""The object store: every file under the sha256 of its content, written once."""

import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from towpath.core.errors import InfrastructureError, VerificationRefused

CHUNK = 1 << 20  # bytes


class ObjectStore:
    """`objects/sha256/ab/cdef...`; an object that is there is whole, and is checked when it is asked for."""

    def __init__(self, root: Path):
        self.root = root / "sha256"

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256[2:]

    def has(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def put_file(self, source: Path) -> str:
        """Copy a file in, hashing what is copied; returns its sha256. Raises InfrastructureError."""
        try:
            with source.open("rb") as original:
                return self._store(original)
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
            raise InfrastructureError(
                f"the object store has no {sha256}", hint="towpath data pull brings data sets"
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise VerificationRefused(
                f"{path} was altered: its sha256 is {found}, not {sha256}",
                hint=f"remove it, then pull it again: rm {path}",
            )
        return content

    def _store(self, original: BinaryIO) -> str:
        """Copy to a name beside the final one, sync, rename: an object is whole or not there."""
        self.root.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".writing-", dir=self.root)
        written = Path(name)
        try:
            with os.fdopen(handle, "wb") as copy:
                sha256 = _copy(original, copy)
            final = self.path(sha256)
            final.parent.mkdir(exist_ok=True)
            written.chmod(0o444)
            written.replace(final)
        finally:
            written.unlink(missing_ok=True)
        return sha256


def _copy(original: BinaryIO, copy: BinaryIO) -> str:
    hasher = hashlib.sha256()
    while chunk := original.read(CHUNK):
        hasher.update(chunk)
        copy.write(chunk)
    copy.flush()
    os.fsync(copy.fileno())
    return hasher.hexdigest()
