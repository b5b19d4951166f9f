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
from pathlib import Path
from typing import Any

import msgspec

from towpath.core import formats
from towpath.core.errors import TowpathError
from towpath.declare.load import PACKAGE

DEEPEST = 40  # levels; what is deeper than that holds itself


class Unstable(TowpathError):
    """Something has no description that would be the same tomorrow, so nothing that depends on it can be kept."""

    code = "unstable"


def describe(value: Any, path: str = "") -> Any:
    """None, booleans, numbers, strings, lists and dicts that say what a value is.

    An estimator is its class and its parameters, a function its name; of a function or class of the user's own the
    bytes of its file count too. Raises Unstable naming the path of what cannot be described.
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
        return {**named, "holds": self.of(held, path, depth + 1)} if "source" in named and held else named

    def _named(self, value: Any, kind: str) -> dict[str, Any]:
        module = getattr(value, "__module__", None) or ""
        name = f"{module}.{getattr(value, '__qualname__', value.__name__)}"
        source = own_source(module)
        return {kind: name, "source": source} if source else {kind: name}


def _fitted(estimator: Any) -> dict[str, Any]:
    """What an estimator learnt before it came here; mostly nothing."""
    return {name: value for name, value in vars(estimator).items() if name.endswith("_") and not name.startswith("_")}


def own_source(module: str) -> str:
    """The digest of the files of a module that no package installed; "" where it is a library's.

    A service's own modules count together, and so does every other loaded module of one's own that they import.
    """
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found and (files := _own_files(name)):
            found[name] = formats.digest("".join(formats.digest(one.read_bytes()) for one in files).encode())
            waiting += [other for one in files for other in _imported(one.read_bytes(), _package(name))]
    return digest(found) if found else ""


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
