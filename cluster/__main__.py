"""Entry point of `python -m cluster`; each command is a module of `cluster.commands`."""

from cluster import commands
from cluster.command_line import command_line, run_app

if __name__ == "__main__":
    run_app(
        command_line(
            "python -m cluster",
            "Start, stop and inspect a Murmur system. Settings are read from MURMUR_* environment variables.",
            commands,
        )
    )
