"""The commands of `python -m cluster`, one module each, found by this folder; `dataflows/` has those of that package.

A module adds its command by a function `register(app: typer.Typer)`. Exit codes: 0 done (for `status`: all green),
1 failed or not all green, 2 bad usage or settings, 3 already running.
"""
