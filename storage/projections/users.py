"""Projections of events about users: beside their own row only the cached user follows from them.

Trends read them from the log.
"""

from domain.events import UserReinstated, UserSuspended
from storage import keys
from storage.projections.projection import Projection, nothing

USER_SUSPENDED: Projection[UserSuspended] = Projection(rows=nothing, invalidates=lambda event: (keys.user(event.user),))
USER_REINSTATED: Projection[UserReinstated] = Projection(
    rows=nothing, invalidates=lambda event: (keys.user(event.user),)
)
