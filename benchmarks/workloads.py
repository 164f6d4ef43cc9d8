"""The workloads of the requests, as lists of requests that a load sends in turn."""

import itertools
from collections.abc import Mapping, Sequence

from benchmarks import http_load
from benchmarks.arrival import Page
from benchmarks.effort import PAGE_TWEETS
from benchmarks.population import Population
from cluster.client.api import PREFIX, Account

PAGES, POSTS, MIX, POLLS = "W2 home pages", "W3 posts", "W4 90 pages, 8 posts, 2 (un)follows", "W5 pages that changed"
ALL = (PAGES, POSTS, MIX, POLLS)
_HOME = f"{PREFIX}/timeline/home?limit={PAGE_TWEETS}"
_BODY = b'{"text": "Posted as one does: a sentence of ordinary length, with nothing in it that needs a second look."}'
_BLOCK = 100
_POSTS_AT = range(5, 97, 12)
"""Places in a block of the mix at which somebody posts; there are eight."""
_UNFOLLOW_AT, _FOLLOW_AT = 0, 50


def of(people: Population) -> Mapping[str, Sequence[str]]:
    """The requests of each workload, with tokens of these people.

    In the mix each block of a hundred has a reader unfollow an author, and the one of the block before follow again. In
    the last workload the star posts, then every reader reads once, and so on: between two pages of one reader there is
    always a post that belongs on it, as if he looked every half a minute, only sooner.
    """
    pages = [_page(reader) for reader in people.reading]
    posts = [_post(author) for author in people.authors]
    return {PAGES: pages, POSTS: posts, MIX: _mix(people, pages, posts), POLLS: [_post(people.star), *pages]}


def unfollowed(people: Population) -> list[tuple[Account, Account]]:
    """Readers, and the authors whom the mix has them unfollow for a while."""
    readers = people.reading[: len(people.authors)]
    return [(reader, people.authors[people.followees(number)[0]]) for number, reader in enumerate(readers)]


def star_post(people: Population) -> tuple[list[str], list[Page]]:
    """One post, and the pages of all who must see it."""
    return [_post(people.star)], [Page(_page(reader), [0]) for reader in people.readers]


def burst(people: Population, each: int) -> tuple[list[str], list[Page]]:
    """Posts of all authors, so many each, and the pages of all who read."""
    posts = [_post(author) for _ in range(each) for author in people.authors]
    of = [range(author, len(posts), len(people.authors)) for author in range(len(people.authors))]
    return posts, [
        Page(_page(reader), [post for author in people.followees(number) for post in of[author]])
        for number, reader in enumerate(people.reading)
    ]


def _mix(people: Population, pages: Sequence[str], posts: Sequence[str]) -> list[str]:
    next_page, next_post = itertools.cycle(pages), itertools.cycle(posts)
    pairs = unfollowed(people)
    requests: list[str] = []
    for number in range(len(pairs) * _BLOCK):
        block, place = divmod(number, _BLOCK)
        if place == _UNFOLLOW_AT:
            requests.append(_follow("DELETE", *pairs[block]))
        elif place == _FOLLOW_AT:
            requests.append(_follow("POST", *pairs[block - 1]))
        else:
            requests.append(next(next_post if place in _POSTS_AT else next_page))
    return requests


def _page(reader: Account) -> str:
    return http_load.request("GET", _HOME, reader.token)


def _post(author: Account) -> str:
    return http_load.request("POST", f"{PREFIX}/tweets", author.token, _BODY)


def _follow(method: str, reader: Account, author: Account) -> str:
    return http_load.request(method, f"{PREFIX}/users/{author.id}/follow", reader.token)
