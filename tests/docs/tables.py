"""The parts of pages that are made from the code: one function for each, by the name that its marker bears."""

import copy
import inspect
import json
import re
import typing
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click
import msgspec

from tests.docs import racing
from tests.docs.pages import ROOT
from towpath import declare
from towpath.cli.commands import NOUNS, VERBS, towpath
from towpath.cli.session import everywhere
from towpath.core import errors
from towpath.core.answer import BatchItem, Item
from towpath.core.contract import Contract, Field, Task
from towpath.core.errors import Exit
from towpath.core.faults import look_again
from towpath.core.replies import refuse_record, refuse_request
from towpath.core.style import Style
from towpath.declare import features, gates
from towpath.declare.metrics import MetricKind
from towpath.serving import access, head, predict, service
from towpath.serving.exchange import Refusal
from towpath.serving.limits import Limits
from towpath.serving.options import OPTIONS
from towpath.training.compile.bayes import BAYES
from towpath.training.compile.boosted import BOOSTED
from towpath.training.compile.boosters import BOOSTERS
from towpath.training.compile.calibrated import CALIBRATED
from towpath.training.compile.lines import LINEAR, PLANES
from towpath.training.compile.model import WRAPPERS
from towpath.training.compile.outermost import THRESHOLDED
from towpath.training.compile.preprocess import TRANSFORMERS
from towpath.training.compile.stacking import STACKING
from towpath.training.compile.target import TARGETS
from towpath.training.compile.text import VECTORIZERS
from towpath.training.compile.text_heads import HEADS
from towpath.training.compile.trees import TREES
from towpath.training.compile.voting import VOTING


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def sentence(thing: object) -> str:
    """The docstring of one of ours as one line, up to its first empty line."""
    return " ".join(inspect.cleandoc(inspect.getdoc(thing) or "").split("\n\n")[0].split())


def signature(function: Callable[..., object]) -> str:
    """How a user writes it: `probability(of, *, round=None)`"""
    given = inspect.signature(function).parameters.values()
    plain = inspect.Signature([parameter.replace(annotation=inspect.Parameter.empty) for parameter in given])
    return function.__name__ + re.sub(r"<class '(\w+)'>", r"\1", str(plain))


def answer_table() -> str:
    """Every word of the answer vocabulary, told by the record that it makes."""
    return table(("write", "gives"), _answer_rows(typing.get_args(Item)))


def batch_table() -> str:
    own = [kind for kind in typing.get_args(BatchItem) if kind not in typing.get_args(Item)]
    return table(("write", "gives"), _answer_rows(own))


def _answer_rows(kinds: Iterable[type[msgspec.Struct]]) -> list[tuple[str, str]]:
    words = [(str(kind.__struct_config__.tag), kind) for kind in kinds]
    return [(f"`{signature(getattr(declare, word))}`", sentence(kind)) for word, kind in words]


METRICS = {"value": "value_of"}  # metrics by their kind, where they are written otherwise


def metric_table() -> str:
    return _written("measures", *(getattr(declare, METRICS.get(kind, kind)) for kind in typing.get_args(MetricKind)))


def gate_table() -> str:
    made = {declare.at_least: gates.Limit, declare.at_most: gates.Limit, declare.slices: gates.Slices}
    made |= {declare.no_worse_than_champion: gates.Champion, declare.fair: gates.Fair}
    return table(("write", "holds"), [(f"`{signature(word)}`", sentence(kind)) for word, kind in made.items()])


def space_table() -> str:
    return _written("lets be tried", declare.whole, declare.real, declare.choice, declare.search)


def rule_table() -> str:
    made = (declare.at_least_rows, declare.between, declare.unique, declare.share_missing, declare.minority_share,
            declare.no_duplicates)  # fmt: skip
    return table(
        ("write", "asks"),
        [(f"`{signature(word)}`", sentence(inspect.signature(word).return_annotation)) for word in made],
    )


def target_table() -> str:
    return _written("predicts", declare.binary, declare.multiclass, declare.regression)


def data_table() -> str:
    return _written("means", declare.csv, declare.lines, declare.packaged)


