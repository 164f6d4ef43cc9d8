"""The connections to Redis: client, replies, bulk pushes, incarnation."""
