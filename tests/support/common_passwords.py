"""Makes `domain/common_passwords.txt` from the lists that two packages carry for the same purpose.

    python -m pip download --no-deps -d build/lists django zxcvbn
    python -m tests.support.common_passwords build/lists/*.whl > domain/common_passwords.txt

Django has the 20,000 commonest passwords of Have I Been Pwned (BSD licence), zxcvbn the 30,000 commonest of another
ten million (MIT licence), without those that it knows as names or words. What is shorter than a password may be is left
out, and so is what is not ASCII: all of that was garbled on its way.
"""

import gzip
import runpy
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.passwords import PASSWORD_CHARS_MIN, compared

_DJANGO, _ZXCVBN = "django/contrib/auth/common-passwords.txt.gz", "zxcvbn/frequency_lists.py"


def common_passwords(wheels: list[Path]) -> list[str]:
    """What both lists say, in the form in which passwords are compared, sorted."""
    found = set[str]()
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive, TemporaryDirectory() as folder:
            names = archive.namelist()
            if _DJANGO in names:
                found.update(gzip.decompress(archive.read(_DJANGO)).decode().split("\n"))
            if _ZXCVBN in names:
                lists = runpy.run_path(archive.extract(_ZXCVBN, folder))["FREQUENCY_LISTS"]
                found.update(lists["passwords"])
    return sorted(word for word in set(map(compared, found)) if len(word) >= PASSWORD_CHARS_MIN and word.isascii())


if __name__ == "__main__":
    print("\n".join(common_passwords([Path(name) for name in sys.argv[1:]])))