def split_table() -> str:
    return _written("means", declare.stratified, declare.random)


def _written(does: str, *made: object) -> str:
    return table(("write", does), [(f"`{signature(one)}`", sentence(one)) for one in made])


def feature_table() -> str:
    return _written("gives", *features.VOCABULARY)


def estimator_table() -> str:
    """What the compiler's own tables hold, so that the page can promise neither more nor less."""
    boosters = ", ".join(f"`{name}`" for _, name in BOOSTERS)
    rows = [
        ("trees", _names((*TREES, *BOOSTED))),
        ("of other libraries", f"{boosters}, with `towpath[boosting]`"),
        ("linear models", _names(LINEAR)),
        ("probabilities by class, and dummies", _names(BAYES)),
        ("made of other estimators", _names((*VOTING, *STACKING, *CALIBRATED, *TARGETS))),
        ("inside a calibration or a stack", _names(kind for kind in PLANES if kind not in LINEAR)),
        ("that choose or keep another one", _names(kind for kind in WRAPPERS if kind not in THRESHOLDED)),
        ("that keep another one, inside others only", _names(THRESHOLDED)),
        ("before them", _names(TRANSFORMERS)),
        ("text", f"{_names(VECTORIZERS)}, then {_names(HEADS)}"),
    ]
    return table(("family", "scikit-learn classes"), rows)


def parity_table() -> str:
    """The last full run of bench/parity.py."""
    results = json.loads((ROOT / "bench" / "results" / "parity.json").read_text())["results"]
    titles = ("combination", "rows", "worst", "flips", "adds up", "graph kB", "explain kB", "us a row")
    return table(titles, [_parity_row(**result) for result in results])


def _parity_row(
    name: str, outcome: str, rows: int, worst: float, flips: int, additivity: float | None, graph_kb: float,
    explain_kb: float | None, row_us: float, refused: str,
) -> tuple[object, ...]:  # fmt: skip
    if refused:
        return (name, "refused", *[""] * 6)
    added = "no contributions" if additivity is None else f"{additivity:.0e}"
    explain = "" if explain_kb is None else f"{explain_kb:,.0f}"
    return name, f"{rows:,}", f"{worst:.0e}", flips, added, f"{graph_kb:,.0f}", explain, f"{row_us:.0f}"


def load_table() -> str:
    """The last full run of bench/load.py."""
    results = json.loads((ROOT / "bench" / "results" / "load.json").read_text())["results"]
    titles = ("asked by", "answered a second", "p50", "p95", "p99", "errors", "worker busy")
    return table(titles, [_load_row(one) for one in results])


def _load_row(one: dict[str, typing.Any]) -> tuple[object, ...]:
    asked = f"{one['rate']:,.0f} a second" if one["rate"] else f"{one['users']} user{'s' * (one['users'] > 1)}"
    latencies = [f"{one['latency_ms'][name]:.2f} ms" for name in ("p50", "p95", "p99")]
    return asked, f"{one['rps']:,.0f}", *latencies, sum(one["errors"].values()), f"{one['worker_processor_share']:.0%}"


def _names(kinds: Iterable[type]) -> str:
    return ", ".join(f"`{kind.__name__}`" for kind in kinds)


WIDTH = 100  # columns of help, as wide as the pages
LIMIT = re.compile(r"^    (\w+): \w+ = .+?  # (.+)$", re.MULTILINE)


def limit_table() -> str:
    """The limits of the edge, each with the reason that stands beside it in the code."""
    reasons = dict(LIMIT.findall(inspect.getsource(Limits)))
    values = msgspec.structs.asdict(Limits()).items()
    return table(("limit", "value", "why"), [(f"`{name}`", f"{value:,}", reasons[name]) for name, value in values])


def worker_option_table() -> str:
    rows = [(f"`{one.flag} {one.metavar}`", f"`{one.variable}`", f"`{one.name}`", one.about) for one in OPTIONS]
    return table(("flag", "variable", "in `[serve]`", "what for"), rows)


RESULTS = Path(__file__).resolve().parents[2] / "bench" / "results"


