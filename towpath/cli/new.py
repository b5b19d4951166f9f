"""towpath new: a service that trains and passes its own tests, to be made one's own."""

import hashlib
import re
import runpy
import shutil
import tempfile
from pathlib import Path

import click

from towpath.cli.layout import columns
from towpath.cli.session import Result, Session, Verb
from towpath.core.errors import Conflict, Faulty, UsageError
from towpath.core.project import FILE
from towpath.declare.check import name_faults
from towpath.wiring import Project, open_project

TEMPLATES = Path(__file__).parent / "templates"
EXAMPLES = "examples.csv"
ROWS, SEED = 2_000, 42  # enough to learn from, and a file of 70 kB


@click.command(cls=Verb, epilog="Example: towpath new shop && towpath train shop && towpath pack shop")
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(["tabular", "text"]), default="tabular", show_default=True, help="What a record is."
)
@click.pass_obj
def new(session: Session, name: str, kind: str) -> Result:
    """Begin a service: its declaration, a small labelled data set and its tests, all working; make them your own.

    Where there is no project yet, the folder becomes one.
    """
    check_name(name)
    root = project_root(session) or begin_project(session.folder or Path.cwd(), session)
    project = open_project(root, {})
    home = service_home(project) / name
    if home.exists():
        raise Conflict(f"{home} is there already", hint="choose another name, or remove it")
    session.say(f"making {home}")
    write_service(home, name, kind, home.parent.relative_to(root).as_posix())
    return told(name, home, root)


def check_name(name: str) -> None:
    """Raises Faulty with everything that is wrong with a name."""
    if faults := list(name_faults(name)):
        raise Faulty(f"the name {name!r}", [("name", fault) for fault in faults], hint="bank-churn is a good name")


def project_root(session: Session) -> Path | None:
    """The folder of --project, or here, or the nearest above that is a project."""
    start = (session.folder or Path.cwd()).absolute()
    return next((folder for folder in (start, *start.parents) if (folder / FILE).is_file()), None)


def begin_project(folder: Path, session: Session) -> Path:
    root = folder.absolute()
    session.say(f"making {root / FILE}")
    text = (TEMPLATES / FILE).read_text(encoding="utf-8")
    (root / FILE).write_text(text.replace("PROJECT", root.name.replace('"', "")), encoding="utf-8")
    return root


def service_home(project: Project) -> Path:
    """The folder whose every folder is a service. Raises UsageError where towpath.toml lists services one by one."""
    for pattern in project.settings.services:
        if pattern.endswith("/*") and "*" not in pattern[:-2]:
            return project.root / pattern[:-2]
    raise UsageError(
        f"{project.root / FILE} has no folder of services: {', '.join(project.settings.services)}",
        hint='add one: services = ["services/*"]',
    )


def write_service(home: Path, name: str, kind: str, folder: str) -> None:
    """Write everything beside and rename, so that a service is there whole or not at all."""
    home.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".writing-", dir=home.parent))
    try:
        words = {"SERVICE": name, "FOLDER": folder}
        (beside / "tests").mkdir()
        fill(kind, "examples.py", beside / "examples.py", words)
        words["DIGEST"] = make_examples(beside)
        fill(kind, "service.py", beside / "service.py", words)
        fill(kind, "test_service.py", beside / "tests" / f"test_{name.replace('-', '_')}.py", words)
        beside.chmod(0o755)
        beside.rename(home)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def fill(kind: str, template: str, path: Path, words: dict[str, str]) -> None:
    text = (TEMPLATES / kind / f"{template}.template").read_text(encoding="utf-8")
    path.write_text(re.sub("|".join(words), lambda found: words[found[0]], text), encoding="utf-8")


def make_examples(home: Path) -> str:
    """Have the service's own generator write its data; returns the sha256."""
    frame = runpy.run_path(str(home / "examples.py"))["examples"](ROWS, SEED)
    content: bytes = frame.to_csv(index=False, lineterminator="\n").encode()
    (home / EXAMPLES).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def told(name: str, home: Path, root: Path) -> Result:
    files = sorted(path.relative_to(root).as_posix() for path in home.rglob("*") if path.is_file())
    rows = [
        ("declare", home / "service.py"),
        ("data", home / EXAMPLES),
        ("test", home / "tests"),
        ("next", f"towpath train {name} && towpath pack {name} && pytest {home.relative_to(root).as_posix()}/tests"),
    ]
    return Result(
        {"service": name, "project": str(root), "files": files, "next": f"towpath train {name}"},
        f"{name} is begun\n" + columns(rows, "  "),
    )
