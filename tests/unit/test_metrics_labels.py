"""Every call that records a metric gives it the labels that it declares: a wrong one ends whoever counts."""

import ast
from collections.abc import Iterator, Mapping

import pytest

from telemetry import metrics
from tests.unit.test_tidy import ROOT, product_files

DECLARATIONS = ROOT / "telemetry/metrics.py"
Texts = set[str] | None
"""The texts that an expression may be; None if only those who run it know."""


def texts_of(node: ast.expr, constants: Mapping[str, Texts]) -> Texts:
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.Name(id=name):
            return constants.get(name)
        case ast.IfExp(body=one, orelse=other):
            parts = [one, other]
        case ast.Tuple(elts=parts):
            pass
        case _:
            return None
    found = [texts_of(part, constants) for part in parts]
    return None if None in found else {text for texts in found for text in texts or ()}


def labels_of(call: ast.Call, constants: Mapping[str, Texts]) -> dict[str | None, Texts]:
    """The labels that a call names; None among them stands for those of a mapping, which cannot be read."""
    return {given.arg: texts_of(given.value, constants) for given in call.keywords if given.arg != "value"}


def made_in(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """What a module's variables are given at its top, by their names."""
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def declared() -> dict[str, dict[str | None, Texts]]:
    """The labels of each metric, by the name of its variable, and their values where it lists them."""
    made = made_in(ast.parse(DECLARATIONS.read_text()))
    return {name: labels_of(value, {}) for name, value in made if isinstance(value, ast.Call) and name.isupper()}


def recorded(module: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """The calls of `METRIC.record` and `metrics.METRIC.record`, with the name of the metric."""
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name) | ast.Attribute(attr=name), attr="record")):
                if name.isupper():
                    yield name, node


def wrong_labels(source: str) -> Iterator[str]:
    """Sentences on the calls whose labels are not those of their metric, as far as they can be read."""
    module, known = ast.parse(source), declared()
    constants = {name: texts_of(value, {}) for name, value in made_in(module)}
    for name, call in recorded(module):
        given, wanted = labels_of(call, constants), known.get(name)
        if wanted is None:
            yield f"line {call.lineno}: no metric is named {name}"
        elif given.keys() != wanted.keys():
            yield f"line {call.lineno}: {name} takes {list(wanted)}, not {list(given)}"
        else:
            for label, texts in given.items():
                if strange := (texts or set()) - (wanted[label] or texts or set()):
                    yield f"line {call.lineno}: {name} knows no {label} {sorted(strange)}"


def test_every_call_gives_a_metric_the_labels_that_it_declares() -> None:
    found = {str(path.relative_to(ROOT)): list(wrong_labels(path.read_text())) for path in product_files()}
    assert {path: sentences for path, sentences in found.items() if sentences} == {}


def test_every_metric_is_declared_where_this_reads_and_recorded_where_this_looks() -> None:
    known = declared()
    assert len(known) == len(metrics.CATALOGUE)
    assert {name for path in product_files() for name, _ in recorded(ast.parse(path.read_text()))} == known.keys()


@pytest.mark.parametrize(
    ("planted", "why"),
    [
        ("EVENTS_HANDLED.record(len(events), flow='trends')", "EVENTS_HANDLED takes ['consumer'], not ['flow']"),
        ("metrics.EVENTS_HANDLED.record(1)", "EVENTS_HANDLED takes ['consumer'], not []"),
        ("metrics.FLOW_LATE.record(late, partition='0')", "FLOW_LATE takes [], not ['partition']"),
        ("metrics.EVENTS_APPENDED.record(**labels)", "EVENTS_APPENDED takes ['by'], not [None]"),
        ("metrics.SAFEGUARDS.record(safeguard='fenced')", "SAFEGUARDS knows no safeguard ['fenced']"),
        ("metrics.CACHE.record(kind=kind, outcome='hit' if found else 'lost')", "CACHE knows no outcome ['lost']"),
        ("_NAME = 'reconcile'\nmetrics.EVENTS_APPENDED.record(by=_NAME)", "EVENTS_APPENDED knows no by ['reconcile']"),
        ("metrics.FLOW_LAGS.record(1.0, partition='0')", "no metric is named FLOW_LAGS"),
    ],
)
def test_a_wrong_label_is_found(planted: str, why: str) -> None:
    (found,) = wrong_labels(planted)
    assert found.partition(": ")[2] == why
