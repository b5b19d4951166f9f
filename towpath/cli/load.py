"""towpath load: a load test with a verdict."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from towpath.cli.loadtest.aim import Aim, Server, is_url, take_aim, try_once
from towpath.cli.loadtest.bodies import from_bundle, from_file, from_schema
from towpath.cli.loadtest.report import duration, report, warning
from towpath.cli.loadtest.stages import advice, ask_worker, break_down
from towpath.cli.loadtest.users import Wish, put_load
from towpath.cli.packed import find_bundle
from towpath.cli.project import complete_services, open_here
from towpath.cli.session import Result, Session, Verb
from towpath.cli.worker import running_worker
from towpath.core.errors import InfrastructureError, UsageError
from towpath.core.load import Counted, judge
from towpath.core.load_targets import Limit, Targets, read_targets, targets_of
from towpath.wiring import NoProject

KEY, KEY_FILE = "TOWPATH_KEY", "TOWPATH_KEY_FILE"
HELD = 0.99  # share of a --rate that is aimed at, where no --rps says otherwise: the last request may not be back yet
LIMIT = "TARGET[,CRITICAL]"
POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command(cls=Verb, epilog="Example: towpath load http://127.0.0.1:8080 --users 20 --spawn 5 --seconds 30")
@click.argument("where", metavar="URL|SERVICE", shell_complete=complete_services)
@click.option("--users", type=click.IntRange(1, 10_000), default=50, show_default=True, metavar="N",
              help="Users at once, or with --rate connections at most.")  # fmt: skip
@click.option("--spawn", type=POSITIVE, default=10.0, metavar="N", help="Users that begin in a second (default: 10).")
@click.option("--seconds", type=POSITIVE, default=60.0, metavar="S", help="How long (default: 60).")
@click.option("--requests", type=click.IntRange(1), metavar="N", help="End after so many requests.")
@click.option("--rate", type=POSITIVE, metavar="R", help="Let R requests a second be due, however slow answers are.")
@click.option("--timeout", type=POSITIVE, default=10.0, metavar="S", help="Give a request up (default: 10).")
@click.option("--body", metavar="FILE", help="Send the JSON lines of this file in rotation, - for stdin.")
@click.option("--p95", metavar=LIMIT, help="Of latency, such as 50ms or 50ms,200ms (default: 100ms,500ms).")
@click.option("--p99", metavar=LIMIT, help="Of latency (default: 200ms,1s).")
@click.option("--errors", metavar=LIMIT, help="Of the share of errors (default: 0.1%,1%).")
@click.option("--rps", metavar=LIMIT, help="Of good answers a second (default: 100,50; with --rate 99 % of it).")
@click.option("--strict", is_flag=True, help="Exit with 1 where a target is missed, too.")
@click.option("--key-file", type=click.Path(dir_okay=False, path_type=Path), envvar=KEY_FILE, metavar="FILE",
              help=f"The key that the server asks for (default: {KEY}).")  # fmt: skip
@click.pass_obj
def load(
    session: Session,
    /,
    where: str,
    body: str | None,
    key_file: Path | None,
    strict: bool,
    requests: int | None,
    rate: float | None,
    **flags: Any,
) -> Result:
    """Put load on a server and judge latency, errors and throughput; for a SERVICE a worker is started for it.

    Many users ask in a closed loop: each asks again once it was answered. With --rate requests are due at fixed times
    and latency counts from then, so that a slow answer makes those behind it late too. What is sent are 200 different
    records that the server's description or the bundle gives, or lines of a file. Exit code 1 where a critical limit is
    broken, 7 where there were too few requests to tell.
    """
    limits = {name: flags.pop(name) for name in Targets.__struct_fields__}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    wish = Wish(requests=requests or 0, rate=rate or 0.0, **flags)
    read_targets(given, "the command line")  # told before anything is started
    bodies = from_file(body) if body else None
    with aimed(session, where, key(key_file)) as (aim, service, own):
        bodies = bodies or own or described_bodies(aim)
        targets = targets_here(session, service, given, wish)
        try_once(aim, bodies[0])
        return test(session, aim, bodies, wish, targets, strict=strict)


def test(session: Session, aim: Aim, bodies: list[bytes], wish: Wish, targets: Targets, *, strict: bool) -> Result:
    sent = "1 body" if len(bodies) == 1 else f"{len(bodies):,} bodies in rotation"
    session.say(f"asking {aim.url} with {sent}; Ctrl-C ends it and tells what it has")
    before = ask_worker(aim)
    outcome = put_load(aim.server.address(), aim.requests(bodies), wish, lambda at, so_far: tell(session, at, so_far))
    after = ask_worker(aim) if before else None
    counted = outcome.counted
    found = break_down(before, after, counted.latencies.mean, counted.seconds) if before and after else None
    checks = judge(counted, targets)
    troubled = any(check.verdict in ("warning", "broken") for check in checks)
    helps = advice(found, counted.requests, outcome.own_share, troubled) if found else []
    if not strict and not outcome.interrupted and (missed := warning(checks)):
        session.say(missed)
    return report(aim.url, wish, outcome, checks, found, helps, strict=strict)


def tell(session: Session, at: float, so_far: Counted) -> None:
    latencies, errors = so_far.latencies, so_far.failed
    pace = f"{so_far.good / at:,.0f} answered a second, p95 {duration(latencies.quantile(0.95))}"
    session.say(f"{at:.0f} s: {so_far.requests:,} requests, {pace}, {errors:,} errors")


@contextmanager
def aimed(session: Session, where: str, key: str) -> Iterator[tuple[Aim, str, list[bytes] | None]]:
    """The endpoint, the service's name as far as it is known, and the records of its bundle where that is at hand."""
    if is_url(where):
        aim = take_aim(where, key)
        yield aim, service_called(aim), None
        return
    try:
        home = find_bundle(session, where)
    except NoProject as error:
        raise UsageError(f"{where!r} is no URL, and there is no project here", hint="http://HOST:PORT") from error
    service, records = from_bundle(home)
    session.say(f"starting a worker of its own for {home}")
    with (
        tempfile.TemporaryDirectory(prefix="towpath-load-") as scratch,
        running_worker([home], 0, Path(scratch) / "worker.log") as address,
    ):
        host, _, port = address.rpartition(":")
        yield Aim(Server("http", host, int(port), key), "/predict", {}), service, records


