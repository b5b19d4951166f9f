"""What two contracts mean for a client: each change with what it breaks or adds, and the smallest SemVer step.

breaking  a request that was answered may be refused, or a reply no longer has the shape that was promised
additive  everything that worked goes on to work; there is something more
none      words for people
"""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from towpath.core.answer import Band, Constant, Contributions, Item, answer_schema
from towpath.core.contract import Contract, Field
from towpath.core.style import Style

Kind = Literal["breaking", "additive", "none"]
Step = Literal["major", "minor", "patch"]
STEPS: dict[Kind, Step] = {"breaking": "major", "additive": "minor", "none": "patch"}


class Change(Struct, frozen=True, forbid_unknown_fields=True):
    """One difference: where, what it is for a client, and in words."""

    path: str
    kind: Kind
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.path} {self.words}"


def contract_diff(old: Contract, new: Contract) -> tuple[Change, ...]:
    """Every change from the old contract to the new one, those that break something first."""
    found = [*_record(old, new), *_task(old, new), *_answer(old, new), *_style(old.style, new.style), *_words(old, new)]
    order: list[Kind] = ["breaking", "additive", "none"]
    return tuple(sorted(found, key=lambda change: order.index(change.kind)))


def smallest_step(changes: tuple[Change, ...]) -> Step:
    """What a version must be raised by at least: major where anything breaks, minor where anything was added."""
    kinds = {change.kind for change in changes}
    return next((step for kind, step in STEPS.items() if kind in kinds), "patch")


