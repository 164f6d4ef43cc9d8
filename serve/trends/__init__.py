"""Trends, and the history of a hashtag."""
