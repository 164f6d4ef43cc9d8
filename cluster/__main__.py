"""Entry point of `python -m cluster`; each command is a module of `cluster.commands`."""

import sys

from cluster import commands
from cluster.command_line import run_app, with_commands

if __name__ == "__main__":
    run_app(with_commands(commands, *sys.argv[1:2]))
