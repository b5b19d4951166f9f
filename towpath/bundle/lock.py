"""requirements.lock: the libraries that made a model, exactly. Another scikit-learn trains another model."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("scikit-learn", "numpy", "pandas", "onnx", "onnxruntime", "msgspec")


def write_lock(names: Iterable[str] = LIBRARIES) -> bytes:
    """One `name==version` a line, of the libraries as they are installed here."""
    return "".join(f"{name}=={version(name)}\n" for name in names).encode()


def changed_libraries(lock: bytes) -> list[str]:
    """The libraries that are here in another version than the model was made with; absent ones do not count.

    >>> changed_libraries(b"numpy==1.0.0")
    ['numpy 1.0.0 made it, 2.4.6 is here']
    """
    made = dict(line.split("==", 1) for line in lock.decode().splitlines() if "==" in line)
    here = {name: _installed(name) for name in made}
    return [
        f"{name} {made[name]} made it, {found} is here"
        for name, found in here.items()
        if found not in (None, made[name])
    ]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
