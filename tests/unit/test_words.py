"""One word for each concept: words that were replaced stay away, and docstrings name the thing or the act."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.test_tidy import ROOT, product_files, tracked_files

REPLACED = {
    # A pattern, and the word of docs/glossary.md to use instead.
    r"\b_?[Dd]oubt(?:s|ed|ing|ful)?\b|DOUBTED": "StalenessGuard, suspect",
    r"\bSETTLED\b|\b_settle\b|\bsettle\.lua\b": "applied watermark, compact",
    r"\b(?:lay|lays|laid)[ _](?:over|upon)\b": "merge",
    r"\b_?Told\b|\b_told\b": "RecentEvent",
    r"\bLogTail\b|\b_?Tail\b": "LogEnd, RecentEvents",
    r"\bPositionStore\b|\bNOWHERE\b": "OffsetStore, BEGINNING",
    r"\bBORN\b|\bread_mark\b|\bset_mark\b": "DATA_CREATED_AT, checkpoint",
    r"\bstorage[./]wanted\b|\bdef (?:wanted|lacking)\b": "desired state, unmet",
    r"\bToggle\w*|\b_?[a-z_]*toggle\w*": "Relation, RelationState",
    r"\badd_switch\b|\b_switch\b|\bswitch(?:es|ed)?\b": "relation",
    r"\bEngagement\b": "Relation",
    r"\bsinces\b": "active_events",
    r"\b_?take_back\w*|\blost_rows\b": "remove_superseded",
    r"\beffects_of\b|\brecounts_of\b|\brows_of\(event": "Projection",
    r'(?<!\w)EDGES\b|\bedge="': "SAFEGUARDS",
    r"\b(?:newer_)?rivals\b": "newer_duplicates",
    r"\brecents\b": "author timeline",
    r"\btopics?\b": "feed",
    r"\bGivenUp\b|\bOutcome\.AGAIN\b": "RetryPolicy, Outcome.RETRY",
    r"\bRefreshed\b|\bbeside\(": "RefreshAhead, spawn_background",
    r"\basked_of_ray\b|\bplaced_on\b": "call_ray, node_affinity",
    r"\b_?Fleet\b|\bWatched\b|\b_Watch\b|\b_mind_assignment\b": "WorkerGroup, MonitoredActors, HealthRecord",
    r"\b_?insist(?:ing)?\(": "retry_until",
    r"\btake_(?:in|out)\b": "add, retract",
    r"\bIdNumbers\b|\beach_once\b|\bis_among\b": "IdInterner, unique_sorted, in_sorted",
    r"\bon_and_on\b|\bover_history\b|\bOVER_HISTORY\b": "run_continuously, backfill",
    r"\btruth\.[a-z]|\btruth =": "cassandra",
}
SUFFIXES = {".py", ".md", ".cql", ".lua", ".yml", ".yaml", ".toml", ".sh", ""}
HISTORY = re.compile(r"^(?:CHANGELOG|docs/decisions)")
LINK = re.compile(r"\((?:docs/)?decisions/[^)]*\)")
"""Records keep the words of their time, and so does what points at them."""
DATA = {"domain/reserved_names.py"}
RIDDLE = re.compile(r"(?:What|Whatever|Who|Whom|Whose|Where|When|Why|How|Whether|Which)\b")
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def words_to_replace(text: str) -> set[str]:
    """Words of a text that have been replaced, each with what to use instead."""
    found = ((pattern, use) for pattern, use in REPLACED.items())
    return {f"{match[0]}: use {use}" for pattern, use in found for match in re.finditer(pattern, LINK.sub("", text))}


def texts() -> Iterator[tuple[str, str]]:
    for path in tracked_files():
        name = str(path.relative_to(ROOT))
        if path.suffix in SUFFIXES and path != Path(__file__) and name not in DATA and not HISTORY.match(name):
            yield name, path.read_text()


def docstrings_of(source: str) -> Iterator[str]:
    """Docstrings of a module, and of its public classes, functions and attributes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Documented) and not getattr(node, "name", "").startswith("_"):
            yield ast.get_docstring(node) or ""
            strings = (part.value for part in node.body[1:] if isinstance(part, ast.Expr))
            yield from (
                made.value for made in strings if isinstance(made, ast.Constant) and isinstance(made.value, str)
            )


def riddles_in(source: str) -> list[str]:
    """Docstrings that open with a question instead of a name."""
    return [text.splitlines()[0] for text in docstrings_of(source) if RIDDLE.match(text)]


def test_no_word_that_was_replaced_is_used() -> None:
    assert {name: found for name, text in texts() if (found := words_to_replace(text))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "class Doubts:",
        "Redis is doubted",
        "a Toggle",
        'edge="seam"',
        "self._take_back(rows)",
        "def beside(work)",
        "the topic",
    ],
)
def test_a_word_that_was_replaced_is_found(text: str) -> None:
    assert words_to_replace(text)


def test_words_of_records_are_not_looked_for_in_links_to_them() -> None:
    assert not words_to_replace("[0023](decisions/0023-doubts-are-shared-and-laid-over.md), FOLLOWER_EDGES, its edge")


def test_docstrings_of_the_product_name_the_thing_or_the_act() -> None:
    found = {str(path.relative_to(ROOT)): riddles_in(path.read_text()) for path in product_files()}
    assert {name: riddles for name, riddles in found.items() if riddles} == {}


def test_a_riddle_is_found_and_a_plain_sentence_is_none() -> None:
    riddle, plain = 'def f():\n    """What it is."""\n', 'class A:\n    """A cache of what is."""\n'
    assert riddles_in(riddle) == ["What it is."]
    assert riddles_in('"""A module."""\nMAX = 3\n"""How many."""\n') == ["How many."]
    assert riddles_in(plain) == []
