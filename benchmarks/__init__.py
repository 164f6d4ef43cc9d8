"""What is measured and against what: every figure is a ratio to a yardstick on the same servers in the same run.

Run as `python -m benchmarks`; one file per question. It stands beside the product, may import every package of it, and
none of them may import it. Nothing here is a test: a slow machine fails nothing.
"""
