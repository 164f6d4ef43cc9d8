"""`ray start` without what a head of ours never uses; runs in place of the command `ray`.

The command loads the command lines of Serve, of jobs and of the state API first, which takes a second, and has no
option to leave out the server for `ray://` clients, which takes another, and parts of the dashboard, each a process.
It waits for the dashboard before anything can run on it, which nobody else does.
"""

import sys
from threading import Thread
from typing import Any

_UNUSED = ("ray.serve.scripts", "ray.dashboard.modules.job.cli", "ray.util.state.state_cli")
_DASHBOARD = "NodeHead,StateHead,ServeHead,ReportHead,JobHead"
"""The parts of it that show a system of ours; the dashboard does not start with a name that it does not know."""
_NICENESS = "5"


def main() -> None:
    for name in _UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]  # not to be imported: Ray then goes without it
    from ray._private import services
    from ray.scripts import scripts

    start, start_dashboard = services.start_ray_process, services.start_api_server

    def start_process(command: list[str], process_type: str, **named: Any) -> object:
        if process_type == "dashboard" and "--disable-frontend" not in command:
            command = ["nice", "-n", _NICENESS, *command, f"--modules-to-load={_DASHBOARD}"]
        return start(command, process_type, **named)

    def start_dashboard_meanwhile(*args: Any, **named: Any) -> tuple[str, None]:
        Thread(target=start_dashboard, args=args, kwargs=named).start()  # the command ends after it
        return "", None

    vars(services)["start_ray_process"] = start_process
    vars(services)["start_api_server"] = start_dashboard_meanwhile
    vars(scripts)["get_ray_client_dependency_error"] = lambda: ImportError("not wanted")
    scripts.cli()


if __name__ == "__main__":
    main()
