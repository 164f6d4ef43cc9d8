"""`python -m cluster demo`, and the other commands of the demonstration."""

from cluster.commands import app
from cluster.commands_demo import register

register(app)
