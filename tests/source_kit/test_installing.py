"""`install` puts what was checked in place, whole or not at all, and leaves a frozen STUF as it is."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
import unittest
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from kit import MachineTest, enlist, example, program, unpacked

contents, installing, reading = program("contents"), program("installing"), program("reading")
Refused = program("failure").Refused


class Kit(MachineTest):
    """An unpacked kit beside the machine."""

    def setUp(self) -> None:
        super().setUp()
        self.kit = unpacked(self.root)

    def refused(self, said: str) -> None:
        """The kit's files are no kit."""
        with self.assertRaises(Refused) as error:
            contents.checked(self.kit)
        self.assertIn(said, str(error.exception))


class Contents(Kit):
    def test_what_is_on_the_list_is_read_as_it_was_checked(self) -> None:
        found = contents.checked(self.kit)
        self.assertEqual(found.digest, hashlib.sha256((self.kit / "SHA256SUMS").read_bytes()).hexdigest())
        there = {str(file.relative_to(self.kit)): file.read_bytes() for file in self.kit.rglob("*") if file.is_file()}
        self.assertEqual(found.files, {name: there[name] for name in there if not name.startswith("SHA256SUMS")})

    def test_what_the_list_does_not_name_is_refused(self) -> None:
        for name in ("settings.json", "program/json.py", "program/stuf_source/__pycache__/x.pyc", "program/.hidden"):
            with self.subTest(name):
                more = self.kit / name
                more.parent.mkdir(exist_ok=True)
                more.write_text("")
                self.refused(f"not in SHA256SUMS: {name}")
                more.unlink()
        hostile = self.kit / "\x1b[2J"
        hostile.write_text("")
        self.refused("not in SHA256SUMS: \\x1b[2J;")

    def test_what_is_changed_or_missing_is_refused(self) -> None:
        serve = self.kit / "program/serve"
        serve.write_bytes(serve.read_bytes() + b"\n")
        self.refused("not as SHA256SUMS says: program/serve")
        serve.unlink()
        self.refused("missing, though SHA256SUMS has it: program/serve")
        serve.symlink_to("stuf-source")
        self.refused("neither a file nor a folder: program/serve")

    def test_a_list_that_is_none_is_refused(self) -> None:
        sums = self.kit / "SHA256SUMS"
        whole = sums.read_text()
        first = whole.splitlines(keepends=True)[0]
        for text in ("", "\n", whole + "more\n", whole + "\n", whole + first, whole.upper(), whole.replace("  ", " ")):
            with self.subTest(text[-80:]):
                sums.write_text(text)
                self.refused("SHA256SUMS is not a kit's list")
        sums.unlink()
        self.refused("cannot be read")


