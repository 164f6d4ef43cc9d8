"""Pull threshold: authors with too many followers to push to are pulled at read, until they have fewer for long."""

from collections.abc import Mapping

from domain.clock import Clock
from domain.ids import RANGES, UserId
from domain.limits import Limits
from domain.relations import FOLLOW
from storage.ports import Ports
from storage.ports.cache import ListKey, ListKind
from telemetry import metrics
from telemetry.logs import logger


class PullThreshold:
    """Moves authors into the pulled set when they are counted, and out of it after a time below the threshold."""

    def __init__(self, ports: Ports, clock: Clock, limits: Limits) -> None:
        self._ports = ports
        self._coordination = ports.coordination
        self._clock = clock
        self._limits = limits

    async def observe(self, followers: Mapping[UserId, int]) -> None:
        """Publish who has crossed the threshold, upwards or (provisionally) downwards."""
        if not followers:
            return
        pulled = await self._coordination.pulled()
        for author, count in followers.items():
            if count >= self._limits.pull_threshold:
                if author not in pulled:
                    metrics.SAFEGUARDS.record(safeguard="threshold_crossing")
                    logger().info("author is pulled from now on", author=author)
                    await self._coordination.set_pulled(author, self._clock.now_ms())
                elif await self._coordination.checkpoint(_below(author)):
                    await self._coordination.set_checkpoint(_below(author), 0)
            elif author in pulled and not await self._coordination.checkpoint(_below(author)):
                await self._coordination.set_checkpoint(_below(author), self._clock.now_ms())

    async def release(self) -> None:
        """Let authors who stayed below the threshold long enough be pushed again.

        In two turns, so that a reader always finds a tweet one way or the other: first they are pushed *and* pulled
        (a time in the future says so); when every process knows, their followers' timelines are unlinked, as these
        lack what was only pulled, and then they are pulled no more.
        """
        now_ms = self._clock.now_ms()
        for author, since_ms in (await self._coordination.pulled()).items():
            below_ms = await self._coordination.checkpoint(_below(author))
            if not below_ms or now_ms - below_ms < self._limits.pulled_leave_ms:
                continue
            both_ms = 2 * self._limits.pulled_leave_ms
            if since_ms <= now_ms:
                await self._coordination.set_pulled(author, now_ms + both_ms)
            elif now_ms >= since_ms - both_ms + self._limits.pulled_grace_ms:
                await self._unlink_followers(author)
                await self._coordination.set_pulled(author, None)
                await self._coordination.set_checkpoint(_below(author), 0)

    async def _unlink_followers(self, author: UserId) -> None:
        followers = (await self._ports.relations.sources_in(FOLLOW, author, range(RANGES))).tolist()
        for at in range(0, len(followers), self._limits.slice_followers_max):
            some = followers[at : at + self._limits.slice_followers_max]
            await self._ports.cache.unlink([ListKey(ListKind.HOME, UserId(user)) for user in some])


def _below(author: int) -> str:
    """The checkpoint of when an author fell below the threshold; 0 when that is over."""
    return f"below-threshold:{author}"
