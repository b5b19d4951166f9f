"""The rules of the architecture as functions over the source: each returns what is wrong, [] where nothing is."""

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path

TOWPATH = Path(__file__).resolve().parent.parent / "towpath"

# Lower never imports upper. Everyone may know towpath.version.
ALLOWED = {
    "core": "",
    "declare": "core",
    "data": "core declare",
    "bundle": "core",
    "engine": "core bundle",
    "training": "core declare data bundle engine",
    "serving": "core bundle engine",
    "store": "core",
    "targets": "core",
    "delivery": "core bundle engine store targets",
    "shipping": "core bundle",
    "watch": "core store",
}
EVERYTHING = " ".join(ALLOWED)
ALLOWED |= {
    "version": "",
    "doctor": EVERYTHING,
    "wiring": f"{EVERYTHING} doctor",
    "cli": f"{EVERYTHING} doctor wiring",
    "web": f"{EVERYTHING} doctor wiring",
    "__main__": "cli",
}
MAY_KNOW = {package: {package, "version", *known.split()} for package, known in ALLOWED.items()}
# A bare "import towpath" reaches every package by its attributes, so it is for those who may know them all.
MAY_KNOW["cli"].add("")
MAY_KNOW["web"].add("")

CONTROL_SIDE = set(ALLOWED) - {"core", "bundle", "engine", "serving", "version", "__main__"}
NOT_FOR_WORKERS = {
    "alembic", "click", "cloudpickle", "cryptography", "fastapi", "jinja2", "joblib", "onnx", "pandas",
    "psycopg", "pyarrow", "pydantic", "rich", "scipy", "skl2onnx", "sklearn", "sqlalchemy", "starlette", "uvicorn",
}  # fmt: skip

# A clock, a file, a socket, chance, the environment or another process: core takes what they say as arguments.
IMPURE = {
    "asyncio", "glob", "http", "io", "logging", "multiprocessing", "mmap", "os", "pathlib", "platform", "random",
    "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile",
    "threading", "time", "urllib", "uuid",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today",
                "datetime.datetime.today"}  # fmt: skip
CORE_LIBRARIES = {"msgspec", "numpy"}

BANNED_MODULES = {"pickle", "_pickle", "cPickle", "joblib", "cloudpickle", "dill", "marshal", "shelve"}
BANNED_CALLS = {
    "eval", "exec", "__import__", "os.system", "os.popen", "subprocess.getoutput",
    "subprocess.getstatusoutput", "yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load",
    "pandas.read_pickle", "numpy.lib.format.read_array",
}  # fmt: skip
BANNED_METHODS = {"to_pickle"}
# Keywords that open a door unless they are written out as False.
BANNED_KEYWORDS = {"shell", "allow_pickle", "trust_remote_code", "shell_mode"}


# --- reading the source -------------------------------------------------------------------------------------------


def modules() -> dict[str, tuple[Path, ast.Module]]:
    """Every module of the package: dotted name -> (file, syntax tree)."""
    found = {}
    for path in sorted(TOWPATH.rglob("*.py")):
        if "templates" not in path.parts:
            parts = path.relative_to(TOWPATH.parent).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = (path, ast.parse(path.read_text(encoding="utf-8")))
    return found


MODULES = modules()
PACKAGES = {name for name, (path, _) in MODULES.items() if path.name == "__init__.py"}


def imports(tree: ast.Module, module: str, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported anywhere in the module, late and relative imports too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            stem = absolute(node, module, is_package)
            yield from ((node.lineno, f"{stem}.{alias.name}") for alias in node.names)


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    base = parts[: len(parts) - node.level + (1 if is_package else 0)]
    return ".".join([*base, *([node.module] if node.module else [])])


def aliases(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: {"np": "numpy", "system": "os.system"}."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            tops = {alias.name.partition(".")[0] for alias in node.names if not alias.asname}
            known |= {top: top for top in tops}
            known |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return known


def dotted(node: ast.expr, known: dict[str, str]) -> str:
    """The full name of what an expression refers to; "" where that is not a plain name."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id).removeprefix("builtins.")
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, known)}.{node.attr}".removeprefix("builtins.")
    return ""


# --- the rules ----------------------------------------------------------------------------------------------------


def package_of(module: str) -> str:
    """The part of towpath that a module belongs to; "" for towpath itself and for anything else."""
    return module.split(".")[1] if module.startswith("towpath.") else ""


def upward_imports(tree: ast.Module, module: str, is_package: bool = False) -> list[str]:
    here = package_of(module)
    if here not in MAY_KNOW:
        return [f"{module}: the layout has no package {here!r}"]
    return [
        f"{module}:{line}: {here} may not know {name}"
        for line, name in imports(tree, module, is_package)
        if (name + ".").startswith("towpath.") and package_of(name) not in MAY_KNOW[here]
    ]


def impurities(tree: ast.Module, module: str) -> list[str]:
    known = aliases(tree)
    wrong = []
    for line, name in imports(tree, module):
        top = name.partition(".")[0]
        if top in IMPURE or (top not in sys.stdlib_module_names and top not in CORE_LIBRARIES | {"towpath"}):
            wrong.append(f"{module}:{line}: core does not import {top}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func, known) in IMPURE_CALLS:
            wrong.append(f"{module}:{node.lineno}: core does not call {dotted(node.func, known)}")
    return wrong


def banned(tree: ast.Module, module: str) -> list[str]:
    known = aliases(tree)
    wrong = [
        f"{module}:{line}: nobody imports {name}"
        for line, name in imports(tree, module)
        if BANNED_MODULES & set(name.split("."))
    ]
    for node in ast.walk(tree):
        wrong += [f"{module}:{node.lineno}: nobody uses {what}" for what in banned_uses(node, known)]
    return wrong


def banned_uses(node: ast.AST, known: dict[str, str]) -> Iterator[str]:
    # A name is enough, it need not be called: run(eval) and use = os.system reach the same door.
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
        name = dotted(node, known)
        if name in BANNED_CALLS or (isinstance(node, ast.Attribute) and node.attr in BANNED_METHODS):
            yield name or node.attr
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            if keyword.arg in BANNED_KEYWORDS and not off:
                yield f"{keyword.arg}="


def busy_init(tree: ast.Module, package: str) -> list[str]:
    """An __init__ holds its docstring; towpath.declare, the vocabulary of users, gathers names too."""
    first, *rest = tree.body or [ast.Pass()]
    if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
        return [f"{package}: an __init__ begins with a one-line docstring"]
    if package == "towpath.declare":
        rest = [node for node in rest if not isinstance(node, ast.Import | ast.ImportFrom) and not is_all(node)]
    return [f"{package}:{node.lineno}: an __init__ does nothing" for node in rest]


def is_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def knot(trees: dict[str, ast.Module]) -> list[str]:
    """Modules that import each other in a ring, late imports too. An __init__ does nothing, so it is left out."""
    edges: dict[str, set[str]] = {name: set() for name in trees}
    for name, tree in trees.items():
        targets = (known_module(target, trees) for _, target in imports(tree, name, name in PACKAGES))
        edges[name] = {target for target in targets if target not in ("", name)}
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def known_module(target: str, trees: dict[str, ast.Module]) -> str:
    """The module that an imported name lives in: the name itself, or what holds it."""
    holder = target if target in trees else target.rpartition(".")[0]
    return holder if holder in trees and holder not in PACKAGES else ""
