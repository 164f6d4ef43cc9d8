"""The commands of `python -m cluster`: each module adds the one that it is named after to `app`.

Exit codes: 0 done (for `status`: all green), 1 failed or not all green, 2 bad usage or settings, 3 already running.
"""

import typer

app = typer.Typer(
    name="python -m cluster",
    help="Start, stop and inspect a Murmur system. Settings are read from MURMUR_* environment variables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.callback()(lambda: None)  # so that a single command is named too
