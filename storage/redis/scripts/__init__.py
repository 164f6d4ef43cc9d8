"""The Lua scripts, each in a file of its own; loaded once, sent by their hash."""

import hashlib
from pathlib import Path
from typing import Any, ClassVar

_FOLDER = Path(__file__).parent


class Script:
    """One script; a server that has forgotten it is sent the source again by the client."""

    sources: ClassVar[dict[str, str]] = {}
    """The sources of all by their hashes."""

    def __init__(self, name: str, *before: str) -> None:
        """Read `<name>.lua`, with the definitions of other files before it."""
        source = "\n".join((_FOLDER / f"{part}.lua").read_text() for part in (*before, name))
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        self.sources[self.sha] = source

    def call(self, keys: list[str], *arguments: str | bytes | int) -> tuple[Any, ...]:
        """The command that runs it."""
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)


BEGIN = Script("begin")
FINISH = Script("finish", "compact")
TRIM = Script("trim", "compact")
TOUCH = Script("touch")
FILL = Script("fill")
NOTE = Script("note")
CLAIM = Script("claim")
SAVE = Script("save")
TAKE = Script("take")
PUBLISH = Script("publish")
