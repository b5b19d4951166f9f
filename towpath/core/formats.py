"""The numbered formats in which the two planes meet, and canonical JSON, from which their digests are made."""

import hashlib
import math
import re
from typing import Any, TypeVar

import msgspec

from towpath.core.errors import FormatTooNew, VerificationRefused

T = TypeVar("T")

MANIFEST = "towpath/bundle/1"
CONTRACT = "towpath/contract/1"
PLAN = "towpath/plan/1"
TEXT = "towpath/text/1"
SETTINGS = "towpath/settings/1"
REFERENCE = "towpath/reference/1"
EVALUATION = "towpath/evaluation/1"
DATA = "towpath/data/1"
DATA_HISTORY = "towpath/data-history/1"
CANDIDATE = "towpath/candidate/1"
COMPARISON = "towpath/comparison/1"
INPUTS = "towpath/inputs/1"
STAGE = "towpath/stage/1"
TUNED = "towpath/tuned/1"
RUN = "towpath/run/1"
TRACKED = "towpath/tracked/1"
PROJECT = "towpath/project/1"
LOG = "towpath/log/1"
ROUTES = "towpath/routes/1"
ACKNOWLEDGED = "towpath/acknowledged/1"
CLI = "towpath/cli/1"


_NUMBER = re.compile("[0-9]{1,9}")


def check_format(found: Any, known: str, what: str) -> None:
    """Accept format N and N-1 of the known one; refuse a newer by name and anything else as not ours.

    Raises FormatTooNew or VerificationRefused.
    """
    family, _, number = known.rpartition("/")
    given, _, version = found.rpartition("/") if isinstance(found, str) else ("", "", "")
    if given != family or not _NUMBER.fullmatch(version):
        raise VerificationRefused(f"{what} is not a {family} file: its format says {found!r}", hint=f"expected {known}")
    if int(version) > int(number):
        raise FormatTooNew(
            f"{what} has format {found}; this Towpath reads up to {known}", hint="install a newer Towpath"
        )
    if int(version) < int(number) - 1:
        raise VerificationRefused(
            f"{what} has format {found}, older than this Towpath reads ({known})", hint="pack it again"
        )


def canonical(value: Any) -> bytes:
    """JSON without spaces, with shortest floats, dicts' keys sorted, records' fields as declared, and the format first.

    Equal values give equal bytes on every machine. Raises VerificationRefused for a number that JSON cannot hold, which
    would come back as null.
    """
    _refuse_not_finite(msgspec.to_builtins(value), "")
    return msgspec.json.encode(value, order="deterministic")


def _refuse_not_finite(value: Any, path: str) -> None:
    match value:
        case float() if not math.isfinite(value):
            where = path.lstrip(".") or "a value"
            raise VerificationRefused(f"{where} is {value}, which JSON cannot hold", hint="report this model")
        case dict():
            for key, item in value.items():
                _refuse_not_finite(item, f"{path}.{key}")
        case list() | tuple():
            for position, item in enumerate(value):
                _refuse_not_finite(item, f"{path}[{position}]")


def read_record(content: bytes, kind: type[T], known: str, what: str) -> T:
    """Decode one of our files into its record, its format checked before anything else.

    Raises FormatTooNew, or VerificationRefused naming the place that is wrong.
    """
    try:
        head = msgspec.json.decode(content, type=_Head)
        check_format(head.format, known, what)
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise VerificationRefused(
            f"{what} cannot be read: {error}",
            hint="it was changed after it was written; take it from git or from a copy",
        ) from error


class _Head(msgspec.Struct):
    format: str


def digest(content: bytes) -> str:
    """The lower-case hexadecimal sha256 of some bytes (64 characters)."""
    return hashlib.sha256(content).hexdigest()
