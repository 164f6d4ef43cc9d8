"""Projections of events about users: beside their own row only the cached user follows from them.

Trends read them from the log.
"""

from domain.events import UserReinstated, UserSuspended
from storage import keys
from storage.projections.projection import Projection, nothing


def _profile(event: UserSuspended | UserReinstated) -> tuple[str]:
    return (keys.user(event.user),)


USER_SUSPENDED: Projection[UserSuspended] = Projection(rows=nothing, invalidates=_profile)
"""Its own row is all that is kept: trends read the event from the log."""
USER_REINSTATED: Projection[UserReinstated] = Projection(rows=nothing, invalidates=_profile)
