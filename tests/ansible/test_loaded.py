"""Whether a program runs with its files as they are, told by a note that is made after it has read them."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from modules import module

loaded = module("stuf_loaded")


class Answered(Exception):
    """What Ansible would get."""


class Ansible:
    """Stands for Ansible's side of one call."""

    check_mode = False

    def __init__(self, **given: Any) -> None:
        self.params = {"loaded": False, "by_content": False, **given}

    def exit_json(self, **answer: Any) -> None:
        """The answer of a call that went well."""
        raise Answered(answer)


class Loaded(unittest.TestCase):
    by_content = False

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.settings, self.certificates = self.folder / "daemon.json", self.folder / "tls"
        self.settings.write_text("{}")
        (self.certificates / "old").mkdir(parents=True)
        (self.certificates / "cert.pem").write_text("one")

    def call(self, read: bool, dry: bool = False) -> tuple[bool, bool]:
        """What one task tells: whether it is due, and whether it has changed something."""
        files, note = [self.settings, self.certificates], self.folder / "note"
        ansible = Ansible(files=files, note=note, loaded=read, by_content=self.by_content)
        ansible.check_mode = dry
        with mock.patch.object(loaded, "AnsibleModule", lambda **_: ansible), self.assertRaises(Answered) as told:
            loaded.main()
        answer = told.exception.args[0]
        return answer["due"], answer["changed"]

    def run_to_its_end(self) -> list[tuple[bool, bool]]:
        """The question, the restart that is due, and the note."""
        return [self.call(read=False), self.call(read=True)]

    def test_the_first_run_restarts_and_notes_it_and_the_second_changes_nothing(self) -> None:
        self.assertEqual(self.run_to_its_end(), [(True, False), (True, True)])
        self.assertEqual(self.run_to_its_end(), [(False, False), (False, False)])

    def test_a_run_that_ends_before_the_note_leaves_it_due(self) -> None:
        self.run_to_its_end()
        self.settings.write_text('{"log-driver": "json-file"}')
        for _ in range(2):
            self.assertEqual(self.call(read=False), (True, False))
        self.run_to_its_end()
        self.assertEqual(self.call(read=False), (False, False))

    def test_a_file_more_a_file_less_and_one_in_a_folder_count(self) -> None:
        changes = (
            lambda: (self.certificates / "cert.pem").write_text("two"),
            lambda: (self.certificates / "old" / "key.pem").write_text("key"),
            lambda: (self.certificates / "old" / "key.pem").unlink(),
            lambda: self.settings.unlink(),
        )
        for change in changes:
            self.run_to_its_end()
            change()
            self.assertEqual(self.call(read=False), (True, False))

    def test_a_file_put_right_again_counts_since_nobody_knows_what_was_read_meanwhile(self) -> None:
        self.run_to_its_end()
        os.utime(self.settings, ns=(1, 1))
        self.assertEqual(self.call(read=False), (True, False))

    def test_a_machine_put_back_from_its_image_changes_nothing_though_images_keep_seconds_alone(self) -> None:
        self.run_to_its_end()
        for file in (self.settings, self.certificates / "cert.pem"):
            second = int(file.stat().st_mtime)
            os.utime(file, (second, second))
        self.assertEqual(self.run_to_its_end(), [(False, False), (False, False)])

    def test_by_content_a_bundle_is_the_same_that_was_written_again_and_another_is_not(self) -> None:
        self.by_content = True
        self.assertEqual(self.run_to_its_end(), [(True, False), (True, True)])
        bundle, link = self.folder / "ca-certificates.crt", self.certificates / "cert.pem"
        bundle.write_text("one")
        link.unlink()
        link.symlink_to(bundle)
        os.utime(bundle, ns=(1, 1))
        self.assertEqual(self.run_to_its_end(), [(False, False), (False, False)])
        bundle.write_text("one\ntwo")
        self.assertEqual(self.run_to_its_end(), [(True, False), (True, True)])

    def test_a_dry_run_notes_nothing(self) -> None:
        self.assertEqual(self.call(read=True, dry=True), (True, True))
        self.assertFalse((self.folder / "note").exists())


if __name__ == "__main__":
    unittest.main()
