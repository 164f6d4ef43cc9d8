"""Fan-out as arithmetic: deliveries in turn, watermarks, followers in memory, and pulled authors."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from domain.ids import Ids, UserId
from domain.timeline import NO_ENTRIES, Entries

NO_IDS: Ids = np.empty(0, dtype=np.uint64)


@dataclass(slots=True, eq=False)
class Job:
    """One entry on its way to an author's followers; `at` is the next follower's index."""

    entry: int
    original: int
    followers: Ids
    partition: int
    offset: str
    at: int = 0


@dataclass(slots=True, eq=False)
class Batch:
    """Deliveries to be written together: `followers[i]` gets `entries[i]`; `finished` jobs end with it."""

    followers: Ids
    entries: Entries
    finished: list[Job]


class Interleaver:
    """Takes turns: to a batch each job gives one slice of followers, then it goes to the back.

    So a tweet of an author with a million followers delays nobody else's by more than a slice, and a batch is small
    unless many tweets wait.
    """

    def __init__(self, slice_followers_max: int, batch_max: int) -> None:
        self._slice_max = slice_followers_max
        self._batch_max = batch_max
        self._jobs: deque[Job] = deque()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Put a job at the back."""
        self._jobs.append(job)

    def next_batch(self) -> Batch:
        """The next deliveries, a slice of each job and at most `batch_max`; empty when there are no jobs."""
        followers: list[Ids] = []
        entries: list[tuple[int, int]] = []
        finished: list[Job] = []
        room = self._batch_max
        for _ in range(len(self._jobs)):
            if not room:
                break
            job = self._jobs.popleft()
            part = job.followers[job.at : job.at + min(self._slice_max, room)]
            job.at += len(part)
            room -= len(part)
            followers.append(part)
            entries.append((job.entry, job.original))
            if job.at < len(job.followers):
                self._jobs.append(job)
            else:
                finished.append(job)
        if not followers:
            return Batch(NO_IDS, NO_ENTRIES, finished)
        repeated = np.repeat(np.array(entries, dtype=np.uint64), [*map(len, followers)], axis=0)
        return Batch(np.concatenate(followers), repeated, finished)


@dataclass(slots=True)
class Watermark:
    """The low watermark of one partition: the last offset up to which everything is done.

    Several records may share an offset (those caught up from the store do); it is done when all of them are.
    """

    done: str
    _pending: dict[str, int] = field(default_factory=dict)

    def begin(self, offset: str) -> None:
        """Note a record, in the order of the log, as being worked on."""
        self._pending[offset] = self._pending.get(offset, 0) + 1

    def finish(self, offset: str) -> None:
        """Note a record as done; the watermark moves past every done offset at the front."""
        self._pending[offset] -= 1
        while self._pending:
            first = next(iter(self._pending))
            if self._pending[first]:
                return
            del self._pending[first]
            self.done = first

    def reach(self, offset: str) -> None:
        """Note that nothing is before an offset but what was begun: it is done when all of that is."""
        if not self._pending:
            self.done = offset


class FollowerSets:
    """The followers of authors as sorted integer arrays, bounded by edges; least recently used authors leave first."""

    def __init__(self, edges_max: int) -> None:
        self._edges_max = edges_max
        self._sets: dict[int, Ids] = {}
        self.edges = 0
        """Follower edges held."""

    def get(self, author: int) -> Ids | None:
        """The followers, or None if they are not held."""
        held = self._sets.pop(author, None)
        if held is not None:
            self._sets[author] = held
        return held

    def put(self, author: int, followers: Ids) -> None:
        self._replace(author, np.unique(followers))
        while self.edges > self._edges_max and len(self._sets) > 1:
            self.drop(next(iter(self._sets)))

    def set_edge(self, author: int, follower: int, following: bool) -> None:
        """Bring one edge up to date, if the author's followers are held."""
        held = self._sets.get(author)
        if held is None:
            return
        at = int(np.searchsorted(held, np.uint64(follower)))
        present = at < len(held) and int(held[at]) == follower
        if following != present:
            self._replace(author, np.insert(held, at, np.uint64(follower)) if following else np.delete(held, at))

    def drop(self, author: int) -> None:
        self.edges -= len(self._sets.pop(author, NO_IDS))

    def clear(self) -> None:
        self._sets.clear()
        self.edges = 0

    def _replace(self, author: int, followers: Ids) -> None:
        self.drop(author)
        self._sets[author] = followers
        self.edges += len(followers)


class Pulled:
    """The authors who are pulled at read time, with when (wall ms) that began.

    An author who crossed the threshold is pushed as well for a grace period, in which every replica learns of it.
    """

    def __init__(self, since_ms: Mapping[UserId, int], grace_ms: int) -> None:
        self.since_ms = since_ms
        self._grace_ms = grace_ms
        self._authors: npt.NDArray[np.uint64] = np.array(sorted(since_ms), dtype=np.uint64)

    def among(self, followees: Ids) -> Ids:
        """Those of some authors who are pulled."""
        if not len(self._authors):
            return NO_IDS
        return np.intersect1d(followees, self._authors, assume_unique=True)

    def pushed(self, author: UserId, now_ms: int) -> bool:
        """True while an author's tweets are pushed."""
        since_ms = self.since_ms.get(author)
        return since_ms is None or now_ms < since_ms + self._grace_ms
