"""The stores in memory: an adapter of every port, in the file that bears its name, and what tests hurt of them.

Simulation and unit tests run on these; they pass the same contract suites as Cassandra and Redis (`tests/contract`).
Times to live of a day and more are left out: no test is as long.
"""
