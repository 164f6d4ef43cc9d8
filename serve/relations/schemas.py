"""The shapes of what a relation is begun with."""

from serve.http.schemas import Body, Time


class NewFollow(Body):
    """A follow; `retweets_hidden` hides what the account retweets, or shows it again."""

    retweets_hidden: bool | None = None


class NewMute(Body):
    """A mute, for ever unless it has an end; of notifications too unless they are left out."""

    until: Time | None = None
    notifications: bool = True
