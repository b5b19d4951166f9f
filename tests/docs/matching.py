"""Whether output is what a page states: word for word, but for what differs from run to run."""

import re

# Each kind of thing that differs between machines, days and data sets, as a page may show an example of it.
DIFFERS = (
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?Z?",  # a time
    r"(?=[0-9a-f]*\d)[0-9a-f]{12,64}",  # an id or a digest
    r"[0-9a-f]{10}-[0-9a-f]+",  # a request id
    r"\d+(?:\.\d+)? [kM]?B",  # a size
    r"-?\d+(?:\.\d+(?:e[+-]\d+)?|e[+-]\d+)",  # a measurement
)
EXAMPLE = re.compile("|".join(f"(?:(?<![\\w.]){kind}(?![\\w]))" for kind in DIFFERS))
ANYTHING = "..."


def differs(stated: str, given: str) -> str | None:
    """The first line stated that the output does not have in its place, or the first it has too many; None if all fit.

    In a page `...` stands for anything in its line, and alone in a line for any number of lines. An example of a time,
    an id, a size or a number with decimals stands for every other of its kind.
    """
    wanted, lines = stated.strip().splitlines(), [line.rstrip() for line in given.strip().splitlines()]
    place = 0
    for number, line in enumerate(wanted):
        if line.strip() == ANYTHING:
            place = _skip_to(wanted[number + 1 :], lines, place)
        elif place < len(lines) and fits(line, lines[place]):
            place += 1
        else:
            return f"the page says {line!r}, but it is {lines[place] if place < len(lines) else 'the end'!r}"
    return None if place == len(lines) else f"the page ends, but the output goes on: {lines[place]!r}"


def fits(stated: str, given: str) -> bool:
    parts = [_pattern(part) for part in stated.rstrip().split(ANYTHING)]
    return re.fullmatch(".*".join(parts), given) is not None


def _pattern(text: str) -> str:
    """A regular expression for the text, each example in it standing for its kind; columns may be wider or narrower."""
    found, at = [], 0
    for match in EXAMPLE.finditer(text):
        found += [_spaced(text[at : match.start()]), _kind_of(match[0])]
        at = match.end()
    return "".join([*found, _spaced(text[at:])])


def _kind_of(example: str) -> str:
    return next(f"(?:{kind})" for kind in DIFFERS if re.fullmatch(kind, example))


def _spaced(text: str) -> str:
    return " +".join(re.escape(part) for part in re.split(" +", text))


def _skip_to(rest: list[str], lines: list[str], place: int) -> int:
    """Where the next stated line is found; the end where nothing more is stated."""
    following = [i for i in range(place, len(lines)) if rest and fits(rest[0], lines[i])]
    return following[0] if following else len(lines)
