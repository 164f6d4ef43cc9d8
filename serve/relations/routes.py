"""Routes of relations: follow, like and retweet, and who does."""

from fastapi import APIRouter

from domain.relations import FOLLOW, LIKE, RETWEET
from serve.http.openapi import by_name
from serve.http.rate_limits import Limit
from serve.relations.routing import Operation, add_relation, add_sources, add_targets

router = APIRouter(prefix="/api/v1", generate_unique_id_function=by_name)

add_relation(
    router,
    "/tweets/{id}/like",
    LIKE,
    Limit.LIKES,
    on=Operation("like", "Like a tweet; doing so again changes nothing."),
    off=Operation("unlike", "Take a like back."),
)
add_sources(router, "/tweets/{id}/likers", LIKE, Operation("read_likers", "Who likes a tweet, latest first."))

add_relation(
    router,
    "/tweets/{id}/retweet",
    RETWEET,
    Limit.TWEETS,
    on=Operation("retweet", "Retweet a tweet, and get the original; doing so again changes nothing."),
    off=Operation("undo_retweet", "Take a retweet back."),
)
add_sources(
    router, "/tweets/{id}/retweeters", RETWEET, Operation("read_retweeters", "Who retweeted a tweet, latest first.")
)

add_relation(
    router,
    "/users/{id}/follow",
    FOLLOW,
    Limit.FOLLOWS,
    on=Operation("follow", "Follow somebody; doing so again changes nothing."),
    off=Operation("unfollow", "Follow somebody no longer."),
)
add_sources(router, "/users/{id}/followers", FOLLOW, Operation("read_followers", "Who follows a user, latest first."))
add_targets(router, "/users/{id}/following", FOLLOW, Operation("read_following", "Whom a user follows, latest first."))