def last_runs() -> str:
    """What the long runs measured last; their scripts write it down."""
    return table(("what", "measured", "command", "date", "commit"), [_run(what, name) for what, name in RUNS.items()])


def _run(what: str, name: str) -> tuple[str, ...]:
    file = RESULTS / f"{name}.json"
    if not file.exists():
        return (what, "not run yet", f"`python bench/{name}.py`", "", "")
    run = msgspec.json.decode(file.read_bytes())
    return (what, MEASURED[name](run), f"`{run['command']}`", run["date"], f"`{run['commit']}`")


def _swapped(run: dict[str, typing.Any]) -> str:
    return (
        f"one worker: {run['failed']} failed of {run['requests']:,}; {run['swaps']:,} swaps, the last answer of the "
        f"revision before after {run['last_old_p99_ms']} ms (p99); memory {run['megabytes_before']} MB before, "
        f"{run['megabytes_after']} MB after"
    )


def _beaten(run: dict[str, typing.Any]) -> str:
    return (
        f"two workers: {run['failed']} failed of {run['requests']:,}; {run['swaps']:,} swaps, "
        f"{run['killed_workers']} killed workers, which took {run['lost_with_them']} requests with them, and as many "
        f"upgrades"
    )


def _grown(fits: dict[str, float]) -> str:
    memory, start = fits["megabytes_a_bundle"], 1e3 * fits["start_seconds_a_bundle"]
    return (
        f"each takes {memory:.2f} MB (R2 {fits['megabytes_r2']}) and {start:.0f} ms at the start "
        f"(R2 {fits['start_seconds_r2']})"
    )


def _swapped_among(row: dict[str, float]) -> str:
    return (
        f"of {row['bundles']} one is swapped in {row['warm_answered_ms']} ms, in {row['cold_answered_ms']} ms where it "
        f"must be loaded first"
    )


RUNS = {
    "bodies nobody should send": "fuzz",
    "idle and slow connections": "connections",
    "overload": "overload",
    "stops with stuck clients": "stops",
    "swaps, kills and upgrades under load": "soak",
    "many bundles in one worker": "routes",
}
MEASURED = {
    "fuzz": lambda run: (
        f"{run['in_process']['bodies']:,} in process and {run['over_http']['bodies']:,} over HTTP: "
        f"statuses {', '.join(run['in_process']['statuses'])} and {', '.join(run['over_http']['statuses'])}; "
        f"memory grew by {run['in_process']['growth']:.1%} and {run['over_http']['growth']:.1%}; "
        f"the most laborious body of the largest size took {run['longest_at_the_cap_ms']} ms"
    ),
    "connections": lambda run: (
        f"{run['idle']:,} idle and {run['slow']:,} slow: p99 {run['p99_among_ms']} ms, without them "
        f"{run['p99_alone_ms']} ms; {run['failed']} of {run['asked']:,} requests failed"
    ),
    "overload": lambda run: (
        f"{run['offered_per_second']:,.0f} batches a second where {run['peak_per_second']:,.0f} are the peak: "
        f"{run['goodput']:.0%} of the peak answered in time, {run['refused']:,} refused, well again after "
        f"{run['recovered_seconds']} s"
    ),
    "stops": lambda run: (
        f"{run['failed']} of {run['under_way']:,} requests under way failed in {run['stops']:,} stops, of which the "
        f"longest took {run['seconds_most']} s"
    ),
    "soak": lambda run: "; ".join([_swapped(run["swaps"]), _beaten(run["kills"])]),
    "routes": lambda run: "; ".join([_grown(run["fits"]), _swapped_among(run["results"][-1])]),
}


def refusal_table() -> str:
    """Every refusal that the edge and the services know, by status."""
    modules = (access, head, predict, service)
    found = {one.code: one for module in modules for one in vars(module).values() if isinstance(one, Refusal)}
    ordered = sorted(found.values(), key=lambda one: (one.status, one.code))
    return table(("status", "code", "message"), [(one.status, f"`{one.code}`", one.message) for one in ordered])


SENT = {"age": 17.5, "country": "Spain"}
EXAMPLE = (
    Field("age", "integer", ge=18),
    Field("country", "string", choices=("France", "Italy")),
    Field("income", "number"),
)


