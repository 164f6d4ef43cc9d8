"""The acceptance run: people who use Murmur over HTTP, and the oracle of what each of them must then see.

`python -m tests.acceptance` is the run itself (`make demo`), `python -m tests.acceptance.crash` kills everything under
load. They know the system as a client does, by its API alone; only what starts, breaks and stops a system of their own
knows more.
"""
