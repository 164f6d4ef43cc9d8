"""Makes `domain/tlds.txt` and `domain/emoji.txt`: top-level domains, and emoji of several characters.

    python -m tests.support.text_tables

Domains are those of the Public Suffix List's part for registries (publicsuffixlist), emoji those of Unicode's
emoji-test.txt (emoji). A name that has left them stays in the table: a tweet weighs what it weighed.
"""

from importlib.resources import files
from pathlib import Path

import emoji

DOMAIN = Path(__file__).resolve().parents[2] / "domain"


def top_level_domains() -> set[str]:
    """The last labels of all suffixes under which registries register, in Unicode."""
    listed = files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text(encoding="utf-8")
    registries = listed.partition("===BEGIN ICANN DOMAINS===")[2].partition("===END ICANN DOMAINS===")[0]
    lines = (line.strip() for line in registries.splitlines()[1:])
    return {line.split()[0].rpartition(".")[2] for line in lines if line and not line.startswith("//")}


def emoji_sequences() -> set[str]:
    """All emoji of several characters, also with less than all their variation selectors."""
    return {sequence for sequence in emoji.EMOJI_DATA if len(sequence) > 1}


def main() -> None:
    """Write both, one a line; what the tables hold already stays."""
    for name, found in (("tlds.txt", top_level_domains()), ("emoji.txt", emoji_sequences())):
        table = DOMAIN / name
        lines = sorted(found.union(table.read_text(encoding="utf-8").split() if table.exists() else ()))
        table.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
