"""Entry point of `python -m dataflows`; the command line is in `cluster`, which reads the settings."""

from cluster.dataflows_cli import main

main()
