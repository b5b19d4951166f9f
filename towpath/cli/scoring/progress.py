"""How far a scoring has come: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from towpath.cli.session import Session, is_fancy

SECONDS = 5.0  # between two lines; a log does not want more

Update = Callable[[int, float], None]
"""Told how many rows are done and which share of the input, 0 to 1."""


@contextmanager
def progress(session: Session, what: str) -> Iterator[Update]:
    if session.quiet:
        yield lambda rows, share: None
    elif is_fancy(sys.stderr):
        with bar(what) as update:
            yield update
    else:
        yield lines(session, what)


def lines(session: Session, what: str) -> Update:
    began = last = time.monotonic()

    def update(rows: int, share: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SECONDS:
            last = now
            session.say(f"{what}: {rows:,} rows, {share:.0%} of the input, {rows / (now - began):,.0f} rows a second")

    return update


@contextmanager
def bar(what: str) -> Iterator[Update]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=1.0, rows=0)
        yield lambda rows, share: shown.update(task, completed=share, rows=rows)
