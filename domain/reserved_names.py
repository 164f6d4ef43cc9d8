"""Usernames that nobody may sign up with: they would speak for the service, or stand where its own paths do."""

from typing import Final

_SPEAKING_FOR_US: Final = """
    abuse admin administrator admins billing ceo contact copyright dmca everyone feedback help helpdesk here hostmaster
    info legal mailer_daemon marketing mod moderation moderator moderators mods murmur murmur_app murmur_help
    murmur_team murmurapp news newsletter no_reply noreply official operator owner postmaster press privacy root sales
    security service staff status su superuser support sysadmin system team trust usenet uucp verified verify webmaster
"""
_IN_PATHS: Final = """
    about account accounts admin_panel api apps assets auth blocks blog bookmarks business careers compose conditions
    connect console css dashboard delete deleted dev developer developers dms docs download edit email embed error
    explore export faq favicon favorites favourites feed files follow followers following follow_requests ftp guest
    hashtag hashtags healthz home hostname images img imprint inbox index intent invitations invite jobs js jwks likes
    links lists local localhost login logout mail mastodon me media mentions messages metrics mobile mutes new
    notifications oauth oembed openapi outbox policies polls privacy_policy profile profiles public push readyz refresh
    register reports reset retweets robots_txt rss rules sandbox scheduled search self session sessions settings share
    sign_in sign_out sign_up signin signout signup site sitemap smtp ssl static stats store stream streaming subscribe
    suggestions tag tags terms test timeline timelines topics tos trend trending trends tweet tweets unfollow
    unsubscribe url user username users web well_known widgets ws www you
"""
_NOBODY: Final = "all anonymous false nan nil nobody none null somebody true undefined unknown"

RESERVED_NAMES: Final = frozenset(f"{_SPEAKING_FOR_US} {_IN_PATHS} {_NOBODY}".split())
"""In lower case; usernames are compared without case."""
