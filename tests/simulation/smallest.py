"""A failing history made smaller: what it can do without is left out, as long as it still fails.

Delta debugging (Zeller and Hildebrandt, IEEE Transactions on Software Engineering 28(2), 2002) by parts of the story.
Leaving something out changes what the seed decides afterwards; so parts are tried again after each one that went.
"""

from collections.abc import Iterator
from dataclasses import replace

from tests.simulation.run import Result, Story, run
from tests.simulation.scheduler import NO_FAULTS
from tests.simulation.world import Build

TRIES_MAX = 60


def smallest(failed: Result, build: Build | None = None, tries_max: int = TRIES_MAX) -> Result:
    """The shortest history of the same seed that was found to fail as well."""
    tries = 0
    best = failed
    while True:
        for story in _smaller(best.story):
            tries += 1
            if tries > tries_max:
                return best
            result = run(best.seed, build, story)
            if result.problems and len(result.history) < len(best.history):
                best = result
                break
        else:
            return best


def _smaller(story: Story) -> Iterator[Story]:
    """The same with something left out, the greatest parts first."""
    for at, actions in enumerate(story.actions):
        for fewer in dict.fromkeys((0, actions // 2, actions - 1)):
            if 0 <= fewer < actions:
                yield replace(story, actions=(*story.actions[:at], fewer, *story.actions[at + 1 :]))
    for kind in dict.fromkeys(story.disasters):
        yield replace(story, disasters=tuple(other for other in story.disasters if other != kind))
    faults = story.faults or NO_FAULTS
    for without in (replace(faults, **{name: 0}) for name in ("before", "after", "stall", "late")):
        if without != faults:
            yield replace(story, faults=without)
