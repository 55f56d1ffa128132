"""Two packages of one state folder: what one of them has begun, the other one's brake reaches, and closes no way."""

import signal
import unittest

from fixture import Package
from test_content import Content, moves

FAILS = {"exit": 2, "result": {"hosts": {"target": {"ok": 1, "failed": 1}}, "failures": ["Look: broke"]}}
TOLD = {"result": {"hosts": {"target": {"ok": 1}}, "lines": ["the copy stops"]}}


class Packages(Content):
    def second(self) -> Package:
        """The next package, which copies too."""
        return self.with_tools(self.package("second", 2).copying().seal())

    def leaves_a_copy(self) -> Package:
        """A package whose copy goes on at the target, with nobody who follows it."""
        package = self.copying()
        self.orders(content__copy_batches={"progress": [moves(True)], "waits_for": str(self.home / "never")})
        with self.running(package, "content") as process:
            self.until(lambda: "copy-batches:started" in self.journal() and "copy-batches" in self.steps_run())
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(60), 11)
        self.orders(hold=TOLD)
        return package

    def told(self) -> int:
        """How often the target was told to stop."""
        return self.steps_run().count("hold")

    def test_a_newer_package_that_looks_takes_the_brake_from_nobody(self) -> None:
        first, second = self.leaves_a_copy(), self.second()
        self.exits(0, second, "preflight")
        for number, (package, verb) in enumerate(((first, "hold"), (second, "hold"), (first, "panic"))):
            self.exits(
                0, package, verb, says="; the copy stops; what was done" if verb == "hold" else "; the copy stops"
            )
            self.assertEqual(self.told(), number + 1)
        self.exits(0, second, "panic", says="next: ./migrate abort, with package 1\n")
        self.exits(0, second, "status", says="next: ./migrate abort, with package 1\n")
        self.exits(11, second, "resume", says="next: ./migrate abort, with package 1; if it was set by mistake")
        self.assertTrue((self.state / "PANIC").exists())
        self.exits(0, first, "status", says="next: ./migrate abort\n")
        self.exits(0, first, "abort")
        self.exits(0, second, "resume", says="PANIC is gone")

    def test_a_journal_that_nobody_can_read_may_tell_of_a_copy(self) -> None:
        package = self.leaves_a_copy()
        journal = self.state / "packages/1/journal.jsonl"
        journal.write_text(journal.read_text().replace('"phase":"preflight"', '"phase":"preflighx"', 1))
        self.exits(0, package, "hold", says="the copy stops")
        self.exits(0, package, "panic", says="the copy stops")
        second = self.second()
        self.exits(0, second, "hold", says="the copy stops")
        self.exits(11, second, "resume", says="with package 1; if it was set by mistake")
        self.assertTrue((self.state / "PANIC").exists())

    def test_a_package_that_cannot_tell_the_target_says_which_one_can(self) -> None:
        self.leaves_a_copy()
        second = self.ready("second", 2)
        self.exits(0, second, "hold", says="WHAT PACKAGE 1 COPIES GOES ON; next: ./migrate hold, with package 1")
        self.assertEqual(self.told(), 0)

    def test_a_copy_that_has_come_to_its_end_is_not_told_to_stop(self) -> None:
        package = self.copying()
        self.exits(0, package, "content")
        self.exits(0, package, "hold")
        self.assertEqual(self.told(), 0)

    def test_looking_and_refusals_of_a_newer_package_close_nothing(self) -> None:
        first = self.with_tools(self.package().building().seal())
        for phase in ("preflight", "prepare", "deploy"):
            self.exits(0, first, phase)
        second = self.with_tools(self.package("second", 2).building().seal())
        self.exits(12, second, "verify", says="error[phase.too-early]")
        self.orders(preflight__reach_target=FAILS)
        self.exits(12, second, "preflight")
        self.orders()
        self.exits(0, second, "preflight")

        self.exits(0, first, "status", says="next: ./migrate import\n")
        for phase in ("import", "verify"):
            self.exits(0, first, phase)
        # Its journal goes on though the newer one begins at an earlier line of it.
        self.exits(0, second, "status")
        self.exits(0, second, "prepare")
        self.exits(0, second, "status")

    def test_a_newer_package_that_has_begun_leaves_an_older_one_its_status_and_its_way_back(self) -> None:
        first = self.with_tools(self.package().building().seal())
        for phase in ("preflight", "prepare", "deploy"):
            self.exits(0, first, phase)
        second = self.with_tools(self.package("second", 2).building().seal())
        for phase in ("preflight", "prepare"):
            self.exits(0, second, phase)

        for verb in ("preflight", "import", "resume"):
            self.exits(12, first, verb, says="error[package.older]: package 2 has begun here")
        self.exits(0, first, "status", says="next: use package 2, which has begun here\n")
        self.exits(0, first, "abort", says="next: use package 2, which has begun here\n")
        self.exits(0, second, "deploy")
        self.exits(0, second, "status")

        lines = (self.state / "packages/1/journal.jsonl").read_text().splitlines(keepends=True)
        (self.state / "packages/1/journal.jsonl").write_text("".join(lines[:2]))
        self.exits(1, second, "status", says="error[journal.chain]")


if __name__ == "__main__":
    unittest.main()
