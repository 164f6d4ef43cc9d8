"""The texts that are posted: a file of lines or of NDJSON."""

from dataclasses import dataclass
from pathlib import Path

import orjson

from cluster.errors import ClusterError
from domain.errors import Invalid
from domain.texts import parsed


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a file that may be posted, as they are kept, in order; and how many may not."""

    kept: tuple[str, ...]
    skipped: int


def read_texts(path: Path) -> Texts:
    """Read a file. Raises `ClusterError` when it cannot be read or holds nothing that may be posted."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as failure:
        raise ClusterError(f"{path} cannot be read: {failure}.") from failure
    kept: list[str] = []
    skipped = 0
    for line in filter(str.strip, lines):
        try:
            kept.append(parsed(_text_of(line)).text)
        except Invalid:
            skipped += 1
    if not kept:
        raise ClusterError(f"{path} holds no text that may be posted.")
    return Texts(tuple(kept), skipped)


def _text_of(line: str) -> str:
    if line.lstrip().startswith("{"):
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            return line  # a text that begins with a brace
        if isinstance(found, dict) and isinstance(found.get("text"), str):
            return str(found["text"])
    return line
