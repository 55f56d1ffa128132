"""The lease of an installation: one controller at a time, and nothing is lost where another one takes over."""

import base64
import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

from modules import action, module

lease = module("stuf_lease")
plugin = action("stuf_lease")
JOURNAL = "packages/1/journal.jsonl"
ADA = {"holder": "a" * 32, "who": "ada@one", "doing": "./migrate deploy", "package": 1, "seconds": 900}
BEN = {"holder": "b" * 32, "who": "ben@two", "doing": "./migrate import", "package": 2, "seconds": 900}
# 2026-11-23 12:00 UTC
NOON = 1795435200


def file(path: str, text: str) -> dict[str, str]:
    """What a controller brings."""
    return {"path": path, "content": base64.b64encode(text.encode()).decode()}


class Lease(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name, "stufpack/controller")
        self.now = NOON

    def act(self, state: str, who: dict[str, Any], *files: dict[str, str], dry: bool = False, **more: Any) -> Any:
        """What the module answers."""
        given = {"state": state, "lease": who, "files": list(files), **more}
        return lease.act(given, self.folder, self.now, dry)

    def refused(self, status: int, state: str, who: dict[str, Any], **more: Any) -> str:
        """Why it refuses."""
        with self.assertRaises(lease.RefusedError) as stop:
            self.act(state, who, **more)
        self.assertEqual(stop.exception.status, status)
        self.assertTrue(str(stop.exception).endswith(f"Next: {stop.exception.following}"))
        return str(stop.exception)

    def test_another_waits_while_it_lasts_and_then_is_told_to_adopt(self) -> None:
        self.act("held", ADA)
        self.now += 899
        said = self.refused(75, "held", BEN)
        self.assertIn(
            "ada@one runs `./migrate deploy` of package 1, and has the lease until 2026-11-23 12:15 UTC", said
        )
        self.assertIn("if that machine is lost, from 2026-11-23 12:15 UTC on: ", self.refused(75, "looked_at", BEN))
        self.refused(75, "held", BEN, back=True)
        self.now += 1
        said = self.refused(12, "held", BEN)
        self.assertIn("ada@one has run `./migrate deploy` of package 1, last heard of 2026-11-23 12:00 UTC, on", said)
        self.assertTrue(said.endswith("Next: ./migrate adopt target"))

    def test_it_is_renewed_by_whoever_has_it_and_given_back_at_the_end(self) -> None:
        self.act("held", ADA)
        self.now += 10_000
        self.act("held", ADA)
        self.refused(75, "held", BEN)
        self.act("held", ADA | {"seconds": 0})
        self.refused(12, "held", BEN)
        self.assertTrue(self.act("held", ADA)["own"])

    def test_the_way_back_goes_on_with_an_old_lease_of_another(self) -> None:
        self.act("held", ADA, file(JOURNAL, "ada's\n"))
        self.now += 900
        self.act("held", BEN, file(JOURNAL, "ben's\n"), back=True)
        kept = sorted(path.read_text() for path in (self.folder / "packages/1").iterdir())
        self.assertEqual(kept, ["ada's\n", "ben's\n"])

    def test_looking_writes_nothing_and_neither_does_check_mode(self) -> None:
        for state, dry in (("looked_at", False), ("told", False), ("held", True)):
            self.assertTrue(self.act(state, ADA, dry=dry)["own"])
        self.assertEqual(self.act("told", BEN)["line"], "nobody has run a phase that changes this machine")
        self.assertFalse(self.folder.parent.exists())
        self.act("held", ADA)
        before = (self.folder / "lease.json").read_bytes()
        self.assertFalse(self.act("told", BEN)["own"])
        self.refused(75, "held", BEN, dry=True)
        self.assertEqual((self.folder / "lease.json").read_bytes(), before)

    def test_of_two_that_take_over_at_once_one_does(self) -> None:
        self.refused(12, "fetched", BEN)
        self.act("held", ADA | {"seconds": 0}, file(JOURNAL, "one\n"), file("HOLD", ""))
        found = self.act("fetched", BEN)
        self.assertEqual([kept["path"] for kept in found["files"]], ["HOLD", JOURNAL])
        other = self.act("fetched", BEN | {"holder": "c" * 32})
        self.act("taken", BEN | {"seconds": 0}, mark=found["mark"])
        self.refused(75, "taken", BEN | {"holder": "c" * 32}, mark=other["mark"])
        self.assertTrue(self.act("fetched", BEN)["own"])
        self.refused(12, "held", ADA)

    def test_what_lies_beside_a_lease_that_was_damaged_and_removed_can_be_taken_over(self) -> None:
        self.act("held", ADA, file(JOURNAL, "one\n"))
        (self.folder / "lease.json").unlink()
        found = self.act("fetched", BEN)
        self.assertEqual((found["own"], [kept["path"] for kept in found["files"]]), (False, [JOURNAL]))
        self.act("taken", BEN, mark=found["mark"])
        self.refused(75, "held", ADA)

    def test_a_journal_only_grows_and_what_is_no_part_of_it_is_kept_beside(self) -> None:
        longer = "one\ntwo\n"
        # The third is a copy that was read before the second and arrives after it.
        for brought, kept in (("one\n", "one\n"), (longer, longer), ("one\n", longer), ("other\n", "other\n")):
            self.act("held", ADA, file(JOURNAL, brought))
            self.assertEqual((self.folder / JOURNAL).read_text(), kept)
        (beside,) = (self.folder / "packages/1").glob("journal.jsonl.former-*")
        self.assertEqual(beside.read_text(), longer)

    def test_decisions_go_when_they_are_taken_back_and_nothing_else_is_kept(self) -> None:
        self.act("held", ADA, file("HOLD", ""), file("approve-content", "by: Ada\n"))
        self.act("held", ADA, file("approve-content", "by: Ben\n"))
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["approve-content", "lease.json"])
        torn = "packages/1/journal.jsonl.torn"
        for name in ("../../etc/passwd", "secrets/key", torn, "approve-content/x", "lease.json"):
            with self.subTest(name), self.assertRaisesRegex(lease.StufError, "nothing like"):
                self.act("held", ADA, file(name, ""))

    def test_what_lies_there_is_for_root_alone(self) -> None:
        self.act("held", ADA, file(JOURNAL, "one\n"), file("HOLD", ""))
        for path in (self.folder.parent, *self.folder.parent.rglob("*")):
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    def test_a_lease_that_is_none_says_how_to_go_on(self) -> None:
        self.act("held", ADA)
        for text in ("", "[]", "{}", json.dumps(ADA | {"at": 1, "until": 2, "who": "\x1b[2J"})):
            (self.folder / "lease.json").write_text(text)
            with self.subTest(text), self.assertRaisesRegex(lease.StufError, r"is no lease.+sudo rm /.+lease\.json"):
                self.act("held", BEN)


