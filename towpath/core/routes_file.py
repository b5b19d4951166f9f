"""towpath/routes/1, the routes file: one line of canonical JSON, whose last key is the sha256 of all before it.

The control side writes it, workers read it, and both with this one codec and validator.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, structs

from towpath.core import formats
from towpath.core.errors import FormatTooNew, VerificationRefused
from towpath.core.routes import LIVE, PLAIN, WHOLE, Routes, RoutesRefused, Sha256, hundredths
from towpath.core.shapes import shape_faults

T = TypeVar("T", bound=Struct)

LARGEST = 1 << 20  # bytes; a hundred revisions take 40 kB, and what is larger was not written by us
MOST_REVISIONS = 1_000  # of one service in one environment; the file stays under its largest size


class _File(
    Routes,
    frozen=True,
    kw_only=True,
    tag_field="format",
    tag=formats.ROUTES,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """The routes as they stand in the file. Named last, so that the bytes before it are what it is the sha256 of."""

    checksum: Sha256


def encode(routes: Routes) -> bytes:
    """The bytes of the file. Raises RoutesRefused for routes that no worker would act upon."""
    content = _canonical(_checked(msgspec.to_builtins(routes), Routes, "what should be written"))
    content = b'%b,"checksum":"%b"}' % (content[:-1], formats.digest(content).encode())
    decode(content)
    return content


def decode(content: bytes, what: str = "the routes file") -> Routes:
    """The routes that these bytes hold. Raises RoutesRefused with the first reason that applies, of CODES."""
    given = _read(content, what)
    _refuse_format(given, what)
    file = _checked(given, _File, what)
    _refuse_changed(content, file.checksum, what)
    routes = Routes(**{name: getattr(file, name) for name in Routes.__struct_fields__})
    _refuse_rewritten(content, routes, what)
    for reason, message in _contradictions(routes):
        raise RoutesRefused(reason, f"{what}: {message}")
    return routes


def refuse_step(before: Routes, after: Routes, what: str = "the routes file") -> None:
    """Refuse what cannot follow what is acted upon now: another's routes, older ones, or others of the same number.

    Raises RoutesRefused. A late writer may have slept through newer generations, which its own must not undo.
    """
    told = f"{what} is of {after.name}"
    if after.service != before.service:
        raise RoutesRefused("wrong_service", f"{told}; {before.name} is served")
    if after.environment != before.environment:
        raise RoutesRefused("wrong_environment", f"{told}; {before.name} is served")
    if after.generation < before.generation:
        raise RoutesRefused(
            "lower_generation",
            f"{what} has generation {after.generation}; {before.generation} is acted upon already",
            hint="the newer generation stays; write the next one",
        )
    if after.generation == before.generation and after != before:
        raise RoutesRefused(
            "changed_generation",
            f"{what} has generation {after.generation} as what is acted upon, and says something else",
            hint="every change has a generation of its own",
        )


def successor(routes: Routes, **changes: Any) -> Routes:
    """The next generation, with some of the fields changed. Raises RoutesRefused where no worker would act upon it."""
    after = structs.replace(routes, generation=routes.generation + 1, **changes)
    encode(after)
    return after


def _canonical(routes: Routes) -> bytes:
    """Equal routes give equal bytes: msgspec leaves a default record out only where it is the very same object."""
    revisions = [structs.replace(one, settings=PLAIN) if one.settings == PLAIN else one for one in routes.revisions]
    mode = LIVE if routes.mode == LIVE else routes.mode
    return formats.canonical(structs.replace(routes, revisions=tuple(revisions), mode=mode))


def _read(content: bytes, what: str) -> Any:
    if not content:
        raise RoutesRefused("empty", f"{what} is empty")
    if len(content) > LARGEST:
        raise RoutesRefused("too_large", f"{what} has more than {LARGEST} bytes")
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        torn = "truncated" in str(error)
        told = "breaks off" if torn else "is no JSON"
        raise RoutesRefused("truncated" if torn else "not_json", f"{what} {told}: {error}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise RoutesRefused("not_json", f"{what} is no JSON: {error}") from error


def _refuse_format(given: Any, what: str) -> None:
    try:
        formats.check_format(given.get("format") if isinstance(given, dict) else None, formats.ROUTES, what)
    except FormatTooNew as error:
        raise RoutesRefused("newer_format", str(error), hint=error.hint) from error
    except VerificationRefused as error:
        raise RoutesRefused("wrong_format", str(error), hint=error.hint) from error
    if given["format"] != formats.ROUTES:  # the first there is has none before it; a second one is read here beside it
        raise RoutesRefused("wrong_format", f"{what} has format {given['format']}, which never was")


def _checked(given: Any, kind: type[T], what: str) -> T:
    """As a record; where it is none, with all faults and not the first alone."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        faults = shape_faults(given, kind) or [("", str(error))]
        told = "; ".join(f"{path} {reason}" for path, reason in faults)
        raise RoutesRefused("schema", f"{what} has {_count(faults, 'fault')}: {told}", faults=faults) from error