def service_called(aim: Aim) -> str:
    """What a server at a URL calls itself, as far as its path or a worker's own page says."""
    parts = aim.path.strip("/").split("/")
    if len(parts) > 1:
        return parts[0]
    status, page = aim.server.ask("GET", "/model_info")
    try:
        return str(msgspec.json.decode(page)["service"]) if status == 200 else ""
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""


def described_bodies(aim: Aim) -> list[bytes]:
    """Raises UsageError where the server does not say what it takes."""
    if (schema := aim.schema()) is None:
        raise UsageError(
            f"{aim.url}: the server does not describe what it takes (no /openapi.json has it)",
            hint="--body FILE names a file of JSON lines to send; or is the URL another one?",
        )
    return from_schema(schema, aim.described)


def targets_here(session: Session, service: str, given: Mapping[str, str], wish: Wish) -> Targets:
    """Flags, then [load.service.NAME], then [load] of towpath.toml, then the defaults."""
    try:
        known = targets_of(open_here(session).settings.load, service)
    except NoProject:
        if session.folder:
            raise
        known = Targets()
    if wish.rate:
        known = msgspec.structs.replace(known, rps=Limit(HELD * wish.rate, 0.5 * wish.rate))
    return read_targets(given, "the command line", known)


def key(file: Path | None) -> str:
    """The key that a server asks for: never an argument, where other users of the machine would see it."""
    if file is None:
        return os.environ.get(KEY, "")
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InfrastructureError(
            f"{file}: {error.strerror}", hint="--key-file names a file with the key alone"
        ) from error
