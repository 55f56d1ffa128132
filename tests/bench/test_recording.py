"""What makes a recording stale, and what does not."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from . import recording
from .recording import Recording

SAID = """harbour production, package 1: content, run 7
content/copy-batches             {result}
    copy: {objects} of 383 objects, on /dev/vda[/root/data], at 10.213.7.10
report: {verdict} (also .md and .json)
content finished: {end}
next: ./migrate verify
"""


def page(
    code: int = 0,
    result: str = "done     1 change   27 s",
    end: str = "1 change, 27 s",
    objects: int = 383,
    verdict: str = "pass, ~/reports/7/verify.html",
) -> str:
    """A migration of one command."""
    made = Recording()
    made.add("./migrate content", code, 27.1, SAID.format(result=result, end=end, objects=objects, verdict=verdict))
    return made.page()


class Shape(unittest.TestCase):
    def stale(self, fresh: str) -> str:
        """How a page differs from the one that is kept."""
        with tempfile.TemporaryDirectory() as folder:
            kept = Path(folder, "recording.md")
            kept.write_text(page())
            with mock.patch.object(recording, "KEPT", kept):
                return recording.stale(fresh)

    def test_times_figures_and_progress_make_no_recording_stale(self) -> None:
        for same in (
            page(result="done     2 changes  1 min 4 s", end="2 changes, 1 h 4 min", objects=5),
            # One line a minute tells how far a step is, and its head is written again.
            page(result="\n    copy: 5 of 383 objects\ncontent/copy-batches             done     1 change   64 s"),
            # How long answers took may warn, on a machine with much to do.
            page(verdict="warn, ~/reports/7/verify.html"),
        ):
            self.assertEqual(self.stale(same), "")

    def test_another_result_step_or_exit_code_does(self) -> None:
        others = page(result="paused   1 change   27 s"), page(code=11), page().replace("copy-batches", "copy")
        for other in (*others, page(verdict="fail, ~/reports/7/verify.html")):
            self.assertNotEqual(self.stale(other), "")

    def test_a_warning_of_another_report_than_verify_s_does(self) -> None:
        passed, warned = (
            recording.shape(page(verdict=f"{word}, ~/reports/7/preflight.html")) for word in ("pass", "warn")
        )
        self.assertNotEqual(passed, warned)

    def test_nothing_of_the_machine_is_told(self) -> None:
        self.assertIn("objects, on /dev/DISK, at 192.0.2.10\n", page())


if __name__ == "__main__":
    unittest.main()