def _refuse_changed(content: bytes, checksum: str, what: str) -> None:
    head, _, tail = content.rpartition(b',"checksum":"')
    found = formats.digest(head + b"}")
    if tail != checksum.encode() + b'"}' or found != checksum:
        raise RoutesRefused("checksum", f"{what} was changed: its sha256 is {found}, its checksum says {checksum}")


def _refuse_rewritten(content: bytes, routes: Routes, what: str) -> None:
    """What was read is written again and compared, so that nothing in the file means nothing."""
    if not content.startswith(_canonical(routes)[:-1] + b',"checksum":"'):
        raise RoutesRefused("not_canonical", f"{what} is not in canonical form")


def _contradictions(routes: Routes) -> Iterator[tuple[str, str]]:
    known = [one.number for one in routes.revisions]
    if not known:
        yield "no_revision", "there is no revision"
    if len(known) > MOST_REVISIONS:
        yield "schema", f"revisions: there are {len(known)}; the most allowed is {MOST_REVISIONS}"
    yield from _duplicates(routes, known)
    for where in ("traffic", "headers", "shadows"):
        if unknown := sorted({one.revision for one in getattr(routes, where)} - set(known)):
            yield "unknown_revision", f"{where} names {_listed(unknown)}, which is no revision of the file"
    yield from _share_faults(routes)
    if routes.sticky and (routes.sticky.header is None) == (routes.sticky.field is None):
        yield "schema", "sticky: either a header or a field, and one of them"
    for one in routes.revisions:
        name, at, _ = one.release.partition("@")
        if at and name != routes.service:
            yield "release", f"revision {one.number} is {one.release}, no release of {routes.service}"


def _duplicates(routes: Routes, known: list[int]) -> Iterator[tuple[str, str]]:
    traffic, shadows = ([one.revision for one in some] for some in (routes.traffic, routes.shadows))
    named: dict[str, list[int]] = {"revisions": known, "traffic": traffic, "shadows": shadows}
    for where, numbers in named.items():
        if twice := [number for number, times in Counter(numbers).items() if times > 1]:
            yield "duplicate_revision", f"{where} names {_listed(twice)} more than once"
    rules = Counter((one.name, one.value) for one in routes.headers)
    for name, value in [rule for rule, times in rules.items() if times > 1]:
        yield "duplicate_revision", f"headers has {name}: {value} more than once"


def _share_faults(routes: Routes) -> Iterator[tuple[str, str]]:
    for where in ("traffic", "shadows"):
        for one in getattr(routes, where):
            if hundredths(one.percent) / 100 != one.percent:
                yield "shares", f"{where}: {one.percent!r} percent has more than two decimals"
    if (total := sum(hundredths(share.percent) for share in routes.traffic)) != WHOLE:
        yield "shares", f"the shares of traffic sum up to {total / 100:g} percent, not 100"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _count(faults: list[Any], word: str) -> str:
    return f"1 {word}" if len(faults) == 1 else f"{len(faults)} {word}s"
