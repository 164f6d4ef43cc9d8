"""What the engine asks of its stores, as promises.

Common to all: any call may raise `StoreUnavailable` within the store's time limit (at most 3 s), and a write that
raised may have happened; every write may be repeated and then changes nothing more; pages are newest first and hold
at most `limit` items, fewer only where the list ends; `before` is exclusive.
"""
