"""Routes: which revisions of a service there are in an environment, and who gets which. Their file is routes_file's."""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from towpath.core import formats
from towpath.core.errors import Exit, VerificationRefused
from towpath.core.settings import Overrides

WHOLE = 10_000  # hundredths of a percent; all shares together

CODES = (
    "missing", "unreadable", "not_regular", "empty", "too_large", "truncated", "not_json", "wrong_format",
    "newer_format", "schema", "checksum", "not_canonical", "no_revision", "duplicate_revision", "unknown_revision",
    "shares", "release", "wrong_service", "wrong_environment", "lower_generation", "changed_generation",
    "bundle_missing", "bundle_refused", "bundle_digest", "bundle_service", "settings", "settings_digest", "quarantined",
    "unexpected",
)  # fmt: skip
"""Why a routes file is refused, in the order in which it is looked at; the last nine when its bundles are."""

HOW = "docs/routes.md shows how it is written"

# \Z, as $ would let a line's end pass, which no header can carry.
Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,38}\\Z")]
Number = Annotated[int, Meta(ge=1, le=10**9)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}\\Z")]
HeaderName = Annotated[str, Meta(pattern="^[a-z0-9-]{1,64}\\Z")]
Printable = Annotated[str, Meta(pattern="^[\\x21-\\x7e]([\\x20-\\x7e]{0,254}[\\x21-\\x7e])?\\Z")]
FieldName = Annotated[str, Meta(pattern='^[^"\\\\\\x00-\\x1f]{1,120}\\Z')]  # what a reader of JSON can be made for
Sentence = Annotated[str, Meta(max_length=500)]


class RoutesRefused(VerificationRefused):
    """A routes file that is not acted upon; `reason` is one of CODES, `faults` all faults of a wrong schema."""

    code = "routes-refused"

    def __init__(self, reason: str, message: str, *, hint: str = "", faults: Iterable[tuple[str, str]] = ()):
        super().__init__(message, hint=hint or f"{HOW}; what was live stays live")
        self.reason, self.faults = reason, list(faults)
        if reason == "newer_format":
            self.exit_code = Exit.TOO_NEW


PLAIN = Overrides()


class Revision(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A release with its settings as installed: `bankchurn/prod#7`.

    bundle is a path, from the folder of the routes file where it is relative; settings are what the environment
    overrides, settings_digest the sha256 of the settings that come out and act.
    """

    number: Number
    release: Annotated[Printable, Meta(max_length=120)]
    bundle: Annotated[str, Meta(min_length=1, max_length=4096)]
    digest: Sha256
    settings_digest: Sha256
    settings: Overrides = PLAIN


class Share(Struct, frozen=True, forbid_unknown_fields=True):
    """A revision and the percent of requests that it gets, to the hundredth."""

    revision: Number
    percent: Percent


class HeaderRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Requests with this header of this value go to this revision; the first rule that fits counts."""

    name: HeaderName
    value: Printable
    revision: Number


class Shadow(Struct, frozen=True, forbid_unknown_fields=True):
    """A revision that gets copies of so many percent of the requests; nobody is told what it answers to them."""

    revision: Number
    percent: Percent


class Sticky(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """By what a caller keeps its revision: a header of the request or a field of the record, exactly one of them."""

    header: HeaderName | None = None
    field: FieldName | None = None


class Mode(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whether predictions are answered. Paused ones wait up to wait_seconds, then 503; maintenance says 503 at once."""

    name: Literal["live", "paused", "maintenance"] = "live"
    message: Sentence = ""
    retry_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 5
    wait_seconds: Annotated[float, Meta(gt=0, le=60)] = 10.0


LIVE = Mode()


class Routes(
    Struct, frozen=True, tag_field="format", tag=formats.ROUTES, forbid_unknown_fields=True, omit_defaults=True
):
    """What one service's workers in one environment serve; the generation grows by one with every change."""

    service: Name
    environment: Name
    generation: Number
    revisions: tuple[Revision, ...]
    traffic: tuple[Share, ...]
    sticky: Sticky | None = None
    headers: tuple[HeaderRule, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    mode: Mode = LIVE

    @property
    def name(self) -> str:
        """`bankchurn/prod`"""
        return f"{self.service}/{self.environment}"

    def label(self, number: int) -> str:
        """What people call a revision: `bankchurn/prod#7`."""
        return f"{self.name}#{number}"

    def revision(self, number: int) -> Revision:
        return next(one for one in self.revisions if one.number == number)


def answering(routes: Routes) -> set[int]:
    """The revisions that may answer: those with traffic or a header rule."""
    return {one.revision for one in routes.traffic if one.percent} | {one.revision for one in routes.headers}


def shadowing(routes: Routes) -> set[int]:
    """The revisions that get copies."""
    return {one.revision for one in routes.shadows if one.percent}


def hundredths(percent: float) -> int:
    """A percent of two decimals as a whole number: 12.34 as 1234, of WHOLE."""
    return round(percent * 100)
