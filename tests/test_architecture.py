"""Which package may know which, what core may touch, which calls nobody makes; and that each rule can fail."""

import ast
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest

from tests.architecture import (
    CONTROL_SIDE,
    MODULES,
    NOT_FOR_WORKERS,
    PACKAGES,
    TOWPATH,
    banned,
    busy_init,
    imports,
    impurities,
    knot,
    known_module,
    package_of,
    upward_imports,
)

# --- the package keeps them ---------------------------------------------------------------------------------------


def each(rule: Callable[[ast.Module, str], list[str]]) -> list[str]:
    return [fault for name, (_, tree) in MODULES.items() for fault in rule(tree, name)]


def test_lower_packages_never_import_upper_ones():
    named = [name for name in MODULES if name != "towpath"]

    assert [fault for name in named for fault in upward_imports(MODULES[name][1], name, name in PACKAGES)] == []


def test_core_reads_no_clock_file_socket_or_environment():
    core = [name for name in MODULES if package_of(name) == "core"]

    assert core, "there is a core to look at"
    assert [fault for name in core for fault in impurities(MODULES[name][1], name)] == []


def test_nobody_unpickles_evaluates_or_opens_a_shell():
    assert each(banned) == []


def test_an_init_is_empty():
    assert [fault for name in PACKAGES for fault in busy_init(MODULES[name][1], name)] == []


def test_no_modules_import_each_other_in_a_ring():
    assert knot({name: tree for name, (_, tree) in MODULES.items()}) == []


def test_every_module_says_in_one_line_what_it_is_for():
    without = [name for name, (_, tree) in MODULES.items() if not ast.get_docstring(tree)]

    assert without == []


# --- what a fresh process holds -----------------------------------------------------------------------------------


def fresh(code: str) -> set[str]:
    """The names in sys.modules of a new Python that has run this code."""
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    python = [sys.executable, "-c", script]
    done = subprocess.run(python, capture_output=True, text=True, check=False, cwd=TOWPATH.parent)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_a_worker_starts_without_any_control_or_training_module():
    loaded = fresh("import towpath.serving.worker")

    assert "towpath.serving.worker" in loaded
    assert sorted(name for name in loaded if package_of(name) in CONTROL_SIDE) == []
    assert sorted(NOT_FOR_WORKERS & {name.partition(".")[0] for name in loaded}) == []


def reached_by_workers() -> set[str]:
    """Modules of core that a worker imports, by following the imports of bundle, engine and serving."""
    trees = {name: tree for name, (_, tree) in MODULES.items()}
    waiting = [name for name in trees if package_of(name) in {"bundle", "engine", "serving"}]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            targets = {known_module(target, trees) for _, target in imports(trees[name], name, name in PACKAGES)}
            waiting += targets - {""}
    return {name for name in seen if package_of(name) == "core"}


def test_what_workers_import_of_core_needs_msgspec_only():
    wanted = sorted(reached_by_workers())
    loaded = fresh("import sys\nsys.modules['numpy'] = None\n" + "".join(f"import {name}\n" for name in wanted))
    foreign = {name.partition(".")[0].lstrip("_") for name in loaded} - sys.stdlib_module_names

    assert wanted
    assert not {"onnxruntime", "httptools", "uvloop", "pandas", "sklearn"} & foreign


# --- every rule can fail ------------------------------------------------------------------------------------------


