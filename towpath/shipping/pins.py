"""Reads requirements files the way pip does and names every line that is not one exact, hashed pin."""

import codecs
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from towpath.core.errors import InfrastructureError

NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
REQUIREMENT = re.compile(rf"(?P<name>{NAME})\s*(?:\[[^\]]*\])?\s*(?P<wanted>[^;]*?)\s*(?:;\s*(?P<marker>.*?))?\s*$")
EXACT = re.compile(r"===?\s*(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)$")
OPTION_AFTER = re.compile(r"\s+(?=--[a-z])")
COMMENT = re.compile(r"(^|\s+)#.*$")
# The digests that pip accepts, with the length of each in hexadecimal digits.
DIGEST_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
INCLUDES = ("-r", "--requirement", "-c", "--constraint")
EDITABLE = ("-e", "--editable")
SOURCES = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host")
DIRECT = re.compile(r"(?:git|hg|svn|bzr)\+|[a-z]+:|\.{0,2}/|.*\.(?:whl|zip|tar\.gz)$")
# UTF-32 little endian begins with the two bytes of UTF-16, so it is asked first.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


class PinFault(msgspec.Struct, frozen=True):
    """One line that may install something else tomorrow."""

    file: str
    line: int
    package: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class Pin(msgspec.Struct, frozen=True):
    """One package at one version, as a line of a requirements file says it."""

    file: str
    line: int
    package: str
    version: str
    marker: str


class Line(msgspec.Struct, frozen=True):
    """What pip takes for one line: continued lines joined, comments gone, numbered as the first of them."""

    file: str
    number: int
    text: str

    def fault(self, reason: str, package: str = "") -> PinFault:
        return PinFault(self.file, self.number, package, reason)


def check_pins(paths: Iterable[Path]) -> list[PinFault]:
    """Every fault of these files and of what they include; an empty list means that nothing in them can move."""
    pins, faults = read_pins(paths)
    return sorted([*faults, *_clashes(pins)], key=lambda fault: (fault.file, fault.line))


def read_pins(paths: Iterable[Path]) -> tuple[list[Pin], list[PinFault]]:
    """The exact pins of these files and of what they include, and the faults of every other line."""
    pins: list[Pin] = []
    faults: list[PinFault] = []
    waiting, read = list(paths), set()
    while waiting:
        path = waiting.pop(0)
        if path.resolve() in read:
            continue
        read.add(path.resolve())
        for found in _read_file(path):
            if isinstance(found, Path):
                waiting.append(found)
            elif isinstance(found, Pin):
                pins.append(found)
            else:
                faults.append(found)
    return pins, faults


def normal(name: str) -> str:
    """A package's name as registries compare it: lower case, one dash for any run of dashes, dots and underscores."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def read_text(path: Path) -> tuple[str, str]:
    """The text of a file, and the name of its encoding where that is not plain UTF-8; no text where nobody can know.

    Raises InfrastructureError.
    """
    try:
        return _decode(path.read_bytes())
    except OSError as error:
        raise InfrastructureError(f"{path} cannot be read ({error.strerror})") from error


def _read_file(path: Path) -> Iterator[Pin | PinFault | Path]:
    text, strange = read_text(path)
    if strange:
        yield PinFault(str(path), 1, "", f"the file is {strange}, which tools misread; save it as plain UTF-8")
    for line in _logical_lines(str(path), text):
        yield from _read_option(line, path.parent) if line.text.startswith("-") else _read_requirement(line)


def _decode(data: bytes) -> tuple[str, str]:
    for mark, encoding, name in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace").removeprefix("\ufeff"), name
    if b"\0" in data:
        return "", "UTF-16 without a byte order mark"
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        return "", "not UTF-8"


def _logical_lines(file: str, text: str) -> Iterator[Line]:
    begun = 0
    parts: list[str] = []
    # A last empty line closes a file that ends in a backslash.
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        begun = begun if parts else number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line[:-1])
            continue
        joined = COMMENT.sub("", "".join([*parts, "" if is_comment else line])).strip()
        parts = []
        if joined:
            yield Line(file, begun, joined)


def _read_option(line: Line, folder: Path) -> Iterator[PinFault | Path]:
    # pip takes "-r file", "-rfile", "--requirement file" and "--requirement=file".
    match = re.match(r"(--[a-z-]+|-[a-z])[=\s]*(.*)$", line.text)
    option, value = match.groups() if match else (line.text, "")
    if option in INCLUDES and (folder / value).is_file():
        yield folder / value
    elif option in INCLUDES:
        yield line.fault(f"it includes {value}, which is not there")
    elif option in EDITABLE:
        yield line.fault(f"{value} is installed from a folder that may change; pin a release", value)
    elif option in SOURCES:
        yield line.fault(f"{option} says where packages come from; that is the installing machine's setting")


def _read_requirement(line: Line) -> Iterator[Pin | PinFault]:
    requirement, *options = OPTION_AFTER.split(line.text)
    named, is_direct, _ = requirement.partition(" @ ")
    if is_direct or DIRECT.match(requirement):
        # The address itself is not repeated: it may hold a password.
        package = named if is_direct else ""
        said = package or "a package"
        yield line.fault(f"{said} comes from an address, not from a release; write NAME==VERSION", normal(package))
        return
    match = REQUIREMENT.match(requirement)
    if match is None:
        yield line.fault(f"{requirement!r} is not a requirement; write NAME==VERSION --hash=...")
        return
    name, package, exact = match["name"], normal(match["name"]), EXACT.match(match["wanted"])
    if exact is None:
        yield line.fault(f"{name} is not pinned ({requirement}); write {name}==<version> --hash=...", package)
        return
    pin = Pin(line.file, line.number, package, exact["version"], match["marker"] or "")
    yield pin
    yield from (line.fault(reason, package) for reason in _wrong_hashes(pin, options))


def _wrong_hashes(pin: Pin, options: list[str]) -> Iterator[str]:
    digests = [option.removeprefix("--hash").strip(" =") for option in options if option.startswith("--hash")]
    said = f"{pin.package}=={pin.version}"
    if not digests:
        yield f"{said} has no hash, so any file of that name would do; add --hash=sha256:..."
    for digest in digests:
        algorithm, _, hexadecimal = digest.partition(":")
        length = DIGEST_LENGTHS.get(algorithm)
        if length is None or not re.fullmatch(rf"[0-9a-f]{{{length}}}", hexadecimal):
            yield f"{said} has the hash {digest!r}, which no file can have; compile it again"


def _clashes(pins: list[Pin]) -> Iterator[PinFault]:
    """Pins of one package at other versions than an earlier file says. Two versions under two markers are no clash."""
    said: dict[str, dict[str, list[Pin]]] = {}
    for pin in pins:
        said.setdefault(pin.package, {}).setdefault(pin.file, []).append(pin)
    for package, files in said.items():
        first_file, first = next(iter(files.items()))
        for file, lines in files.items():
            here = f"{package} is pinned to {_versions(lines)}"
            if len({pin.version for pin in lines}) > len({pin.marker for pin in lines}):
                yield PinFault(file, lines[-1].line, package, f"{here} in one file")
            if _versions(lines) != _versions(first):
                yield PinFault(file, lines[0].line, package, f"{here} here and to {_versions(first)} in {first_file}")


def _versions(lines: list[Pin]) -> str:
    return " and ".join(sorted({pin.version for pin in lines}))