class Plugin(unittest.TestCase):
    """The controller's half."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def test_it_brings_whole_lines_of_every_journal_and_what_people_decided(self) -> None:
        for number, text in ((1, "one\n"), (2, "one\ntwo\nto")):
            (self.root / f"packages/{number}").mkdir(parents=True)
            (self.root / f"packages/{number}/journal.jsonl").write_text(text)
        for name in ("HOLD", "approve-content", "approve-content~", "former-approve-content-0", "secrets", "lock"):
            (self.root / name).write_text(name)

        brought = {one["path"]: base64.b64decode(one["content"]) for one in plugin._files(self.root)}
        journals = {"packages/1/journal.jsonl": b"one\n", "packages/2/journal.jsonl": b"one\ntwo\n"}
        self.assertEqual(brought, journals | {"HOLD": b"HOLD", "approve-content": b"approve-content"})

    def test_it_writes_what_may_be_fetched_and_nothing_else(self) -> None:
        told = {"own": False, "mark": "m", "line": "who"}
        plugin._write(self.root / "in", {"files": [file(JOURNAL, "one\n")], **told})
        self.assertEqual((self.root / "in" / JOURNAL).read_text(), "one\n")
        self.assertEqual(json.loads((self.root / "in/lease.json").read_text()), told)
        for name in ("../out", "/out", "packages/1/../../out", "lease.json", "secrets/key"):
            with self.subTest(name), self.assertRaisesRegex(ValueError, "no controller keeps"):
                plugin._write(self.root / "in", {"files": [file(name, "x")], **told})
        self.assertFalse((self.root / "out").exists())


if __name__ == "__main__":
    unittest.main()
