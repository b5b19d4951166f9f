"""How a worker is asked for: each option is a flag, an environment variable, and a key of [serve] in towpath.toml."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from towpath.core.errors import Faulty, InfrastructureError, UsageError
from towpath.serving.limits import DEFAULT, Limits, read_limits

if TYPE_CHECKING:
    from towpath.serving.access import Access

TABLE = "serve"
NUMBERS = ("log_share", "metrics_port", "remember", "workers", "start_seconds")  # may be written as such
HIGHEST_PORT = 65535
START_SECONDS = 30.0  # a worker is there in under one; a hundred bundles on a busy machine may take ten
KEYS, KEYS_FILE = "TOWPATH_KEYS", "TOWPATH_KEYS_FILE"


class Option(Struct, frozen=True):
    """One option; `many` may be given several times, or with commas between in the environment."""

    flag: str
    variable: str
    metavar: str
    about: str
    many: bool = False

    @property
    def name(self) -> str:
        """What it is called in towpath.toml and by Python: `log_share`."""
        return self.flag.removeprefix("--").replace("-", "_")


OPTIONS = (
    Option("--limit", "TOWPATH_LIMITS", "NAME=VALUE", "Set a limit, such as body_bytes=8388608.", many=True),
    Option("--keys", KEYS_FILE, "FILE", "Answer predictions only with a key whose sha256 this file lists."),
    Option("--tls-cert", "TOWPATH_TLS_CERT", "FILE", "Serve over TLS with this certificate and its chain, in PEM."),
    Option("--tls-key", "TOWPATH_TLS_KEY", "FILE", "The certificate's key, in PEM."),
    Option("--cors", "TOWPATH_CORS", "ORIGIN", "Let pages of this origin ask, such as https://app.example.org.", True),
    Option("--allow-host", "TOWPATH_HOSTS", "NAME", "Answer only for this Host, without its port.", True),
    Option("--routes", "TOWPATH_ROUTES", "FILE", "Follow this routes file, beside bundles or instead of any.", True),
    Option("--acknowledge", "TOWPATH_ACKNOWLEDGE", "DIR", "Say in a file in this folder which routes are acted upon."),
    Option("--log", "TOWPATH_LOG", "DIR", "Write the prediction log into this folder."),
    Option("--metrics-port", "TOWPATH_METRICS_PORT", "PORT", "Tell /metrics on this port, and on the other no more."),
    Option("--log-share", "TOWPATH_LOG_SHARE", "SHARE", "Share of the requests that are logged (default: 1)."),
    Option("--remember", "TOWPATH_REMEMBER", "N", "Remember the answers to the last N records, for a slow model."),
    Option("--workers", "TOWPATH_WORKERS", "N", "Run so many workers under a supervisor that replaces them."),
    Option("--start-seconds", "TOWPATH_START_SECONDS", "S", "Seconds that a worker may take to start (default: 30)."),
)


class Asked(Struct, frozen=True):
    """What a worker is asked for, read and checked."""

    limits: Limits
    access: "Access"
    log: Path | None = None
    log_share: float = 1.0
    metrics_port: int | None = None
    workers: int | None = None  # None: one, in this process
    start_seconds: float = START_SECONDS
    routes: tuple[Path, ...] = ()
    acknowledge: Path | None = None
    remember: int = 0


def read_options(flags: Mapping[str, Any], environment: Mapping[str, str], table: Mapping[str, Any]) -> Asked:
    """Flag before environment before towpath.toml, for each option; of limits, for each limit.

    Raises UsageError, Faulty with every fault of the table, or InfrastructureError for a file that cannot be read.
    """
    from towpath.serving.access import Access, read_hosts, read_origins

    _check_table(table)
    given = {option.name: _given(option, flags, environment, table) for option in OPTIONS}
    certificate, key = given["tls_cert"], given["tls_key"]
    if bool(certificate) != bool(key):
        raise UsageError("TLS needs a certificate and its key", hint="--tls-cert FILE --tls-key FILE")
    access = Access(
        keys=_keys(flags.get("keys"), given["keys"], environment),
        hosts=read_hosts(given["allow_host"]),
        origins=read_origins(given["cors"]),
        certificate=Path(certificate) if certificate else None,
        private_key=Path(key) if key else None,
    )
    log = Path(given["log"]) if given["log"] else None
    limits = _limits(flags, environment, table)
    routes = tuple(Path(one).absolute() for one in given["routes"])
    acknowledge = Path(given["acknowledge"]).absolute() if given["acknowledge"] else None
    share, port, crew = _share(given["log_share"]), _port(given["metrics_port"]), _crew(given)
    return Asked(limits, access, log, share, port, *crew, routes, acknowledge, _remember(given["remember"]))


def _given(option: Option, flags: Mapping[str, Any], environment: Mapping[str, str], table: Mapping[str, Any]) -> Any:
    """What was said of it, from the first place that says anything; a list where it may be said several times."""
    said = flags.get(option.name) or environment.get(option.variable) or table.get(option.name)
    if not option.many:
        return said
    return [one.strip() for one in said.split(",") if one.strip()] if isinstance(said, str) else list(said or ())


def _limits(flags: Mapping[str, Any], environment: Mapping[str, str], table: Mapping[str, Any]) -> Limits:
    written = environment.get("TOWPATH_LIMITS", "").split(",")
    chosen = dict(table.get("limit", {}))
    chosen |= _pairs([one.strip() for one in written if one.strip()], "TOWPATH_LIMITS")
    chosen |= _pairs(flags.get("limit") or (), "--limit")
    return read_limits(chosen, "what limits are set to") if chosen else DEFAULT


def _pairs(written: Sequence[str], where: str) -> dict[str, str]:
    for one in written:
        if not re.fullmatch(r"[a-z_]+=[^=]+", one):
            raise UsageError(f"{where} should be NAME=VALUE, not {one!r}", hint=f"{where} body_bytes=8388608")
    return dict(one.split("=") for one in written)


def _keys(flag: str | None, file: str | None, environment: Mapping[str, str]) -> tuple[bytes, ...]:
    """A variable that is there and blank refuses to start: so looks a secret that was not handed over."""
    from towpath.serving.access import read_keys

    if KEYS in environment and not flag:
        return read_keys(environment[KEYS], KEYS)
    if not flag and environment.get(KEYS_FILE, "name").strip() == "":
        raise UsageError(f"{KEYS_FILE} is there and names no file", hint="leave it out to ask without keys")
    if file:
        try:
            return read_keys(Path(file).read_text(encoding="utf-8"), file)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            hint = "--keys names a file of lines NAME:sha256:DIGEST that this user may read"
            raise InfrastructureError(f"the keys in {file} cannot be read: {why}", hint=hint) from error
    return ()


def _share(given: Any) -> float:
    try:
        share = 1.0 if given in (None, "") else float(given)
    except (TypeError, ValueError):
        share = -1.0
    if not 0 < share <= 1:
        raise UsageError(f"--log-share should be more than 0 and at most 1, not {given!r}", hint="--log-share 0.1")
    return share


def _crew(given: Mapping[str, Any]) -> tuple[int | None, float]:
    """How many workers, and how long each may take to start."""
    workers, seconds = given["workers"], given["start_seconds"]
    if workers not in (None, "") and not re.fullmatch(r"[1-9][0-9]{0,2}", str(workers)):
        told = f"--workers should be a number of processes from 1 to 999, not {workers!r}"
        raise UsageError(told, hint="--workers 2; without it one worker runs in this process")
    if seconds not in (None, "") and not (re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", str(seconds)) and float(seconds) > 0):
        raise UsageError(f"--start-seconds should be more than 0, not {seconds!r}", hint="--start-seconds 60")
    return int(workers) if workers else None, float(seconds) if seconds else START_SECONDS


def _remember(given: Any) -> int:
    if given in (None, ""):
        return 0
    if not re.fullmatch(r"[0-9]{1,7}", str(given)):
        told = f"--remember should be a number of records, not {given!r}"
        raise UsageError(told, hint="--remember 10000 takes about 20 MB; 0 remembers nothing")
    return int(given)


def _port(given: Any) -> int | None:
    if given in (None, ""):
        return None
    if not re.fullmatch(r"[0-9]{1,5}", str(given)) or int(given) > HIGHEST_PORT:
        told = f"--metrics-port should be a port from 0 to {HIGHEST_PORT}, not {given!r}"
        raise UsageError(told, hint="0 takes a free one")
    return int(given)


def _check_table(table: Mapping[str, Any]) -> None:
    if faults := list(_table_faults(table)):
        raise Faulty("towpath.toml", faults, hint="docs/settings.md has the annotated example")


def _table_faults(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    known = {option.name: option for option in OPTIONS}
    for name, value in table.items():
        if name not in known:
            yield f"{TABLE}.{name}", f"is not a setting; known are {', '.join(known)}"
        elif name == "limit":
            if not isinstance(value, Mapping):
                yield f"{TABLE}.limit", "should be a table: [serve.limit], and under it body_bytes = 8388608"
        elif known[name].many:
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                yield f"{TABLE}.{name}", f'should be a list of strings, such as ["{known[name].metavar}"]'
        elif not isinstance(value, (str, float, int) if name in NUMBERS else str) or isinstance(value, bool):
            yield f"{TABLE}.{name}", f'should be a string, such as "{known[name].metavar}"'
