"""Anything that a training depends on, as plain data of which equal things give equal bytes; no source text is kept."""

import ast
import contextlib
import enum
import functools
import hashlib
import importlib.util
import math
import sys
import sysconfig
import types
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from towpath.core import formats
from towpath.core.errors import TowpathError
from towpath.declare.load import PACKAGE

DEEPEST = 40  # levels; what is deeper than that holds itself

TOLD_ELSEWHERE = sys.stdlib_module_names | {
    "towpath", "numpy", "scipy", "pandas", "sklearn", "onnx", "skl2onnx", "onnxruntime", "msgspec",
}  # fmt: skip
"""Packages whose versions every training's inputs name; an object of any other carries its package's version."""


class Unstable(TowpathError):
    """Something has no description that would be the same tomorrow, so nothing that depends on it can be kept."""

    code = "unstable"


def describe(value: Any, path: str = "") -> Any:
    """None, booleans, numbers, strings, lists and dicts that say what a value is.

    An estimator is its class and its parameters, a function its name; of a function or class of the user's own the
    bytes of its file count too, and of one of another installed library that library's version. Raises Unstable naming
    the path of what cannot be described.
    """
    return _Description().of(value, path, 0)


def digest(description: Any) -> str:
    """The sha256 of a description."""
    return formats.digest(formats.canonical(description))


def files_digest(folder: Path) -> str:
    """The sha256 over names and bytes of a folder's Python files."""
    hasher = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content = path.read_bytes()
        hasher.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        hasher.update(content)
    return hasher.hexdigest()