def error_shapes() -> str:
    """One record with three faults, as each style refuses it."""
    return f"Of a record such as `{_json(SENT)}`, for example:\n\n" + "\n\n".join(map(_error_shape, _styles()))


def _error_shape(style: Style) -> str:
    contract = Contract("example", EXAMPLE, Task("regression", "price"), (), style)
    status, body = refuse_record(style, look_again(contract, SENT)[1], "8c1f0e-2a")
    pretty = msgspec.json.format(msgspec.json.encode(body), indent=2).decode()
    return f"`{style.errors}` answers {status}:\n\n```json\n{pretty}\n```"


def _styles() -> list[Style]:
    return [
        Style(kind, numeric_strings=kind == "fastapi")
        for kind in typing.get_args(typing.get_type_hints(Style)["errors"])
    ]


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=-1).decode()


def refusal_shapes() -> str:
    """One refusal in the words of each style."""
    bodies = {style.errors: refuse_request(style, 404, "not_found", "Not Found", "8c1f0e-2a")[1] for style in _styles()}
    return table(("style", "body"), [(f"`{kind}`", f"`{_json(body)}`") for kind, body in bodies.items()])


def exit_table() -> str:
    return table(
        ("code", "name", "when"), [(code.value, code.name.lower().replace("_", " "), WHEN[code]) for code in Exit]
    )


WHEN = {
    Exit.DONE: "done as asked",
    Exit.FAILED: "the verdict is against it, or something unexpected happened",
    Exit.USAGE: sentence(errors.UsageError),
    Exit.WAITING: "waits for an approval",
    Exit.BLOCKED: sentence(errors.Blocked),
    Exit.ROLLED_BACK: "rolled back",
    Exit.CONFLICT: sentence(errors.Conflict),
    Exit.INCONCLUSIVE: "inconclusive, or held until a person decides",
    Exit.INFRASTRUCTURE: sentence(errors.InfrastructureError),
    Exit.NOT_PERMITTED: "not permitted",
    Exit.REFUSED: sentence(errors.VerificationRefused),
    Exit.TOO_NEW: sentence(errors.FormatTooNew),
    Exit.TIMED_OUT: "timed out, and still running; its id is printed",
    Exit.INTERRUPTED: "interrupted",
}


def command_pages() -> str:
    """The help of every command, verbs first, as it is printed."""
    context = click.Context(towpath, info_name="towpath", terminal_width=WIDTH)
    return "\n\n".join(_helps(context, [*VERBS, *NOUNS], "###"))


def _helps(parent: click.Context, names: Iterable[str], level: str) -> list[str]:
    """For each command its help, and below a noun those of its verbs."""
    assert isinstance(parent.command, click.Group)
    found = []
    for name in names:
        command = without_shared(parent.command.get_command(parent, name))
        context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH)
        found.append(f"{level} `{context.command_path}`\n\n```text\n{command.get_help(context).rstrip()}\n```")
        if isinstance(command, click.Group):
            found += _helps(context, command.list_commands(context), level + "#")
    return found


def without_shared(command: click.Command | None) -> click.Command:
    """The command without the options that every command has, which its page explains once."""
    shared = {option for one in everywhere() for option in one.opts}
    own = copy.copy(command)
    assert own is not None
    own.params = [one for one in own.params if not shared.intersection(one.opts)]
    return own


PARTS = {
    "answers": answer_table,
    "batch-answers": batch_table,
    "commands": command_pages,
    "data": data_table,
    "error-shapes": error_shapes,
    "estimators": estimator_table,
    "exit-codes": exit_table,
    "features": feature_table,
    "gates": gate_table,
    "last-runs": last_runs,
    "limits": limit_table,
    "load": load_table,
    "metrics": metric_table,
    "parity": parity_table,
    "refusals": refusal_table,
    "rules": rule_table,
    "search": space_table,
    "refusal-shapes": refusal_shapes,
    "splits": split_table,
    "targets": target_table,
    "worker-options": worker_option_table,
} | racing.PARTS
