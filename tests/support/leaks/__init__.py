"""The leak suite: for every way to read, every relation to an author and every way in which a tweet of theirs arrives,
whether it is shown; over anything that speaks HTTP.

`matrix` says what must be, `world` makes it so through the API, `routes` reads all of it and compares.
"""
