"""Which data set counts: the version that is checked out, or what service.py declares where there is no history."""

import copy
from collections.abc import Sequence

from msgspec.structs import replace

from towpath.core.dataset import History, Version
from towpath.core.errors import Conflict, UsageError
from towpath.data.history import FILE
from towpath.declare.data import DataSet, Lines, Packaged, Source, Table
from towpath.declare.service import Service


def chosen(service: Service, history: History) -> Service:
    """The declaration over the version of its data that is checked out.

    A sha256 in service.py is where a history begins; once there is one, it decides. Raises Conflict where service.py
    declares a sha256 that no version has, since then nobody can tell which of the two is meant.
    """
    if history.current is None:
        return service
    for source in service.data.reads.sources:
        if source.sha256 and not any(source.sha256 in version.sha256s for version in history.versions):
            raise Conflict(
                f"service.py declares {source.name} with sha256 {source.sha256}, which is no version in {FILE}",
                hint=f"towpath data add {service.name} --from FILE records it; "
                "or leave the sha256 out of service.py, then the version that is checked out counts",
            )
    return with_data(service, data_of(service, history.current))


def data_of(service: Service, version: Version) -> DataSet:
    """The service's data set as it was in a version. Raises UsageError where files are declared by other names now."""
    known = {file.name: file.sha256 for file in version.files}
    names = [source.name for source in service.data.reads.sources]
    if len(names) == len(known) == 1:
        return with_sha256s(service.data, version.sha256s)
    if absent := [name for name in names if name not in known]:
        raise UsageError(
            f"version {version.number} of {service.name}'s data has no file {', '.join(absent)}; "
            f"it has {', '.join(known)}",
            hint=f"towpath data add {service.name} --from FOLDER records a version with these names",
        )
    return with_sha256s(service.data, [known[name] for name in names])


def with_data(service: Service, data: DataSet) -> Service:
    """The same declaration over another data set."""
    other = copy.copy(service)
    other.data = data
    return other


def with_sha256s(data: DataSet, sha256s: Sequence[str]) -> DataSet:
    """The same files with other contents, in the order in which they are declared."""
    match data.reads:
        case Table() as reads:
            return replace(data, reads=replace(reads, source=Source(reads.source.name, sha256s[0])))
        case Lines() as reads:
            pairs = zip(reads.files.items(), sha256s, strict=True)
            files = {label: Source(source.name, sha256) for (label, source), sha256 in pairs}
            return replace(data, reads=replace(reads, files=files))
        case Packaged(name=name):
            raise UsageError(
                f"{name} ships with scikit-learn and has one version", hint="use csv() for data of your own"
            )
