"""Hashtag trends: windows of panes, the live tweets of each tag, and the top tags of every place.

`tag_bucket` brings the rest together; a dataflow feeds it and asks it for its tops.
"""
