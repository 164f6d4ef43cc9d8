"""The commands of `python -m cluster`: each module adds its own to `app`. Those of `python -m dataflows` lie below.

Exit codes: 0 done (for `status`: all green), 1 failed or not all green, 2 bad usage or settings, 3 already running.
"""

from cluster.command_line import command_line

app = command_line(
    "python -m cluster",
    "Start, stop and inspect a Murmur system. Settings are read from MURMUR_* environment variables.",
)
