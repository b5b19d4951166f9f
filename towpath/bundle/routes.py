"""The routes file on the disk: read without following, blocking or trusting anything; replaced whole or not at all."""

import contextlib
import errno
import glob
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from towpath.core.errors import Conflict, InfrastructureError
from towpath.core.routes import HOW, Routes, RoutesRefused
from towpath.core.routes_file import LARGEST, decode, encode, refuse_step

KEPT = 5  # generations beside the file, the newest among them: what a rollback in the dark may need


class Look(NamedTuple):
    """What the system says of a file without opening it; another one means that it may have changed."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


def look_at(path: Path) -> Look | None:
    """None where there is nothing. Never blocks on what is no file, and follows no link."""
    try:
        about = os.lstat(path)
    except OSError:
        return None
    return Look(about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


def read_routes(path: Path) -> Routes:
    """The routes in a file. Raises RoutesRefused, whatever is there instead."""
    return decode(read_content(path), str(path))


def read_content(path: Path) -> bytes:
    """The bytes of a plain file that is small enough. Raises RoutesRefused.

    A link could lead elsewhere between two looks, and a pipe would wait for a writer for ever.
    """
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise RoutesRefused(
            "missing", f"there is no {path}", hint=f"put it back if it was there; else {HOW}"
        ) from error
    except OSError as error:
        link = error.errno in (errno.ELOOP, errno.ENXIO)  # ENXIO is what a socket says
        reason, told = ("not_regular", "is no plain file") if link else ("unreadable", "cannot be read")
        raise RoutesRefused(reason, f"{path} {told}: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise RoutesRefused("not_regular", f"{path} is no plain file")
        return _read_up_to(opened, LARGEST + 1)
    except OSError as error:
        raise RoutesRefused("unreadable", f"{path} cannot be read: {error.strerror}") from error
    finally:
        os.close(opened)


def kept_routes(path: Path) -> Iterator[Routes]:
    """The generations kept beside the file that can be read, the newest first; for when the file itself cannot."""
    for _, kept in sorted(_kept(path), reverse=True):
        with contextlib.suppress(RoutesRefused):
            yield read_routes(kept)


def write_routes(path: Path, routes: Routes, expected_generation: int) -> None:
    """Replace the routes file, if what stands there still has the generation that the writer saw; 0 where it saw none.

    A reader sees the old file or the new one, and after a crash one of the two is there. The last five generations are
    kept beside it. Raises RoutesRefused for routes that no worker would act upon, Conflict where somebody else was
    quicker, InfrastructureError where the disk refuses; then the old file stays.
    """
    content = encode(routes)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            before = newest_routes(path)
            _refuse_stale(before, routes, expected_generation, path)
            if before:  # where a crash came between its file and its copy
                _keep(path, before)
            _replace(path, content)
            _keep(path, routes)
            _forget_eldest(path)
    except OSError as error:
        raise InfrastructureError(
            f"cannot write {path}: {error.strerror}", hint="what was live stays live; free some space, check rights"
        ) from error


def kept_path(path: Path, generation: int) -> Path:
    """Where a generation is kept: `bankchurn.routes.7.json` beside `bankchurn.routes.json`."""
    return path.with_name(f"{path.stem}.{generation}{path.suffix}")


def newest_routes(path: Path) -> Routes | None:
    """What is live: the file's, or a newer one kept where something overwrote the file. None before the first."""
    try:
        routes = read_routes(path)
    except RoutesRefused:
        return next(kept_routes(path), None)
    kept = newest_kept(path, routes)
    return kept if kept and kept.generation > routes.generation else routes


def newest_kept(path: Path, routes: Routes) -> Routes | None:
    """The newest generation kept beside the file of the same service and environment."""
    return next((one for one in kept_routes(path) if one.name == routes.name), None)


def _refuse_stale(before: Routes | None, after: Routes, expected: int, path: Path) -> None:
    found = before.generation if before else 0
    if found != expected:
        raise Conflict(
            f"{path} has generation {found}; who wrote {after.generation} had seen {expected}",
            hint="look again at what is live, then decide anew",
        )
    if after.generation != expected + 1:
        raise Conflict(f"{path} has generation {expected}; the next is {expected + 1}, not {after.generation}")
    if before:
        refuse_step(before, after, str(path))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time; the system lets go of it when a writer dies."""
    opened = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with contextlib.suppress(ImportError):  # Windows
            import fcntl

            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _keep(path: Path, routes: Routes) -> None:
    kept = kept_path(path, routes.generation)
    if not kept.exists():
        _replace(kept, encode(routes))


def _replace(path: Path, content: bytes) -> None:
    """Beside its final name, synced, then renamed: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):  # of a writer that died and had our number
        beside.unlink()
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _forget_eldest(path: Path) -> None:
    for _, kept in sorted(_kept(path))[:-KEPT]:
        with contextlib.suppress(FileNotFoundError):
            kept.unlink()


def _kept(path: Path) -> list[tuple[int, Path]]:
    """The generations beside a routes file."""
    start, end = f"{path.stem}.", path.suffix
    beside = path.parent.glob(f"{glob.escape(start)}*{glob.escape(end)}")
    found = ((one.name.removeprefix(start).removesuffix(end), one) for one in beside)
    return [(int(number), one) for number, one in found if number.isascii() and number.isdigit()]


def _read_up_to(opened: int, most: int) -> bytes:
    parts, left = [], most
    while left and (part := os.read(opened, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
