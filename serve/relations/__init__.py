"""Relations of a user to a target, such as follow, like and retweet."""
