"""`ray start` without what a head of ours never uses; runs in place of the command `ray`.

The command loads the command lines of Serve, of jobs and of the state API first, which takes a second, and has no
option to leave out the server for `ray://` clients, which takes another, and parts of the dashboard, each a process.
"""

import sys
from typing import Any

_UNUSED = ("ray.serve.scripts", "ray.dashboard.modules.job.cli", "ray.util.state.state_cli")
_DASHBOARD = "NodeHead,StateHead,ServeHead,ReportHead,JobHead"
"""The parts of it that show a system of ours; the dashboard does not start with a name that it does not know."""


def main() -> None:
    for name in _UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]  # not to be imported: Ray then goes without it
    from ray._private import services
    from ray.scripts import scripts

    start = services.start_ray_process

    def start_process(command: list[str], process_type: str, **named: Any) -> object:
        parts = [f"--modules-to-load={_DASHBOARD}"] if process_type == "dashboard" else []
        return start([*command, *parts], process_type, **named)

    vars(services)["start_ray_process"] = start_process
    vars(scripts)["get_ray_client_dependency_error"] = lambda: ImportError("not wanted")
    scripts.cli()


if __name__ == "__main__":
    main()
