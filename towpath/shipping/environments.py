"""What is installed in several places, side by side: environments, what `pip freeze` printed of them, and pins."""

import json
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from msgspec import Struct

from towpath.core.errors import Faulty, UsageError
from towpath.shipping.pins import Pin, normal, read_pins, read_text

Versions = frozenset[str | None]
"""The versions that a package may have somewhere; None is: it is not installed."""

ABSENT: Versions = frozenset({None})
# pip comes with the Python that made an environment; no file pins it.
INSTALLER = "pip"
# What `pip freeze` keeps to itself on Python 3.11 unless it is asked for --all.
KEPT_QUIET = frozenset({"setuptools", "wheel", "distribute"})


class Environment(Struct, frozen=True):
    """One place and what is installed there; `untold` are packages of which nobody knows."""

    name: str
    packages: dict[str, Versions]
    untold: frozenset[str] = frozenset()

    def versions(self, package: str) -> Versions | None:
        """None where nobody knows."""
        if package in self.packages:
            return self.packages[package]
        return None if package in self.untold else ABSENT


class Difference(Struct, frozen=True):
    """A package that is not the same everywhere: environment -> version, `-` where it is not installed."""

    package: str
    versions: dict[str, str]


class Comparison(Struct, frozen=True):
    """How many packages are the same everywhere, and those that are not."""

    same: int
    differences: list[Difference]


def compare(environments: Sequence[Environment], only: Iterable[str] | None = None) -> Comparison:
    """All packages that are installed anywhere, side by side; of these `only` some where they are given."""
    packages = {package for one in environments for package in one.packages}
    packages = packages if only is None else packages.intersection(only)
    apart = [package for package in sorted(packages) if not _agreed(package, environments)]
    same = [package for package in packages if _agreed(package, environments) - ABSENT]
    return Comparison(len(same), [_side_by_side(package, environments) for package in apart])


def read_environment(path: Path, name: str) -> Environment:
    """A file of pins, which is told by its hashes, or what `pip freeze` printed.

    Raises UsageError for a file that is neither, Faulty naming every line that pins nothing, InfrastructureError.
    """
    text, strange = read_text(path)
    if strange and not text:
        raise UsageError(f"{path} is {strange}", hint="save it as UTF-8")
    return read_pinned(path, name) if "--hash=" in text else read_freeze(text, name)


def read_pinned(path: Path, name: str) -> Environment:
    """What a file of pins allows. A pin with a marker may be absent: it may be for another system."""
    pins, faults = read_pins([path])
    if faults:
        raise Faulty(name, [(f"{one.file}:{one.line}", one.reason) for one in faults], hint="towpath deps check")
    lines: dict[str, list[Pin]] = {}
    for pin in pins:
        lines.setdefault(pin.package, []).append(pin)
    lines.pop(INSTALLER, None)
    return _some(name, {package: _allowed(found) for package, found in lines.items()})


def read_freeze(text: str, name: str) -> Environment:
    """What `pip freeze` printed, without pip itself and without editable installs, which are projects at work.

    Raises UsageError naming the first line that is not from there.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        package, version = _frozen(line)
        if version:
            found[normal(package)] = version
        elif line.strip() and not line.startswith(("#", "-")):
            raise UsageError(f"line {number} of {name} is not what pip freeze prints", hint="pip freeze > FILE")
    is_complete = found.pop(INSTALLER, None) is not None  # pip freeze --all tells pip too
    return _exactly(name, found, frozenset() if is_complete else KEPT_QUIET)


def installed_here(name: str) -> Environment:
    """What this very Python would import, without pip itself and without editable installs."""
    found: dict[str, str] = {}
    for one in metadata.distributions():
        origin = json.loads(one.read_text("direct_url.json") or "{}")
        if not origin.get("dir_info", {}).get("editable"):
            # The first on the path is the one that is imported.
            found.setdefault(normal(one.metadata["Name"]), origin.get("url") or one.version)
    found.pop(INSTALLER, None)
    return _exactly(name, found)


def _exactly(name: str, found: dict[str, str], untold: frozenset[str] = frozenset()) -> Environment:
    return _some(name, {package: frozenset({version}) for package, version in found.items()}, untold)


def _some(name: str, packages: dict[str, Versions], untold: frozenset[str] = frozenset()) -> Environment:
    """An environment that has any packages: two empty files are no proof that two places are the same."""
    if not packages:
        raise UsageError(f"{name} names no package", hint="pip freeze > FILE")
    return Environment(name, packages, untold)


def _allowed(pins: Sequence[Pin]) -> Versions:
    versions: Versions = frozenset(pin.version for pin in pins)
    return versions | ABSENT if all(pin.marker for pin in pins) else versions


def _frozen(line: str) -> tuple[str, str]:
    """`numpy==2.4.6`, or `name @ address` of what came from no registry; the version is empty for any other line."""
    package, _, version = line.partition("==")
    if not version:
        package, _, version = line.partition(" @ ")
        version = version.partition("#")[0]
    is_name = not line.startswith(("#", "-")) and package.strip() and " " not in package.strip()
    return (package, version.strip()) if is_name else ("", "")


def _agreed(package: str, environments: Sequence[Environment]) -> Versions:
    """The versions that fit all who know; none is a difference."""
    told = [versions for one in environments if (versions := one.versions(package)) is not None]
    return frozenset.intersection(*told)


def _side_by_side(package: str, environments: Sequence[Environment]) -> Difference:
    return Difference(package, {one.name: _shown(one.versions(package)) for one in environments})


def _shown(versions: Versions | None) -> str:
    if versions is None:
        return "not told"
    return " or ".join(sorted(version or "-" for version in versions))
