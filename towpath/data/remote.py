"""Whole copies of data files: pushed to a folder that others reach, brought back when one here is damaged."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from towpath.core.dataset import DataFile, Happened, History, What
from towpath.core.errors import InfrastructureError, VerificationRefused
from towpath.data.history import Ledger
from towpath.data.objects import ObjectStore
from towpath.data.pull import places
from towpath.data.versions import Act
from towpath.declare.data import DataSet

State = Literal["known", "pushed", "there", "verified", "restored", "missing", "damaged"]


class Copy(Struct, frozen=True):
    """One file of a data set and how it stands here.

    version is 0 where the file is declared in service.py and was never added. current: whether it counts today.
    """

    version: int
    name: str
    sha256: str
    current: bool
    state: State = "known"
    said: str = ""


def files_of(data: DataSet, history: History) -> list[Copy]:
    """Every file there ever was, each content once; those of the declaration where nothing was ever added."""
    if not history.versions:
        return [Copy(0, one.name, one.sha256, True) for one in data.reads.sources if one.sha256]
    found: dict[str, Copy] = {}
    for version in history.versions:
        for file in version.files:
            found.setdefault(file.sha256, Copy(version.number, file.name, file.sha256, False))
    counts = history.current.sha256s if history.current else ()
    return [replace(one, current=one.sha256 in counts) for one in found.values()]


def push(files: Sequence[Copy], store: ObjectStore, to: ObjectStore) -> list[Copy]:
    """Copy what is stored here into a remote store, read again on both ends; what is there and whole already stays.

    Raises VerificationRefused naming a file that is damaged here, InfrastructureError where the remote is not there.
    """
    folder = to.root.parent
    if not folder.is_dir():  # a share that is not mounted would look empty
        raise InfrastructureError(f"there is no folder {folder}", hint=f"mount it, or make it: mkdir -p {folder}")
    return [replace(one, state=_push(one.sha256, store, to)) for one in files]


def _push(sha256: str, store: ObjectStore, to: ObjectStore) -> State:
    if _is_whole(to, sha256):
        return "there"
    if not store.has(sha256):
        return "missing"
    to.put_file(store.path(sha256), sha256)
    to.verify(sha256)
    return "pushed"


def verify(files: Sequence[Copy], store: ObjectStore) -> list[Copy]:
    """Every file read again: `verified`, `missing` or `damaged`, which says its path and both sha256s."""
    return [_verified(one, store) for one in files]


def _verified(one: Copy, store: ObjectStore) -> Copy:
    if not store.has(one.sha256):
        return replace(one, state="missing")
    try:
        store.verify(one.sha256)
    except VerificationRefused as refused:
        return replace(one, state="damaged", said=str(refused))
    return replace(one, state="verified")


def restore(files: Sequence[Copy], store: ObjectStore, folders: Sequence[Path]) -> list[Copy]:
    """Put whole copies in the place of damaged or missing files, from the store's remote or from the folders.

    Files that are whole stay. A file of which there is no whole copy anywhere is `damaged` or `missing` still.
    """
    return [_restored(_verified(one, store), store, folders) for one in files]


def _restored(one: Copy, store: ObjectStore, folders: Sequence[Path]) -> Copy:
    if one.state == "verified":
        return one
    if store.remote and _is_whole(store.remote, one.sha256) and store.fetch(one.sha256):
        return replace(one, state="restored", said=f"from {store.remote.root.parent}")
    for path in places(one.name, folders):
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found == one.sha256:
            store.put_file(path, one.sha256)
            return replace(one, state="restored", said=f"from {path}")
    return one


def record(ledger: Ledger, copies: Sequence[Copy], act: Act) -> History:
    """Keep in the history what was found damaged or made whole; the same damage is told once, until it is mended."""

    def decide(history: History) -> list[Happened]:
        known = _damaged(history)
        told = [one for one in copies if one.state in WORDS and (one.sha256 in known) == (one.state != "damaged")]
        return [_happened(one, act) for one in told]

    return ledger.append(decide)


WORDS: dict[State, What] = {"damaged": "damaged", "restored": "restored", "verified": "verified"}


def _happened(one: Copy, act: Act) -> Happened:
    why = "; ".join(part for part in (act.why, one.said) if part)
    return Happened(act.at, act.by, WORDS[one.state], one.version, why, (DataFile(one.name, 0, one.sha256, 0),))


def _damaged(history: History) -> set[str]:
    """The sha256 of each file that was found damaged and not yet found whole again."""
    damaged: set[str] = set()
    for event in history.events:
        if event.what in WORDS.values():
            (damaged.add if event.what == "damaged" else damaged.discard)(event.files[0].sha256)
    return damaged


def _is_whole(store: ObjectStore, sha256: str) -> bool:
    try:
        return store.has(sha256) and store.verify(sha256) >= 0
    except VerificationRefused:
        return False
