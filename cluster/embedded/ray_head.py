"""`ray start` without what a head of ours never uses; runs in place of the command `ray`.

The command loads the command lines of Serve, of jobs and of the state API first, which takes a second, and has no
option to leave out the server for `ray://` clients, which takes another.
"""

import sys

_UNUSED = ("ray.serve.scripts", "ray.dashboard.modules.job.cli", "ray.util.state.state_cli")


def main() -> None:
    for name in _UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]  # not to be imported: Ray then goes without it
    from ray.scripts import scripts

    vars(scripts)["get_ray_client_dependency_error"] = lambda: ImportError("not wanted")
    scripts.cli()


if __name__ == "__main__":
    main()
