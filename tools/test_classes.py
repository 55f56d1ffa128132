"""Runs the test classes of some folders side by side: `test_classes.py [--waiting N] FOLDER…`.

A class is the unit since its tests share nothing with another's. There is one per processor, and N more where classes
wait for long without computing. What failed is printed whole.
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LIST = """
import sys, unittest
def classes(suite):
    for item in suite:
        yield from classes(item) if isinstance(item, unittest.TestSuite) else [type(item)]
loader = unittest.TestLoader()
found = dict.fromkeys(classes(loader.discover(".", top_level_dir=".")))
if loader.errors:
    sys.exit("\\n".join(loader.errors))
print(*(f"{case.__module__}.{case.__qualname__}" for case in found))
"""


def classes(folder: Path) -> list[tuple[Path, str]]:
    """Every class with tests in a folder; a module that does not load is an error."""
    listed = subprocess.run([sys.executable, "-c", LIST], cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return [(folder, name) for name in listed.stdout.split()]


def run(place: tuple[Path, str]) -> bool:
    """Runs one class and says how it went."""
    folder, name = place
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "unittest", name],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    # Neither is a class that ran nothing a success.
    good = done.returncode == 0 and "\nRan 0 tests" not in done.stdout
    word = "ok" if good else f"FAILED\n{done.stdout}"
    print(f"{time.monotonic() - begun:5.1f} s  {folder.name}: {name}  {word}", flush=True)
    return good


def main() -> int:
    """Exits 0 when every class passed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--waiting", type=int, default=0)
    parser.add_argument("folders", nargs="+", type=Path)
    given = parser.parse_args()
    found = [place for folder in given.folders for place in classes(folder)]
    with ThreadPoolExecutor((os.cpu_count() or 1) + given.waiting) as pool:
        results = list(pool.map(run, found))
    print(f"{len(results)} test classes, {results.count(False)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
