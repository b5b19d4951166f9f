"""Reads the markers feature(...) and scenario(...) from the source of the tests: which test proves which row."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# The first letter of the ids that each marker takes.
KINDS = {"feature": "F", "scenario": "S"}
CHECKS = {"raises", "warns", "fail", "deprecated_call"}
Test = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Proof:
    """One test that claims to prove one row."""

    id: str
    test: str
    file: str
    line: int


@dataclass(frozen=True)
class Fault:
    """A claim that cannot be believed, and where it stands."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@dataclass
class Source:
    """One file of tests, and what has been found in it so far."""

    root: Path
    path: Path
    proofs: list[Proof] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    used: set[ast.Call] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.file = self.path.relative_to(self.root).as_posix()
        self.tree = ast.parse(self.path.read_text(encoding="utf-8"))
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, Test)}
        self.values = dict(assigned(self.tree.body))
        self.imported = dict(imported_helpers(self.tree))

    def fault(self, node: ast.AST, reason: str) -> None:
        self.faults.append(Fault(self.file, getattr(node, "lineno", 1), reason))


def read_markers(root: Path, folder: Path) -> tuple[list[Proof], list[Fault]]:
    """Every claim under a folder, and every marker that can prove nothing."""
    proofs: list[Proof] = []
    faults: list[Fault] = []
    for path in sorted(folder.rglob("*.py")):
        source = read_source(root, path)
        proofs += source.proofs
        faults += source.faults
    return proofs, faults


def read_source(root: Path, path: Path) -> Source:
    source = Source(root, path)
    if path.name.startswith("test_"):
        read_body(source, source.tree.body, [], source.file)
    for call in ast.walk(source.tree):
        if is_claim(call) and call not in source.used:
            source.fault(call, "this marker is not on a test, so it proves nothing")
    return source


def read_body(source: Source, body: list[ast.stmt], inherited: list[ast.expr], name: str) -> None:
    """The tests of a module or class, each with its own marks and those of everything around it."""
    around = [*inherited, *(value for target, value in assigned(body) if target == "pytestmark")]
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            read_body(source, node.body, [*around, *node.decorator_list], f"{name}::{node.name}")
        elif isinstance(node, Test) and node.name.startswith("test"):
            read_test(source, node, [*around, *node.decorator_list], f"{name}::{node.name}")


def read_test(source: Source, test: Test, marks: list[ast.expr], name: str) -> None:
    calls = [call for mark in marks for call in calls_in(mark, source.values)]
    claims = [call for call in calls if is_claim(call)]
    source.used.update(claims)
    for claim in claims:
        for id in ids_of(source, claim):
            source.proofs.append(Proof(id, name, source.file, claim.lineno))
    if claims and not asserts(source, test, set()):
        source.fault(test, f"{test.name} carries a marker and asserts nothing")
    if claims and any(never_runs(mark) for mark in marks):
        source.fault(test, f"{test.name} carries a marker and is always skipped or expected to fail")


def ids_of(source: Source, claim: ast.Call) -> Iterator[str]:
    kind = claim.func.attr if isinstance(claim.func, ast.Attribute) else ""
    if not claim.args:
        source.fault(claim, f"{kind}() names no row")
    for argument in claim.args:
        id = argument.value if isinstance(argument, ast.Constant) else None
        if isinstance(id, str) and id.startswith(KINDS[kind]):
            yield id
        else:
            source.fault(claim, f"{kind}({ast.unparse(argument)}) should name a row as text, like {KINDS[kind]}001")


def is_claim(node: ast.AST) -> bool:
    """Whether this is pytest.mark.feature(...) or mark.scenario(...)."""
    return isinstance(node, ast.Call) and mark_name(node.func) in KINDS


def mark_name(node: ast.expr) -> str:
    is_mark = isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("pytest.mark", "mark")
    return node.attr if is_mark and isinstance(node, ast.Attribute) else ""


def never_runs(mark: ast.expr) -> bool:
    called = mark.func if isinstance(mark, ast.Call) else mark
    conditional = isinstance(mark, ast.Call) and (mark.args or any(k.arg == "condition" for k in mark.keywords))
    return mark_name(called) == "skip" or (mark_name(called) == "xfail" and not conditional)


def calls_in(node: ast.AST, values: dict[str, ast.expr]) -> Iterator[ast.Call]:
    """Every call in an expression, also in the module's constants that it names: lists of pytest.param(marks=...)."""
    waiting, seen = [node], set()
    while waiting:
        for part in ast.walk(waiting.pop()):
            if isinstance(part, ast.Call):
                yield part
            if isinstance(part, ast.Name) and part.id in values and part.id not in seen:
                seen.add(part.id)
                waiting.append(values[part.id])


def assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    for node in body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and node.value is not None:
                yield target.id, node.value


def imported_helpers(tree: ast.Module) -> Iterator[tuple[str, tuple[str, str]]]:
    """Names that come from other modules of the tests: {"replay": ("tests.contracts.replay", "replay")}."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests"):
            yield from ((alias.asname or alias.name, (node.module or "", alias.name)) for alias in node.names)


def asserts(source: Source, function: Test, seen: set[str]) -> bool:
    """Whether a function asserts: itself, by pytest.raises and its kin, by an assert_... or by a helper of ours."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant):
            return True
        if isinstance(node, ast.Call) and call_asserts(source, node, seen):
            return True
    return False


def call_asserts(source: Source, call: ast.Call, seen: set[str]) -> bool:
    owner, name = "", ast.unparse(call.func)
    if isinstance(call.func, ast.Attribute):
        owner, name = ast.unparse(call.func.value), call.func.attr
    if name.startswith("assert_") or (owner == "pytest" and name in CHECKS):
        return True
    if f"{source.file}::{name}" in seen or owner not in ("", "self", "cls"):
        return False
    seen.add(f"{source.file}::{name}")
    if name in source.functions:
        return asserts(source, source.functions[name], seen)
    return name in source.imported and helper_asserts(source.root, *source.imported[name], seen)


def helper_asserts(root: Path, module: str, name: str, seen: set[str]) -> bool:
    path = root / (module.replace(".", "/") + ".py")
    if not path.is_file():
        return False
    helpers = Source(root, path)
    return name in helpers.functions and asserts(helpers, helpers.functions[name], seen)
