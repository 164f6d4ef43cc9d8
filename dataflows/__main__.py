"""Entry point of `python -m dataflows`; its commands are in `cluster`, which reads the settings."""

from cluster.command_line import command_line, run_app
from cluster.commands import dataflows

run_app(
    command_line(
        "python -m dataflows",
        "Dataflows over the events that a running system keeps. Settings are those of `python -m cluster`.",
        dataflows,
    )
)
