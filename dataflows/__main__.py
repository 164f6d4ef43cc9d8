"""Entry point of `python -m dataflows`; its commands are in `cluster`, which reads the settings."""

from cluster.command_line import run
from cluster.commands import dataflows

run(dataflows)
