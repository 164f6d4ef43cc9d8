"""The stores in memory, for the seeded simulation only; they pass the same contract suite as the real ones.

May import `domain` and the ports.
"""
