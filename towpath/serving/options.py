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
    Option("--log", "TOWPATH_LOG", "DIR", "Write the prediction log into this folder."),
    Option("--log-share", "TOWPATH_LOG_SHARE", "SHARE", "Share of the requests that are logged (default: 1)."),
)


class Asked(Struct, frozen=True):
    """What a worker is asked for, read and checked."""

    limits: Limits
    access: "Access"
    log: Path | None = None
    log_share: float = 1.0


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
    return Asked(_limits(flags, environment, table), access, log, _share(given["log_share"]))


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
            raise InfrastructureError(f"the keys in {file} cannot be read: {error}", hint="--keys FILE") from error
    return ()


def _share(given: Any) -> float:
    try:
        share = 1.0 if given in (None, "") else float(given)
    except (TypeError, ValueError):
        share = -1.0
    if not 0 < share <= 1:
        raise UsageError(f"--log-share should be more than 0 and at most 1, not {given!r}", hint="--log-share 0.1")
    return share


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
        elif not isinstance(value, (str, float, int) if name == "log_share" else str):
            yield f"{TABLE}.{name}", f'should be a string, such as "{known[name].metavar}"'
