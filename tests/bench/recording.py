"""A migration as it went, for people: what was typed, what was said, how long it took; kept in docs/recording.md.

Every run makes a recording and compares its shape with the one that is kept: commands, exit codes, steps, results and
what to type next, but no times and no figures that depend on the machine.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path

from .paths import REPOSITORY, logs_folder

KEPT = REPOSITORY / "docs" / "recording.md"
README = REPOSITORY / "README.md"
#: What README.md shows of it stands between these lines, in both.
BEGIN, END = "<!-- recording -->\n", "<!-- end of recording -->\n"
ACCEPT = "tools/docker-bench accept-recording"

HEAD = f"""# A whole migration, recorded

`make e2e` wrote this while it moved `examples/harbour` from the hosted side's machine to a fresh one: the source kit's
export there, then each command as MIGRATION-PLAN.md prints it, with what it said. People and settings are harbour's;
the files are the tests' own, 13 MB where its inventory tells of 525. Addresses, paths and digests of the test machines
are replaced; nothing else is. A run that goes another way than this page fails until somebody has read the new
recording and accepts it: `{ACCEPT}`.

"""

# What tells of the machine on which the tests ran, and what stands here instead.
_MACHINE = (
    (re.compile(r"\b10\.213\.\d+\.(\d+)\b"), r"192.0.2.\1"),
    (re.compile(r"/home/architect\b"), "~"),
    (re.compile(r"\bon /dev/[^\s,]+"), "on /dev/DISK"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "…"),
)
# Figures that are others each time, or with each update of Debian.
_FIGURE = re.compile(r"\b\d{8}T\d{6}Z\b|\b\d+(\.\d+)? (s|min \d+ s|h \d+ min|changes?|%)(?![A-Za-z])")
# The verdict of verify, where all checks passed or some only warn: which of both, a machine with much to do decides, by
# the times of answers. What may warn there is said by the story that makes the recording; elsewhere nothing may.
_VERDICT = re.compile(r"^report: (?:pass|warn)(, \S+/verify\.html )")
# A step whose line moved on is named again below what it told meanwhile.
_HEAD_ALONE = re.compile(r"[a-z-]+/[a-z-]+ *")
_COLUMNS = re.compile(r"  [a-z-]+  +\S")


def normalise(text: str) -> str:
    """The text without what belongs to the machine alone."""
    for pattern, instead in _MACHINE:
        text = pattern.sub(instead, text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


@dataclass
class Recording:
    """What was typed so far."""

    entries: list[tuple[str, int, float, str]] = field(default_factory=list)

    def add(self, command: str, code: int, seconds: float, said: str) -> None:
        """One command: its exit code, how long it took, what it said on both streams."""
        self.entries.append((command, code, seconds, normalise(said)))

    def page(self) -> str:
        """The whole as Markdown."""
        rows = [f"| {n} | `{command}` | {seconds:.0f} | {code} |" for n, command, code, seconds in self._numbered()]
        total = sum(seconds for _, _, seconds, _ in self.entries)
        table = ["| | typed | seconds | exit |", "| --- | --- | --- | --- |", *rows, f"| | together | {total:.0f} | |"]
        sessions = [f"## {number} `{entry[0]}`\n\n{_session(entry)}" for number, entry in enumerate(self.entries, 1)]
        shown = next(entry for entry in reversed(self.entries) if entry[0] == "./migrate content")
        return (
            HEAD + BEGIN + "\n".join(table) + "\n\nThe files, after a Ctrl-C and a hold; every one is read back:\n\n"
            + _session(shown) + END + "\n" + "\n".join(sessions)
        )  # fmt: skip

    def _numbered(self) -> list[tuple[int, str, int, float]]:
        return [(number, *entry[:3]) for number, entry in enumerate(self.entries, 1)]

    def write(self) -> Path:
        """Writes it into the logs folder."""
        file = logs_folder() / "recording.md"
        file.write_text(self.page())
        return file


def _session(entry: tuple[str, int, float, str]) -> str:
    command, code, _, said = entry
    return f"```text\n$ {command}\n{said}```\n" + (f"\nIt ended with {code}.\n" if code else "")


def shape(page: str) -> list[str]:
    """What must be the same in every recording, line by line."""
    lines = []
    for line in page.partition(END)[2].splitlines():
        # What is told beside results stands indented; of that only how far each phase is stands in columns.
        if (line.startswith(" ") and not _COLUMNS.match(line)) or _HEAD_ALONE.fullmatch(line):
            continue
        lines.append(" ".join(_FIGURE.sub("…", _VERDICT.sub(r"report: …\1", line)).split()))
    return [line for line in lines if line]


def stale(fresh: str) -> str:
    """How a fresh recording goes another way than the one that is kept; empty where it does not."""
    kept = KEPT.read_text() if KEPT.exists() else ""
    return "\n".join(difflib.unified_diff(shape(kept), shape(fresh), "docs/recording.md", "this run", lineterm="", n=1))


def accept() -> None:
    """Takes the last run's recording into docs/recording.md, and its excerpt into README.md."""
    page = (logs_folder() / "recording.md").read_text()
    KEPT.write_text(page)
    readme = README.read_text()
    before, after = readme.partition(BEGIN)[0], readme.partition(END)[2]
    README.write_text(before + BEGIN + page.partition(BEGIN)[2].partition(END)[0] + END + after)
