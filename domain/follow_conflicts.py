"""Conflicts between a follow, a request and a block, which racing commands may leave, and which of them gives way.

Every command checks before it commits, so of two that race both may pass. A block ends what is beside it, a follow ends
the request beside it, and a request to an account that is private no longer becomes a follow.
"""

from enum import Enum
from typing import NamedTuple

from domain.relations import RelationState


class Resolution(Enum):
    """The one thing that is to be done next."""

    NOTHING = 0
    UNFOLLOW = 1
    END_REQUEST = 2
    APPROVE = 3


class Between(NamedTuple):
    """State between a user and somebody whom they follow or asked to."""

    follow: RelationState
    request: RelationState
    blocked: bool
    """True if either blocks the other."""
    private: bool
    """True if the other's account is."""

    @property
    def resolution(self) -> Resolution:
        """The one thing that gives way first."""
        if self.blocked and self.follow.active:
            return Resolution.UNFOLLOW
        if self.request.active:
            if self.blocked or self.follow.active:
                return Resolution.END_REQUEST
            if not self.private:
                return Resolution.APPROVE
        return Resolution.NOTHING
