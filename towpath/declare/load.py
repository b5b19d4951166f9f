"""Load service.py files: each folder is a package of its own, so that a service can have modules beside it."""

import contextlib
import importlib.util
import sys
import traceback
from pathlib import Path

from towpath.core.errors import InfrastructureError, UsageError
from towpath.declare.check import check_service
from towpath.declare.service import Service

FILE = "service.py"
PACKAGE = "towpath_service_"  # and the name of the folder: the package that it is loaded as


def load_service(folder: Path) -> Service:
    """The checked declaration in `folder/service.py`.

    Raises InfrastructureError without such a file, UsageError where it does not run, Faulty where it has faults.
    """
    path = folder / FILE
    if not path.is_file():
        raise InfrastructureError(
            f"there is no {FILE} in {folder.absolute()}", hint=f"towpath new {folder.name} makes one"
        )
    service = getattr(_run(path), "service", None)
    if not isinstance(service, Service):
        raise UsageError(
            f"{path} declares no service", hint="it needs a line such as: service = Service(name=..., ...)"
        )
    check_service(service)
    return service


def _run(path: Path) -> object:
    name = PACKAGE + path.parent.name.replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=[str(path.parent)])
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be loaded as Python", hint="declarations are .py files")
    module = importlib.util.module_from_spec(spec)
    for loaded in [other for other in sys.modules if other == name or other.startswith(name + ".")]:
        del sys.modules[loaded]  # a changed file is read anew
    sys.modules[name] = module
    try:
        with contextlib.redirect_stdout(sys.stderr):  # a result on stdout stays a result alone
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's own code: whatever it raises is told with its line
        hint = "the same command with --debug shows more"
        raise UsageError(f"{path} does not run: {_where(error, path)}", hint=hint) from error
    return module


def _where(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    at = f"line {lines[-1]}: " if lines else ""
    return f"{at}{type(error).__name__}: {error}"
