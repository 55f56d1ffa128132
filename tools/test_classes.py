"""Runs the test classes of some folders side by side: `test_classes.py [--waiting N] [--of PATH…] FOLDER…`.

A class is the unit since its tests share nothing with another's. There is one per processor, and N more where classes
wait for long without computing. What failed is printed whole.

With `--of`, they run in a copy of the tree that has these files and folders and nothing else. So it is known what they
depend on, and a class that has passed with the very same bytes is not run again: its line says since when. A pass is
kept outside the clone, by the digest of the bytes and of what `--known-by` says of the machine; STUFPACK_ANEW=1 runs
every class.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PASSES = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "stufpack/judged"
#: What tools leave among the sources.
LEFT = ("__pycache__", ".terraform")
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


@dataclass(frozen=True)
class TestClass:
    """One of them, where it runs, and where its pass is kept, if it is."""

    folder: Path
    name: str
    kept: Path | None

    def run(self) -> bool:
        """Runs it, unless it has passed already, and says how it went."""
        if self.kept and self.kept.exists() and not os.environ.get("STUFPACK_ANEW"):
            since = time.strftime("on %F at %R", time.localtime(self.kept.stat().st_mtime))
            self.say("    -", f"ok (with these very bytes it passed {since})")
            return True
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "unittest", self.name],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        # Neither is a class that ran nothing a success.
        good = done.returncode == 0 and "\nRan 0 tests" not in done.stdout
        if good and self.kept:
            self.kept.touch()
        self.say(f"{time.monotonic() - begun:5.1f}", "ok" if good else f"FAILED\n{done.stdout}")
        return good

    def say(self, seconds: str, word: str) -> None:
        """Its line, at once and whole: others say theirs at the same time."""
        sys.stdout.write(f"{seconds} s  {self.folder.name}: {self.name}  {word}\n")
        sys.stdout.flush()


def classes(folder: Path, digest: str | None) -> list[TestClass]:
    """Every class with tests in a folder; a module that does not load is an error."""
    listed = subprocess.run([sys.executable, "-c", LIST], cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    names = listed.stdout.split()
    return [TestClass(folder, name, kept(digest, folder.name, name) if digest else None) for name in names]


def kept(*what: str) -> Path:
    """Where a pass of this is kept."""
    return PASSES / hashlib.sha256("\0".join(what).encode()).hexdigest()


def copy(paths: list[Path], to: Path) -> str:
    """Copies these files and folders of the tree; the digest of their names, rights and bytes."""
    for path in paths:
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_dir():
            shutil.copytree(ROOT / path, to / path, ignore=shutil.ignore_patterns(*LEFT))
        else:
            shutil.copy2(ROOT / path, to / path)
    total = hashlib.sha256()
    for file in sorted(path for path in to.rglob("*") if path.is_file()):
        rights, content = file.stat().st_mode, hashlib.sha256(file.read_bytes())
        total.update(f"{file.relative_to(to)}\0{rights:o}\0{content.hexdigest()}\n".encode())
    return total.hexdigest()


def run(folders: list[Path], waiting: int, digest: str | None) -> int:
    """Exits 0 when every class passed."""
    found = [one for folder in folders for one in classes(folder, digest)]
    with ThreadPoolExecutor((os.cpu_count() or 1) + waiting) as pool:
        results = list(pool.map(TestClass.run, found))
    print(f"{len(results)} test classes, {results.count(False)} failed")
    return 0 if results and all(results) else 1


def main() -> int:
    """Runs what is asked for, here or in a copy."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--waiting", type=int, default=0)
    parser.add_argument("--of", nargs="+", type=Path)
    parser.add_argument("--known-by", default="")
    parser.add_argument("folders", nargs="+", type=Path)
    given = parser.parse_args()
    if not given.of:
        return run(given.folders, given.waiting, None)
    PASSES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        digest = copy(given.of, Path(work))
        known = hashlib.sha256(f"{digest}\0{given.known_by}\0{sys.version}\0".encode() + Path(__file__).read_bytes())
        return run([Path(work) / folder for folder in given.folders], given.waiting, known.hexdigest())


if __name__ == "__main__":
    sys.exit(main())
