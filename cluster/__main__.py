"""`python -m cluster`: see `cli`."""

from cluster.cli import main

if __name__ == "__main__":
    main()
