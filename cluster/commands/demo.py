"""`python -m cluster demo`, and the other commands of the demonstration."""

from cluster.commands_demo import register

__all__ = ["register"]
