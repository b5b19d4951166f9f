"""Whether a candidate is still what its declaration and data would give, and if not, what is different, in words."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from towpath.core.errors import TowpathError
from towpath.data import pull
from towpath.data.history import FILE as HISTORY
from towpath.declare.data import Packaged, Source
from towpath.declare.service import Service
from towpath.training import candidate
from towpath.training.candidate import Candidate
from towpath.training.describe import files_digest
from towpath.training.inputs import Inputs, read_inputs, read_inputs_file, with_params
from towpath.training.place import Place

SAID = {
    "fields": "the record changed",
    "answer": "the answer changed",
    "derived": "the derived columns changed",
    "target": "the target changed",
    "metrics": "the metrics changed",
    "gates": "the gates changed",
    "style": "the style changed",
    "rules": "the quality rules changed",
}
SHOWN = 5  # parameters; of more the number is told


def check(service: Service, place: Place) -> tuple[Candidate | None, list[str]]:
    """The newest candidate, and what would be different if it were trained again with its own seed and parameters."""
    newest = candidate.newest(place.candidates, service.name)
    if newest is None:
        return None, ["it has no candidate yet"]
    then = inputs_of(place.candidates, service.name)
    if then is None:
        return newest, ["it does not say what it was made of"]
    try:
        again = with_params(service, newest.params) if newest.params else service
        return newest, changes(then, read_inputs(again, files_at_hand(again, place), seed=newest.seed))
    except TowpathError as error:
        return newest, [f"it could not be trained again: {error}"]


def is_untouched(found: Candidate, code: Path) -> bool:
    """Whether nothing in the service's folder can have changed it, known without loading the service."""
    return files_digest(code) == found.code and not (code / HISTORY).is_file()


def files_at_hand(service: Service, place: Place) -> list[pull.Pulled]:
    """The declared files and whether they could be had, without reading or bringing any."""
    here = isinstance(service.data.reads, Packaged)
    return [
        pull.Pulled(source.name, source.sha256, "stored" if here or _is_there(source, place) else "missing")
        for source in service.data.reads.sources
    ]


def _is_there(source: Source, place: Place) -> bool:
    return bool(source.sha256) and (place.objects.has(source.sha256) or bool(pull.places(source.name, place.folders)))


def changes(then: Inputs, now: Inputs) -> list[str]:
    """What is different, one sentence each, most telling first; nothing where a training would give the same."""
    return [
        *_data(then.data, now.data),
        *_estimator(then, now),
        *_declared(then.declared, now.declared),
        *([f"the seed changed ({then.seed} -> {now.seed})"] if then.seed != now.seed else []),
        *_libraries(then.libraries, now.libraries),
        *(f"it cannot be known whether it changed: {reason}" for reason in now.unstable.values()),
    ]


def since_newest(candidates: Path, service: str, now: Inputs) -> list[str]:
    """What changed since the newest candidate was trained; nothing where there is none that tells."""
    then = inputs_of(candidates, service)
    return changes(then, now) if then else []


def inputs_of(candidates: Path, service: str) -> Inputs | None:
    """What the newest candidate was made of, if it can be read."""
    try:
        newest = candidate.newest(candidates, service)
        path = candidates / service / str(newest.number) / candidate.INPUTS if newest else None
        return read_inputs_file(path.read_bytes(), str(path)) if path and path.is_file() else None
    except (TowpathError, OSError):
        return None


def _data(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if then == now:
        return
    if "generator" in then and "files" in now:
        yield "the real data is there now; it was trained on generated rows"
    elif "files" in then and "generator" in now:
        yield "the real data is not there any more"
    elif "files" in then and then["files"] != now["files"]:
        for name in sorted({*then["files"], *now["files"]}):
            was, is_ = then["files"].get(name), now["files"].get(name)
            if was != is_:
                yield f"the data changed: {name} is {_short(is_)}, it was {_short(was)}"
    else:
        yield "the way the data is read or generated changed"


def _estimator(then: Inputs, now: Inputs) -> Iterator[str]:
    if then.estimator == now.estimator:
        return
    if kinds := list(_kinds(then.estimator, now.estimator)):
        yield f"the estimator changed ({', '.join(kinds)})"
        return
    found = [name for name in sorted({*then.params, *now.params}) if then.params.get(name) != now.params.get(name)]
    told = [f"{name} {_value(then.params, name)} -> {_value(now.params, name)}" for name in found]
    more = [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    yield (
        f"the estimator changed ({', '.join(told[:SHOWN] + more)})"
        if told
        else "the estimator's own code changed, or a library it uses"
    )


def _kinds(then: Any, now: Any) -> Iterator[str]:
    """Estimators that another class took the place of, the outermost of each; their parameters say nothing then."""
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for was, is_ in zip(then, now, strict=True):
            yield from _kinds(was, is_)
    elif isinstance(then, dict) and isinstance(now, dict) and "a" in then and "a" in now:
        if then["a"] != now["a"]:
            yield f"{_class(then)} -> {_class(now)}"
            return
        of_then, of_now = then.get("with", {}), now.get("with", {})
        for name in sorted({*of_then} & {*of_now}):
            yield from _kinds(of_then[name], of_now[name])


def _class(description: Mapping[str, Any]) -> str:
    return str(description["a"]).rpartition(".")[2]


def _declared(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*then, *now} - {"sliced", "params"}):
        if then.get(name) != now.get(name):
            yield SAID.get(name, f"the {name} changed")


def _libraries(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*then, *now}):
        if then.get(name) != now.get(name):
            yield f"{name} changed ({then.get(name, 'none')} -> {now.get(name, 'none')})"


def _value(params: Mapping[str, Any], name: str) -> str:
    return repr(params[name]) if name in params else "nothing"


def _short(sha256: str | None) -> str:
    return f"sha256 {sha256[:12]}" if sha256 else "not there"