class Installing(Kit):
    """Everything but what needs a real machine: accounts, sshd, sudo and systemd (tests/bench)."""

    def setUp(self) -> None:
        super().setUp()
        self.elsewhere = self.root / "elsewhere"
        self.elsewhere.mkdir()
        self.given = self.root / "given.json"
        self.given.write_text(json.dumps(example() | {"switches": str(self.switches), "storage": None}))
        stack = ExitStack()
        self.addCleanup(stack.close)
        replaced = {name: self.elsewhere / name for name in ("SSHD", "SUDOERS", "UNITS", "COMMAND")}
        replaced["UNITS"].mkdir()
        for name, path in replaced.items():
            stack.enter_context(patch.object(installing, name, path))
        stack.enter_context(patch.object(reading, "PROGRAM", self.kit / "program"))
        stack.enter_context(patch.object(installing, "Places", lambda: self.places))
        stack.enter_context(patch.object(installing, "_checked", self.checked))
        stack.enter_context(patch.object(installing, "_no_foreign_account", lambda: None))
        stack.enter_context(patch.object(installing.shutil, "which", lambda _: "/usr/bin/x"))
        stack.enter_context(patch.object(installing, "newer", lambda _: True))
        stack.enter_context(patch.object(installing.os, "geteuid", lambda: 0))
        stack.enter_context(patch.object(installing.os, "chown", lambda *_: None))

    @staticmethod
    def checked(words: list[str], failure: str) -> str:
        """In the place of the machine's programs; sshd says what it must."""
        return "".join(f"{name} {value}\n" for name, value in installing.IN_FORCE.items()) if "-T" in words else ""

    def install(self) -> tuple[int, str]:
        """Exit code, and what people read."""
        told = io.StringIO()
        mask = os.umask(0o077)
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(told):
                return installing.main([str(self.given)]), told.getvalue()
        finally:
            os.umask(mask)

    def machine(self) -> dict[str, bytes]:
        """Everything on the machine that an installation could change."""
        folders = (self.places.program.parent, self.places.settings.parent, self.places.state, self.elsewhere)
        files = (file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file())
        return {str(file): file.read_bytes() for file in files if file.name not in ("lock", "log.jsonl")}

    def renew_kit(self) -> str:
        """Makes the kit a newer one; the name of a file that only this one has."""
        (self.kit / "program/newer").write_text("")
        enlist(self.kit)
        return "newer"

    def test_settings_that_do_not_bound_what_readers_may_are_refused(self) -> None:
        before = self.machine()
        storage = {name: value for name, value in example()["storage"].items() if name != "readers_boundary"}
        self.given.write_text(json.dumps(example() | {"switches": str(self.switches), "storage": storage}))
        code, told = self.install()
        self.assertEqual((code, "no storage.readers_boundary" in told), (12, True), told)
        self.assertEqual(self.machine(), before)

    def test_what_is_installed_is_the_kit_and_status_says_which(self) -> None:
        self.assertEqual(self.install(), (0, ""))
        listed = {name.removeprefix("program/") for name in contents.checked(self.kit).files if "program/" in name}
        there = {
            str(file.relative_to(self.places.program)) for file in self.places.program.rglob("*") if file.is_file()
        }
        self.assertEqual(there, listed | {"kit.sha256"})
        self.assertEqual((self.places.program / "serve").stat().st_mode & 0o777, 0o755)
        digest = hashlib.sha256((self.kit / "SHA256SUMS").read_bytes()).hexdigest()
        self.assertEqual(self.does("status")["kit"], f"sha256:{digest}")
        newer = self.renew_kit()
        self.assertEqual(self.install(), (0, ""))
        self.assertTrue((self.places.program / newer).exists())
        self.assertEqual([file.name for file in self.places.program.parent.iterdir()], ["stuf-source"])

    def test_files_that_are_not_the_kit_are_refused_before_the_first_change(self) -> None:
        before = self.machine()
        (self.kit / "program/json.py").write_text("")
        code, told = self.install()
        self.assertEqual((code, "not in SHA256SUMS: program/json.py" in told), (12, True), told)
        self.assertEqual(self.machine(), before)

    def test_while_frozen_programs_and_settings_stay_and_the_way_on_is_told(self) -> None:
        self.install()
        self.does("freeze")
        before = self.machine()
        other = self.root / "other"
        other.mkdir()
        self.given.write_text(json.dumps(example() | {"switches": str(other), "storage": None}))
        self.renew_kit()
        code, told = self.install()
        self.assertEqual((code, "frozen; next: stuf-source unfreeze" in told), (12, True), told)
        self.assertEqual(self.machine(), before)
        self.does("redirect", "to", "files.example.org")
        code, told = self.install()
        self.assertEqual((code, "users are led to files.example.org" in told), (12, True), told)
        self.does("restore")
        self.does("unfreeze")
        self.assertFalse((self.switches / "read-only").exists())
        self.assertEqual(self.install(), (0, ""))

    def test_it_waits_for_a_verb_that_is_at_work(self) -> None:
        self.install()
        before = self.machine()
        self.renew_kit()
        with self.places.locked(), patch.object(program("places"), "PATIENCE_SECONDS", 0.3):
            result: list[tuple[int, str]] = []
            installs = threading.Thread(target=lambda: result.append(self.install()))
            installs.start()
            installs.join()
        self.assertEqual((result[0][0], self.machine()), (75, before), result)

    def test_cut_off_anywhere_there_is_one_whole_program(self) -> None:
        """Stopped before each change of a name; each time the old programs or the new ones are there, whole."""
        self.install()
        old = {file.name for file in self.places.program.iterdir()}
        new = old | {self.renew_kit()}
        stop = 1
        while self.stops_at(stop):
            self.assertIn({file.name for file in self.places.program.iterdir()}, (old, new), stop)
            self.assertTrue((self.places.program / "stuf_source/__main__.py").exists(), stop)
            stop += 1
        self.assertGreater(stop, 2, "the old programs go aside, and the new ones take their place")
        self.assertEqual({file.name for file in self.places.program.iterdir()}, new)

    def test_where_sshd_refuses_a_newer_block_the_former_stays_and_a_first_one_goes(self) -> None:
        def refused(words: list[str], failure: str) -> str:
            if words[:1] == ["sshd"]:
                raise installing.Refused(failure)
            return self.checked(words, failure)

        with patch.object(installing, "_checked", refused):
            self.assertEqual(self.install()[0], 12)
        self.assertFalse(installing.SSHD.exists())
        self.install()
        former = installing.SSHD.read_text()
        (self.kit / "program/system/sshd.conf").write_text("# newer\n")
        self.renew_kit()
        with patch.object(installing, "_checked", refused):
            code, told = self.install()
        self.assertEqual((code, "sshd does not accept its configuration" in told), (12, True), told)
        self.assertEqual((installing.SSHD.read_text(), installing.SSHD.stat().st_mode & 0o777), (former, 0o644))

    def stops_at(self, number: int) -> bool:
        """Installs until so many folders of programs got another name; whether that is what ended it."""
        rename, count = Path.rename, 0

        def failing(path: Path, target: Path) -> Path:
            nonlocal count
            if path.parent == self.places.program.parent:
                count += 1
                if count == number:
                    raise KeyboardInterrupt
            return rename(path, target)

        with patch.object(Path, "rename", failing):
            try:
                self.install()
            except KeyboardInterrupt:
                return True
        return False

    def test_what_was_killed_between_two_names_is_whole_again_after_the_next_installation(self) -> None:
        self.install()
        self.places.program.rename(self.places.program.with_name(".stuf-source.old"))
        self.assertEqual(self.install(), (0, ""))
        self.assertEqual([file.name for file in self.places.program.parent.iterdir()], ["stuf-source"])

    def test_while_frozen_nothing_is_removed(self) -> None:
        self.install()
        self.does("freeze")
        before = self.machine()
        told = io.StringIO()
        with redirect_stderr(told):
            code = installing.main(["--remove"])
        self.assertEqual((code, self.machine()), (12, before), told.getvalue())


class OpenSsh(unittest.TestCase):
    def test_which_openssh_is_new_enough(self) -> None:
        for said, good in (
            ("OpenSSH_10.0p2 Debian-7, OpenSSL 3.5", True),
            ("OpenSSH_9.2p1 Debian-2+deb12u7", True),
            ("OpenSSH_9.1p1", True),
            ("OpenSSH_9.0p1", False),
            ("OpenSSH_8.9p1", False),
            ("something else", False),
        ):
            self.assertIs(installing.newer(said), good, said)


if __name__ == "__main__":
    unittest.main()
