"""towpath config: every setting, its value, and what decided it."""

import os
import tomllib
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from towpath.cli.layout import columns
from towpath.cli.project import PORT_NAMES, from_option, host_option, open_here, port_option, seed_option
from towpath.cli.session import Noun, Result, Session
from towpath.core.project import FILE, is_server
from towpath.wiring import DATA, MLFLOW, REMOTE, SEED, TRACKING, Project

Setting = tuple[str, Any, str]
"""Its name, its value, and what won: flag, environment variable, towpath.toml, default."""


@click.group(cls=Noun)
def config() -> None:
    """Settings: a flag comes before TOWPATH_*, that before towpath.toml, that before the default."""


@config.command(epilog="Example: towpath config show --origin --port 9000")
@click.option("--origin", is_flag=True, help="Say what decided each.")
@seed_option
@from_option
@host_option
@port_option
@click.pass_context
def show(context: click.Context, origin: bool, seed: int | None, folder: Path | None, host: str, port: int) -> Result:
    """Show every setting as commands here would see it; the flags are those that `train` and `serve` take."""
    project = open_here(context.find_object(Session) or Session())
    settings = [
        *project_settings(project),
        ("data folders", [str(path) for path in project.data_folders(folder)], data_origin(project, folder)),
        (
            "remote",
            str(project.remote() or "none"),
            first((REMOTE, REMOTE in project.environ), (FILE, bool(project.settings.remote))),
        ),
        ("tracking", project.outbox().where or "none", tracking_origin(project)),
        ("seed", project.seed(seed), first(("--seed", seed is not None), (SEED, SEED in project.environ))),
        ("host", host, flag_origin(context, "host")),
        ("port", port, flag_origin(context, "port")),
    ]
    data = [{"name": name, "value": value, "origin": won} for name, value, won in settings]
    return Result(data, columns((name, shown(value), *([won] if origin else [])) for name, value, won in settings))


def project_settings(project: Project) -> list[Setting]:
    written = tomllib.loads((project.root / FILE).read_text(encoding="utf-8"))
    values = {
        "name": project.settings.name,
        "services": list(project.settings.services),
        "data": list(project.settings.data),
    }
    here: list[Setting] = [("project", str(project.root), "--project or the working folder")]
    return [*here, *((name, value, first((FILE, name in written))) for name, value in values.items())]


def data_origin(project: Project, folder: Path | None) -> str:
    """All that add to the list, the first find counting."""
    given = {"--from": folder, DATA: project.environ.get(DATA), FILE: project.settings.data}
    return ", ".join([*(name for name, value in given.items() if value), "default"])


def tracking_origin(project: Project) -> str:
    """An address of MLflow's own variable counts only where it is a server's."""
    ours, theirs = TRACKING in project.environ, is_server(project.environ.get(MLFLOW, ""))
    return first((TRACKING, ours), (MLFLOW, theirs), (FILE, bool(project.settings.tracking.mlflow)))


def flag_origin(context: click.Context, name: str) -> str:
    source = context.get_parameter_source(name)
    if source is ParameterSource.ENVIRONMENT:
        return next(variable for variable in PORT_NAMES if os.environ.get(variable))
    return first((f"--{name}", source is ParameterSource.COMMANDLINE))


def first(*candidates: tuple[str, bool]) -> str:
    """The name of the first that was given."""
    return next((name for name, given in candidates if given), "default")


def shown(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
