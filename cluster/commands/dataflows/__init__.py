"""The commands of `python -m dataflows`: dataflows over the history of a running system."""

from cluster.command_line import command_line

app = command_line(
    "python -m dataflows",
    "Dataflows over the events that a running system keeps. Settings are those of `python -m cluster`.",
)
