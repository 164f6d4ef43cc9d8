"""Words that a user does not want to read."""
