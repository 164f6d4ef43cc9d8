"""Load from a process of its own, so that whoever measures does not slow down what is measured."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from cluster.embedded.ray_environment import ROOT
from cluster.settings import environment

_TIMEOUT_S = 120.0


def run(module: str, spec: dict[str, Any], more: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run `python -m module`, which reads a specification from its input and last prints an answer, both JSON.

    Its environment is this process's with `more`.
    """
    ran = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(spec),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**environment(), **(more or {})},
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert ran.returncode == 0, f"{module} failed: {ran.stderr[-2_000:]}"
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])  # workers that wait for each other say so before
    return answer


def answer(document: dict[str, Any]) -> None:
    """What the process prints at its end."""
    sys.stdout.write(json.dumps(document))


def specification() -> dict[str, Any]:
    """What the process was asked to do."""
    spec: dict[str, Any] = json.load(sys.stdin)
    return spec