def _record(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = ({field.name: field for field in contract.record} for contract in (old, new))
    for name in after.keys() - before.keys():
        required = after[name].required
        words = "is new and must be sent" if required else "is new and may be left out"
        yield Change(f"record.{name}", "breaking" if required else "additive", words)
    for name in before.keys() - after.keys():
        words = (
            "is gone; requests that send it are refused" if new.strict else "is gone; where it is sent it is ignored"
        )
        yield Change(f"record.{name}", "breaking" if new.strict else "additive", words)
    for name in before.keys() & after.keys():
        yield from _field(f"record.{name}", before[name], after[name])
    if old.strict != new.strict:
        words = "unknown fields are refused now" if new.strict else "unknown fields are ignored now"
        yield Change("record", "breaking" if new.strict else "additive", words)


def _field(path: str, old: Field, new: Field) -> Iterator[Change]:
    if old.type != new.type:
        wider = (old.type, new.type) == ("integer", "number")
        yield Change(path, "additive" if wider else "breaking", f"was {old.type}, is {new.type}")
    if old.names != new.names:
        yield Change(path, "breaking", f"has other positions: {', '.join(new.names) or 'none'}")
    if old.required != new.required:
        yield Change(path, *(("breaking", "must be sent now") if new.required else ("additive", "may be left out now")))
    elif not new.required and old.default != new.default:
        yield Change(path, "additive", f"left out it was {old.default!r}, is {new.default!r}")
    if old.nullable != new.nullable:
        yield Change(path, *(("additive", "may be null now") if new.nullable else ("breaking", "may not be null now")))
    yield from _choices(path, old, new)
    yield from _limits(path, old, new)
    if old.role != new.role:
        yield Change(path, "additive", f"was in the role {old.role}, is {new.role}")


def _choices(path: str, old: Field, new: Field) -> Iterator[Change]:
    if old.choices and not new.choices:
        yield Change(path, "additive", "takes any value now")
    elif new.choices and not old.choices:
        yield Change(path, "breaking", f"takes only {_listed(new.choices)} now")
    elif gone := [choice for choice in old.choices if choice not in new.choices]:
        yield Change(path, "breaking", f"no longer takes {_listed(gone)}")
    if added := [choice for choice in new.choices if old.choices and choice not in old.choices]:
        yield Change(path, "additive", f"also takes {_listed(added)}")


def _limits(path: str, old: Field, new: Field) -> Iterator[Change]:
    """A limit that lets through less breaks; one that lets through more adds. Of a pattern nobody can tell."""
    for words, before, after in (
        ("from", _lowest(old), _lowest(new)),
        ("up to", _highest(old), _highest(new)),
        ("length from", (old.min_length or 0,), (new.min_length or 0,)),
        ("length up to", _shortest(old), _shortest(new)),
    ):
        if before != after:
            narrower = after > before  # each end is written so that more is narrower
            yield Change(path, "breaking" if narrower else "additive", f"is {'narrower' if narrower else 'wider'}: "
                         f"{words} {_end(before)} before, {_end(after)} now")  # fmt: skip
    if old.pattern != new.pattern:
        kind: Kind = "additive" if new.pattern is None else "breaking"
        yield Change(path, kind, f"has the pattern {new.pattern}" if new.pattern else "has no pattern any more")


End = tuple[float, ...]
"""How narrow one end of a range is; of two ends at one number the one that excludes it is narrower."""

INFINITE = float("inf")


def _lowest(field: Field) -> End:
    if field.gt is not None:
        return (field.gt, 1.0)
    return (field.ge, 0.0) if field.ge is not None else (-INFINITE, 0.0)


def _highest(field: Field) -> End:
    if field.lt is not None:
        return (-field.lt, 1.0)
    return (-field.le, 0.0) if field.le is not None else (-INFINITE, 0.0)


def _shortest(field: Field) -> End:
    return (-field.max_length,) if field.max_length is not None else (-INFINITE,)


def _end(end: End) -> str:
    if abs(end[0]) == INFINITE:
        return "any"
    return f"{abs(end[0]) if end[0] else 0:g}" + (" (excluded)" if end[1:] == (1.0,) else "")


def _task(old: Contract, new: Contract) -> Iterator[Change]:
    if old.task.kind != new.task.kind:
        yield Change("target", "breaking", f"was {old.task.kind}, is {new.task.kind}")
    elif old.task.classes != new.task.classes:
        yield Change("target.classes", "breaking", f"were {_listed(old.task.classes)}, are {_listed(new.task.classes)}")
    if old.task.target != new.task.target:
        yield Change("target", "none", f"is called {new.task.target}, was {old.task.target}")


def _answer(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = ({entry.name: entry.item for entry in contract.answer} for contract in (old, new))
    for name in after.keys() - before.keys():
        yield Change(f"answer.{name}", "additive", "is new")
    for name in before.keys() - after.keys():
        yield Change(f"answer.{name}", "breaking", "is gone")
    for name in before.keys() & after.keys():
        if before[name] != after[name]:
            yield _entry(f"answer.{name}", before[name], after[name], old.task.classes, new.task.classes)


def _entry(path: str, old: Item, new: Item, classes: tuple[str, ...], new_classes: tuple[str, ...]) -> Change:
    """The meaning must stay and the shape must stay; rounding, edges and how many are listed may change."""
    old_word, new_word = _word(old), _word(new)
    if old_word != new_word:
        return Change(path, "breaking", f"was {old_word}, is {new_word}")
    same_shape = isinstance(new, Constant) or answer_schema(old, classes) == answer_schema(new, new_classes)
    if not same_shape:
        return Change(path, "breaking", f"{new_word} has another shape")
    if isinstance(new, Band | Contributions | Constant):
        return Change(path, "additive", f"{new_word} says it by other numbers")
    return Change(path, "additive", f"{new_word} is rounded or worded otherwise")


def _word(item: Item) -> str:
    """`probability of churn`, `contributions in probability`: what is said, whatever its shape."""
    given = msgspec.to_builtins(item)
    about = f" of {given['of']}" if "of" in given else ""
    return f"{given['give']}{about}" + (f" in {item.space}" if isinstance(item, Contributions) else "")


def _style(old: Style, new: Style) -> Iterator[Change]:
    if old.errors != new.errors:
        yield Change("style.errors", "breaking", f"were {old.errors}'s, are {new.errors}'s")
    if old.messages != new.messages:
        yield Change("style.messages", "none", "error texts are worded otherwise")
    if old.numeric_strings != new.numeric_strings:
        words = "numbers may come as strings" if new.numeric_strings else "numbers may no longer come as strings"
        yield Change("style.numeric_strings", "additive" if new.numeric_strings else "breaking", words)
    if old.home != new.home:
        yield _shape("style.home", msgspec.to_builtins(old.home), msgspec.to_builtins(new.home))
    yield from _health(old, new)
    yield from _batch(old, new)


def _shape(path: str, old: Any, new: Any) -> Change:
    """Another kind of home is another reply; another text in it is words."""
    same = (old or {}).get("home") == (new or {}).get("home") and set(old or {}) == set(new or {})
    return Change(path, "none" if same else "breaking", "says something else" if same else "is another reply")


def _health(old: Style, new: Style) -> Iterator[Change]:
    gone = [name for name in old.health.fields if name not in new.health.fields]
    added = [name for name in new.health.fields if name not in old.health.fields]
    if gone or old.health.word != new.health.word:
        yield Change("style.health", "breaking", f"no longer says {_listed(gone or [old.health.word])}")
    if added:
        yield Change("style.health", "additive", f"also says {_listed(added)}")


def _batch(old: Style, new: Style) -> Iterator[Change]:
    if old.batch.field != new.batch.field:
        yield Change("style.batch.field", "breaking", f"was {old.batch.field}, is {new.batch.field}")
    if old.batch.max != new.batch.max:
        kind: Kind = "additive" if new.batch.max > old.batch.max else "breaking"
        yield Change("style.batch.max", kind, f"was {old.batch.max} records, is {new.batch.max}")
    before, after = ({entry.name: entry.item for entry in style.batch.reply} for style in (old, new))
    for name in after.keys() - before.keys():
        yield Change(f"style.batch.reply.{name}", "additive", "is new")
    for name in before.keys() - after.keys():
        yield Change(f"style.batch.reply.{name}", "breaking", "is gone")
    for name in before.keys() & after.keys():
        if before[name] != after[name]:
            yield Change(f"style.batch.reply.{name}", "breaking", "says something else")


def _words(old: Contract, new: Contract) -> Iterator[Change]:
    if (old.title, old.description) != (new.title, new.description):
        yield Change("title", "none", "title or description is worded otherwise")
    for field in new.record:
        before = next((one for one in old.record if one.name == field.name), None)
        if before and before.description != field.description:
            yield Change(f"record.{field.name}", "none", "is described otherwise")


def _listed(values: Any) -> str:
    return ", ".join(map(str, values))
