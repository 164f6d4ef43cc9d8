"""The product as values and rules: ids, tweets, timelines, fan-out, events and the limits of each.

Nothing here does IO or asks for the time. It may import the standard library and libraries that only
compute: numpy (arrays of ids), msgspec (the event codec), regex (the rules of text).
"""
