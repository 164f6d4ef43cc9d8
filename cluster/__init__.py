"""The cluster package: starts, wires, watches and stops a whole system, and is its command line.

It is the top of the import order and may import every other package; none of them may import it.
"""
