"""Read a bundle: each file once, hashed, compared with the manifest; what was hashed is what is used."""

import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import msgspec

from towpath.core import formats, manifest
from towpath.core.contract import Contract
from towpath.core.errors import InfrastructureError, VerificationRefused
from towpath.core.evaluation import Evaluation
from towpath.core.formats import read_record
from towpath.core.golden import GoldenRow
from towpath.core.lineage import DataLineage
from towpath.core.manifest import Manifest
from towpath.core.plan import Plan
from towpath.core.reference import Reference
from towpath.core.settings import Settings

LARGEST = 512 << 20  # bytes; no file of a bundle comes near, and a worker should not read a disk image into memory

LOOSEST = 1e-6  # the tolerance that the least exact converter may ever need


@dataclass(frozen=True)
class Bundle:
    """A verified bundle, its files held as the very bytes that were hashed."""

    id: str
    path: Path
    manifest: Manifest
    contract: Contract
    plan: Plan
    settings: Settings
    files: dict[str, bytes]

    @property
    def name(self) -> str:
        """What people are shown: `bundle:1f2e3d4c5b6a`."""
        return f"bundle:{self.id[:12]}"

    def golden(self) -> list[GoldenRow]:
        return read_golden(self.files[manifest.GOLDEN], self.path)

    def evaluation(self) -> Evaluation:
        return read_record(
            self.files[manifest.EVALUATION], Evaluation, formats.EVALUATION, str(self.path / manifest.EVALUATION)
        )

    def reference(self) -> Reference:
        return read_record(
            self.files[manifest.REFERENCE], Reference, formats.REFERENCE, str(self.path / manifest.REFERENCE)
        )

    def data(self) -> DataLineage:
        return read_record(self.files[manifest.DATA], DataLineage, formats.DATA, str(self.path / manifest.DATA))


def read_bundle(path: Path) -> Bundle:
    """Read and verify every byte of a bundle.

    Raises InfrastructureError where there is no bundle, VerificationRefused naming the file that is missing, extra,
    linked or changed, FormatTooNew where a newer Towpath wrote it.
    """
    path = Path(path)
    folder = _open_folder(path)
    try:
        listed = _read_manifest(folder, path)
        _refuse_other_files(folder, listed, path)
        files = {name: _read_listed(folder, name, entry, path) for name, entry in listed.files.items()}
    finally:
        os.close(folder)
    contract = read_record(files[manifest.CONTRACT], Contract, formats.CONTRACT, str(path / manifest.CONTRACT))
    if contract.service != listed.service:
        raise VerificationRefused(
            f"{path / manifest.NAME} is for {listed.service}, its {manifest.CONTRACT} for {contract.service}",
            hint=_CHANGED,
        )
    return Bundle(
        id=manifest.bundle_id(listed),
        path=path,
        manifest=listed,
        contract=contract,
        plan=read_record(files[manifest.PLAN], Plan, formats.PLAN, str(path / manifest.PLAN)),
        settings=read_record(files[manifest.SETTINGS], Settings, formats.SETTINGS, str(path / manifest.SETTINGS)),
        files=files,
    )


def read_golden(content: bytes, path: Path) -> list[GoldenRow]:
    """Raises VerificationRefused where the rows cannot be read, or could not prove anything."""
    where = path / manifest.GOLDEN
    try:
        rows = msgspec.json.Decoder(GoldenRow).decode_lines(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise VerificationRefused(f"{where} cannot be read: {error}", hint="pack the bundle again") from error
    loosest = max((row.tolerance for row in rows), default=math.inf)
    if loosest > LOOSEST:
        told = f"tolerates {loosest:g}, and nothing above {LOOSEST:g} proves anything" if rows else "has no rows"
        raise VerificationRefused(f"{where} {told}", hint="train and pack again")
    return rows


def _open_folder(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError as error:
        raise InfrastructureError(
            f"there is no bundle at {path.absolute()}",
            hint="train and pack one: towpath train SERVICE, towpath pack SERVICE",
        ) from error
    except OSError as error:
        raise VerificationRefused(
            f"{path} is not a bundle: {error.strerror}", hint="a bundle is a folder with a manifest.json in it"
        ) from error


def _read_manifest(folder: int, path: Path) -> Manifest:
    if manifest.NAME not in os.listdir(folder):
        raise VerificationRefused(
            f"{path} is not a bundle: it has no {manifest.NAME}", hint="towpath pack SERVICE makes one"
        )
    content = _read_file(folder, manifest.NAME, path)
    listed = read_record(content, Manifest, formats.MANIFEST, str(path / manifest.NAME))
    if formats.canonical(listed) != content:
        raise VerificationRefused(
            f"{path / manifest.NAME} is not in canonical form: it was changed by hand", hint="pack the bundle again"
        )
    if unknown := sorted(set(listed.files) - manifest.ALLOWED):
        raise VerificationRefused(
            f"{path / manifest.NAME} lists {', '.join(unknown)}, which no bundle has", hint="pack the bundle again"
        )
    if missing := sorted(manifest.REQUIRED - set(listed.files)):
        raise VerificationRefused(
            f"{path / manifest.NAME} does not list {', '.join(missing)}", hint="pack the bundle again"
        )
    return listed


def _refuse_other_files(folder: int, listed: Manifest, path: Path) -> None:
    extra = sorted(set(os.listdir(folder)) - set(listed.files) - {manifest.NAME})
    if extra:
        raise VerificationRefused(
            f"{path} has files that its manifest does not list: {', '.join(extra)}", hint="remove them, or pack again"
        )


def _read_listed(folder: int, name: str, entry: manifest.Entry, path: Path) -> bytes:
    content = _read_file(folder, name, path)
    if len(content) != entry.size:
        raise VerificationRefused(
            f"{path / name} has {len(content)} bytes; its manifest says {entry.size}", hint=_CHANGED
        )
    found = formats.digest(content)
    if found != entry.sha256:
        raise VerificationRefused(
            f"{path / name} was changed: its sha256 is {found}, its manifest says {entry.sha256}", hint=_CHANGED
        )
    return content


def _read_file(folder: int, name: str, path: Path) -> bytes:
    """The bytes of a plain file of the folder, never through a link of either kind, never blocking on a pipe."""
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError as error:
        raise VerificationRefused(f"{path / name} is missing", hint=_CHANGED) from error
    except OSError as error:
        raise VerificationRefused(
            f"{path / name} cannot be opened: {error.strerror} (a link?)", hint=_CHANGED
        ) from error
    with open(opened, "rb") as file:
        about = os.fstat(opened)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
            raise VerificationRefused(
                f"{path / name} is linked or not a plain file", hint="a bundle's files are its own: copy it whole"
            )
        if about.st_size > LARGEST:
            raise VerificationRefused(
                f"{path / name} has {about.st_size} bytes; the largest allowed is {LARGEST}", hint=_CHANGED
            )
        return file.read()


_CHANGED = "the bundle was changed after it was packed: pack it again or copy it anew"
