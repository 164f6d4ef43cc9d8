"""Tweets: post, delete, read."""
