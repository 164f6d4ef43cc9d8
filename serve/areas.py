"""Areas of the service: a line for each."""

from typing import Final

from serve.accounts import routes as accounts
from serve.muted_words import routes as muted_words
from serve.operations import routes as operations
from serve.relations import routes as relations
from serve.timelines import routes as timelines
from serve.trends import routes as trends
from serve.tweets import routes as tweets
from serve.users import routes as users

ROUTERS: Final = (
    timelines.router,
    tweets.router,
    relations.router,
    muted_words.router,
    users.router,
    trends.router,
    accounts.router,
    accounts.keys,
    operations.router,
)
"""The most used first: routes are tried in order."""
