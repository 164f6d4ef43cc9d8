"""The commands of `python -m dataflows`: dataflows over the history of a running system. Found as those beside it."""
