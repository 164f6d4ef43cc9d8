"""Lists of tweets: home, public, user, hashtag."""