class _Description:
    """One table of what is plain already; everything else goes by what it can tell about itself."""

    def of(self, value: Any, path: str, depth: int) -> Any:
        if depth > DEEPEST:
            raise Unstable(f"{path} is nested more than {DEEPEST} deep")
        if value is msgspec.NODEFAULT:
            return {"constant": "NODEFAULT"}
        match value:
            case enum.Enum() | msgspec.UnsetType() | msgspec.Meta():
                return {"constant": str(value)}
            case None | bool():
                return value
            case int() | str():  # numpy's own kinds of them too
                return int(value) if isinstance(value, int) else str(value)
            case float():
                return float(value) if math.isfinite(value) else {"float": repr(float(value))}
            case bytes():
                return {"bytes": formats.digest(value)}
            case list() | tuple():
                return [self.of(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
            case set() | frozenset():
                return {"set": sorted((self.of(item, path, depth + 1) for item in value), key=repr)}
            case Mapping():
                return [[self.of(key, path, depth + 1), self.of(item, f"{path}.{key}", depth + 1)]
                        for key, item in value.items()]  # fmt: skip
            case type():
                return self._named(value, "class")
            case functools.partial():
                inner = [value.func, value.args, value.keywords]
                return {"partial": self.of(inner, path, depth + 1)}
            case types.MethodType():
                return {"method": value.__name__, "of": self.of(value.__self__, path, depth + 1)}
        if callable(value) and hasattr(value, "__qualname__"):
            return self._function(value, path, depth)
        return self._object(value, path, depth)

    def _object(self, value: Any, path: str, depth: int) -> Any:
        kind = type(value)
        if kind.__module__ == "numpy" and hasattr(value, "dtype") and hasattr(value, "tobytes"):
            return self._array(value, path, depth)
        if kind.__name__ == "ufunc":
            return {"function": f"{kind.__module__}.{value.__name__}"}
        if hasattr(value, "get_params"):
            given = value.get_params(deep=False) | _fitted(value)
        elif isinstance(value, msgspec.Struct):
            given = {name: getattr(value, name) for name in value.__struct_fields__}
        else:
            given = getattr(value, "__dict__", None)
        if not given and not isinstance(value, msgspec.Struct) and not hasattr(value, "get_params"):
            raise Unstable(f"{path or 'it'} is a {kind.__module__}.{kind.__qualname__}, which says nothing of itself")
        named = {name: self.of(item, f"{path}.{name}".lstrip("."), depth + 1) for name, item in sorted(given.items())}
        return self._named(kind, "a") | ({"with": named} if named else {})

    def _array(self, value: Any, path: str, depth: int) -> Any:
        if value.dtype == object or not value.shape:
            return self.of(value.tolist(), path, depth + 1)
        return {"array": formats.digest(value.tobytes()), "dtype": str(value.dtype), "shape": list(value.shape)}

    def _function(self, value: Any, path: str, depth: int) -> Any:
        """A library's by its name. One's own by its file, too, and by what it holds from where it was made."""
        named = self._named(value, "function")
        held = [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
        held += getattr(value, "__defaults__", None) or ()
        held += sorted((getattr(value, "__kwdefaults__", None) or {}).items())
        return {**named, "holds": self.of(held, path, depth + 1)} if "source" in named and held else named

    def _named(self, value: Any, kind: str) -> dict[str, Any]:
        module = getattr(value, "__module__", None) or ""
        name = f"{module}.{getattr(value, '__qualname__', value.__name__)}"
        if source := own_source(module):
            return {kind: name, "source": source}
        version = library_version(module)
        return {kind: name, "version": version} if version else {kind: name}


def _fitted(estimator: Any) -> dict[str, Any]:
    """What an estimator learnt before it came here; mostly nothing."""
    return {name: value for name, value in vars(estimator).items() if name.endswith("_") and not name.startswith("_")}


def own_source(module: str) -> str:
    """The digest of the files of a module that no package installed; "" where it is a library's.

    A service's own modules count together, and so does every other loaded module of one's own that they import, and
    the version of every other installed library.
    """
    found: dict[str, str] = {}
    versions: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found and (files := _own_files(name)):
            found[name] = formats.digest("".join(formats.digest(one.read_bytes()) for one in files).encode())
            imported = [other for one in files for other in _imported(one.read_bytes(), _package(name))]
            waiting += imported
            versions |= {other.partition(".")[0]: version for other in imported if (version := library_version(other))}
    return digest([found, versions] if versions else found) if found else ""


def library_version(module: str) -> str:
    """The version of the distribution that a module comes from; of an installed one without any, its file's digest.

    "" for what every training's inputs name anyway, and for modules that are not installed. The version alone, since
    one library may have two distributions: xgboost-cpu on one machine is xgboost on another.
    """
    top = module.partition(".")[0]
    if not top or top in TOLD_ELSEWHERE or top.startswith(PACKAGE):
        return ""
    names = sorted(set(_distributions().get(top, ())))
    if len(names) > 1:  # a namespace that several share
        names = [name for name in names if _holds(name, module)] or names
    if names:
        return ", ".join(metadata.version(name) for name in names)
    file = getattr(sys.modules.get(module), "__file__", None)
    return formats.digest(Path(file).read_bytes()) if file and _is_installed(Path(file)) else ""


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    """Read once for a process, and only where a library is used that is not named anyway: it takes 0.1 seconds."""
    return metadata.packages_distributions()


@functools.cache
def _holds(distribution: str, module: str) -> bool:
    path = module.replace(".", "/")
    files = (file.as_posix() for file in metadata.files(distribution) or ())
    return any(file.startswith((f"{path}.", f"{path}/")) for file in files)


def _own_files(module: str) -> list[Path]:
    """The Python files that a loaded module is made of; none of one that is installed or not loaded."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or _is_installed(Path(file)):
        return []
    return sorted(Path(file).parent.rglob("*.py")) if module.startswith(PACKAGE) else [Path(file)]


def _package(module: str) -> str:
    return getattr(sys.modules[module], "__package__", None) or ""


@functools.cache
def _imported(content: bytes, package: str) -> frozenset[str]:
    """The modules that a file may import, by their whole names; nothing of a file that is no Python."""
    names: set[str] = set()
    with contextlib.suppress(SyntaxError, ValueError, ImportError):
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.Import):
                names |= {one.name for one in node.names}
            elif isinstance(node, ast.ImportFrom) and not (node.level and package.startswith(PACKAGE)):
                home = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                names |= {home, *(f"{home}.{one.name}" for one in node.names)}
    return frozenset(names)


def _is_installed(file: Path) -> bool:
    towpath = Path(__file__).resolve().parents[1]
    libraries = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platlib", "purelib")]
    return any(file.resolve().is_relative_to(library.resolve()) for library in [towpath, *libraries])
