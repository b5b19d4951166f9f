"""A new version of a data set: stored, held against every rule, counted, and only then written into the history."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from towpath.core.dataset import DataFile, Happened, History, Version
from towpath.core.errors import Conflict, VerificationRefused
from towpath.core.quality import DataQuality
from towpath.data import pull
from towpath.data.check import require
from towpath.data.chosen import data_of, with_data, with_sha256s
from towpath.data.digest import count_and_digest
from towpath.data.table import read_quality
from towpath.data.versions import Act, DataHome, because, is_current
from towpath.declare.service import Service


@dataclass(frozen=True)
class Added:
    """What adding came to: the version, whether it is new, what the rules say, and which version has the same rows."""

    version: Version
    is_new: bool
    quality: DataQuality
    same_rows_as: int = 0


def add(home: DataHome, found: Sequence[Path], act: Act) -> Added:
    """Record files as the next version and check it out; the declared files become version 1 where there is none yet.

    found has a file for each that the service declares, in order. The files of the version that counts change nothing.
    Raises Faulty where a quality rule says no, Conflict where they are an older version.
    """
    sha256s = [home.store.put_file(path) for path in found]
    history = home.ledger.read()
    if already := history.of_files(sha256s):
        return _already(home, history, already)
    new = with_data(home.service, with_sha256s(home.service.data, sha256s))
    quality = read_quality(new, home.store)
    require(new.name, quality)
    files, digest = _described(new, home)
    first = _declared(home, act)

    def decide(before: History) -> list[Happened]:
        if before.of_files(sha256s):  # somebody else added them meanwhile
            return []
        begun = [first] if first and not before.versions and first.files != files else []
        number = 2 if begun else before.next_number
        return [*begun, Happened(act.at, act.by, "added", number, act.why, files, digest)]

    after = home.ledger.append(decide)
    version = next(one for one in reversed(after.versions) if one.files == files)
    same = [one.number for one in after.versions if one.added.digest == digest and one.number < version.number]
    return Added(version, True, quality, same[-1] if same else 0)


def _already(home: DataHome, history: History, version: Version) -> Added:
    if not is_current(history, version.number):
        hint = f"towpath data checkout {home.service.name} {version.number}"
        if version.dropped:
            hint = f"it was dropped{because(version.dropped)}; mend the data and add that"
        raise Conflict(f"these files are version {version.number} of {home.service.name}'s data already", hint=hint)
    return Added(version, False, read_quality(with_data(home.service, data_of(home.service, version)), home.store))


def _declared(home: DataHome, act: Act) -> Happened | None:
    """The first version, where service.py declares one; without sizes and rows where its files are not at hand."""
    sources = home.service.data.reads.sources
    if not all(source.sha256 for source in sources):
        return None
    with contextlib.suppress(VerificationRefused):  # a folder that holds another version under the name
        pull.pull(home.service.data, home.store, home.folders)
    files, digest = tuple(DataFile(source.name, 0, source.sha256, 0) for source in sources), ""
    if all(home.store.has(source.sha256) for source in sources):
        files, digest = _described(home.service, home)
    return Happened(act.at, act.by, "added", 1, "declared in service.py", files, digest)


def _described(service: Service, home: DataHome) -> tuple[tuple[DataFile, ...], str]:
    sources = service.data.reads.sources
    counts, digest = count_and_digest(service.data, [home.store.path(source.sha256) for source in sources])
    sizes = [home.store.verify(source.sha256) for source in sources]
    described = zip(sources, sizes, counts, strict=True)
    return tuple(DataFile(source.name, size, source.sha256, rows) for source, size, rows in described), digest