def tree_of(code: str) -> ast.Module:
    return ast.parse(textwrap.dedent(code))


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("towpath.core.plan", "import towpath.bundle.read"),
        ("towpath.core.plan", "from towpath import bundle"),
        ("towpath.core.plan", "from ..bundle import read"),
        ("towpath.core.plan", "from .. import bundle"),
        ("towpath.serving.edge", "def late():\n    from towpath.training import fit"),
        ("towpath.engine.engine", "from towpath.declare.record import Record"),
        ("towpath.delivery.promote", "import towpath.serving.worker"),
        ("towpath.watch.alerts", "from towpath.training import fit"),
        ("towpath.declare.load", "from towpath.data import store"),
        ("towpath.wiring", "from towpath.cli import main"),
        ("towpath.helpers.things", "import json"),
        ("towpath.core.plan", "import towpath"),
    ],
)
def test_an_upward_import_is_found(module, code):
    assert len(upward_imports(tree_of(code), module)) == 1


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("towpath.core.plan", "from towpath.core.errors import Conflict"),
        ("towpath.core.plan", "from . import errors"),
        ("towpath.serving.edge", "from towpath.engine import engine"),
        ("towpath.serving.edge", "from towpath.version import VERSION"),
        ("towpath.cli.serve", "from towpath.serving import supervisor"),
        ("towpath.cli.demo", "import towpath"),
        ("towpath.training.fit", "import sklearn, towpath_of_another_kind"),
    ],
)
def test_a_downward_import_is_allowed(module, code):
    assert upward_imports(tree_of(code), module) == []


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "import os.path",
        "from pathlib import Path",
        "def late():\n    from random import random",
        "import pandas",
        "text = open('x').read()",
        "from datetime import datetime\nnow = datetime.now()",
        "import datetime as d\nnow = d.datetime.now()",
    ],
)
def test_an_impure_core_is_found(code):
    assert len(impurities(tree_of(code), "towpath.core.plan")) == 1


def test_core_may_use_numbers_types_and_dates():
    code = "import math, msgspec, numpy\nfrom datetime import UTC, datetime\nwhen = datetime.fromtimestamp(0, UTC)"

    assert impurities(tree_of(code), "towpath.core.sketch") == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "def late():\n    import cloudpickle as safe",
        "from sklearn.externals import joblib",
        "import marshal",
        "eval('1')",
        "run(exec)",
        "import builtins\nbuiltins.eval('1')",
        "__import__('os')",
        "import os\nos.system('ls')",
        "import os as o\nrun = o.system",
        "from os import system as go\ngo('ls')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import subprocess\nsubprocess.run('ls', shell=wish)",
        "import yaml\nyaml.load(text, Loader=x)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import pandas as pd\npd.read_pickle(path)",
        "frame.to_pickle(path)",
    ],
)
def test_a_banned_call_is_found(code):
    assert len(banned(tree_of(code), "towpath.training.fit")) == 1


@pytest.mark.parametrize(
    "code",
    [
        "model.eval()",
        "import subprocess\nsubprocess.run(['ls'], shell=False)",
        "import yaml\nyaml.safe_load(text)",
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "import re\nre.compile('x')",
        "evaluate = 'eval'",
    ],
)
def test_what_only_looks_like_a_banned_call_is_allowed(code):
    assert banned(tree_of(code), "towpath.training.fit") == []


@pytest.mark.parametrize("code", ["", "import json", '"""Doc."""\nfrom towpath.core import plan', '"""Doc."""\nX = 1'])
def test_an_init_that_does_something_is_found(code):
    assert len(busy_init(tree_of(code), "towpath.core")) == 1


def test_the_vocabulary_of_users_may_gather_names_and_nothing_else():
    gathers = '"""Doc."""\nfrom towpath.declare.record import Record\n__all__ = ["Record"]\n'

    assert busy_init(tree_of(gathers), "towpath.declare") == []
    assert len(busy_init(tree_of(gathers + "Record.ready = True"), "towpath.declare")) == 1


@pytest.mark.parametrize(
    "late", ["from towpath.core import a", "import towpath.core.a", "from towpath.core.a import x", "from . import a"]
)
def test_a_ring_of_imports_is_found_even_when_one_of_them_is_late(late):
    trees = {
        "towpath.core.a": tree_of("from towpath.core import b"),
        "towpath.core.b": tree_of("from towpath.core import c"),
        "towpath.core.c": tree_of(f"def f():\n    {late}"),
    }

    assert set(knot(trees)) == set(trees)
    assert knot(trees | {"towpath.core.c": tree_of("import json")}) == []


def test_a_worker_that_loads_the_control_side_is_found():
    loaded = fresh("import click, towpath.declare")

    assert "click" in NOT_FOR_WORKERS & loaded
    assert "towpath.declare" in {name for name in loaded if package_of(name) in CONTROL_SIDE}
