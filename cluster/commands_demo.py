"""Adds the commands of the demonstration to the command line."""

from cluster.demo.command import register

__all__ = ["register"]
