"""Entry point of `python -m cluster`; each command is a module of `cluster.commands`."""

from cluster import commands
from cluster.command_line import run

if __name__ == "__main__":
    run(commands)
