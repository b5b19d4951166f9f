"""towpath log: what services answered, from the prediction log that their workers write."""

import json
import os
import re
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from towpath.cli.layout import columns
from towpath.cli.logged import Sums, Wanted, read_answers, segments
from towpath.cli.project import complete_services, open_here
from towpath.cli.session import Noun, Result, Session
from towpath.core.errors import UsageError
from towpath.wiring import NoProject

SHOWN = 20  # answers, where no limit is given: a screen of them
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
AGO = re.compile(r"([0-9]{1,5})([smhd])")
PLAIN = re.compile(r"[A-Za-z0-9._:/@+-]+")
ASKED = "log"  # the setting of `towpath serve` that names the folder


@click.group(cls=Noun)
def log() -> None:
    """The prediction log: what services answered."""


@log.command(epilog="Example: towpath log show --service bankchurn --since 15m")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--service", metavar="SERVICE", default="", shell_complete=complete_services, help="Of this service only."
)
@click.option("--request", metavar="ID", default="", help="Of this request only: the X-Request-Id of its reply.")
@click.option("--since", metavar="WHEN", default="", help="15m, 2h or 3d ago, or 2026-03-01T09:30 in UTC.")
@click.option("--limit", type=click.IntRange(0), default=SHOWN, show_default=True, help="Newest answers; 0 for all.")
@click.option("--lines", is_flag=True, help="Print one JSON object for each answer, and no sums.")
@click.pass_obj
def show(
    session: Session, /, folder: Path | None, service: str, request: str, since: str, limit: int, lines: bool
) -> Result:
    """Show the newest answers of a prediction log, eldest first, and what all of them come to.

    FOLDER is where `towpath serve --log` writes (default: TOWPATH_LOG, then [serve] log in towpath.toml, then
    .towpath/log). Files that break off, because a machine died, are shown up to there.
    """
    found = folder or folder_here(session)
    wanted = Wanted(service, request, since_seconds(since, datetime.now(UTC)) if since else 0.0)
    rows, sums = read_answers(found, wanted, limit)
    data = {"folder": str(found), "answers": rows, "sums": asdict(sums)}
    if lines:
        return Result(data, "\n".join(json.dumps(row) for row in rows))
    if not sums.answers:
        return Result(data, nothing(found, sums))
    return Result(data, f"{table(rows)}\n\n{summary(rows, sums)}")


def folder_here(session: Session) -> Path:
    """Where `towpath serve` would write its log. Raises UsageError where there is no such folder."""
    named = os.environ.get("TOWPATH_LOG")
    if not named:
        try:
            project = open_here(session)
        except NoProject as error:
            raise UsageError("no folder is named", hint="towpath log show FOLDER, which --log was given") from error
        written = project.settings.serve.get(ASKED)
        named = str(project.root / written if isinstance(written, str) else project.state / ASKED)
    if not Path(named).is_dir():
        raise UsageError(
            f"there is no prediction log in {named}", hint=f"towpath serve --log {named} writes one; or name its folder"
        )
    return Path(named)


def since_seconds(text: str, now: datetime) -> float:
    """Seconds since 1970 of `15m` before now, or of a date or time, in UTC if it names no zone. Raises UsageError."""
    if ago := AGO.fullmatch(text):
        return (now - timedelta(**{UNITS[ago[2]]: int(ago[1])})).timestamp()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        told = f"--since should be how long ago, or a time, not {text!r}"
        raise UsageError(told, hint="--since 15m, --since 2026-03-01 or --since 2026-03-01T09:30Z") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def table(rows: list[dict[str, Any]]) -> str:
    titles = ("time", "request", "answered by", "decision", "scores", "ids")
    return columns([titles, *(_line(row) for row in rows)])


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    by = f"{row['service']} {row['revision'] or row['release']}" + (" (shadow)" if row["shadow"] else "")
    request = row["request"] + (f"[{row['position']}]" if row["position"] else "")
    scores = " ".join(f"{score:.6g}" for score in row["scores"])
    # What clients sent is shown in ASCII alone, so that no terminal can be made to obey it.
    told = " ".join(f"{name}={_shown(value)}" for name, value in (row["ids"] | row["values"]).items())
    return row["at"], request, by, row["decision"] or "-", scores, told


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and PLAIN.fullmatch(value) else json.dumps(value).replace("\x7f", "\\u007f")


def summary(rows: list[dict[str, Any]], sums: Sums) -> str:
    shown = "" if len(rows) == sums.answers else f", the newest {len(rows):,} shown"
    shadows = f", {sums.shadows:,} of them by shadows" if sums.shadows else ""
    found = f"{_many(sums.answers, 'answer')} to {_many(sums.requests, 'request')}{shadows}"
    when = f", {_time(sums.first)} to {_time(sums.last)}"
    told = [(by, _counted(decided)) for by, decided in sorted(sums.decisions.items())]
    return "\n".join([found + when + shown, columns(told, "  "), *_torn(sums)])


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def nothing(folder: Path, sums: Sums) -> str:
    where = f"{_many(len(segments(folder)), 'file')} in {folder}"
    return "\n".join([f"no answer is as asked for: {where}", *_torn(sums)])


def _counted(decided: dict[str, int]) -> str:
    whole = sum(decided.values())
    return ", ".join(f"{name} {count:,} ({count / whole:.1%})" for name, count in sorted(decided.items()))


def _torn(sums: Sums) -> list[str]:
    return [f"{path} breaks off: its last {size:,} bytes are no whole block" for path, size in sums.torn.items()]


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
