"""Projections of events about users."""

from domain.events import UserReinstated, UserSuspended
from storage.projections.projection import Projection, nothing

USER_SUSPENDED: Projection[UserSuspended] = Projection(rows=nothing)
"""Its own row is all that is kept: trends read the event from the log."""
USER_REINSTATED: Projection[UserReinstated] = Projection(rows=nothing)
