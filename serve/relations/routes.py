"""Routes of relations: follow, like and retweet, and who does; bookmarks, which nobody else sees."""

from fastapi import APIRouter

from domain.relations import BOOKMARK, FOLLOW, LIKE, RETWEET
from serve.http.openapi import by_name
from serve.http.rate_limits import Limit
from serve.relations.routing import Operation, add_own_targets, add_relation, add_sources, add_targets

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

add_relation(
    router,
    "/tweets/{id}/bookmark",
    BOOKMARK,
    Limit.LIKES,
    on=Operation("bookmark", "Bookmark a tweet, for nobody else to see; doing so again changes nothing."),
    off=Operation("remove_bookmark", "Have a tweet no longer among one's bookmarks."),
)
add_own_targets(
    router, "/users/me/bookmarks", BOOKMARK, Operation("read_bookmarks", "One's bookmarks, latest bookmark first.")
)
