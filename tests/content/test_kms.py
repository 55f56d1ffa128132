"""A source whose objects are encrypted with SSE-KMS: its ETags are as long as an MD5, and are none."""

from __future__ import annotations

from cases import Case
from fronts import front
from stores import Bucket, moto


class Sealed(Case):
    keys = ("a.txt", "b/c.pdf", "by/itself/")

    def setUp(self) -> None:
        super().setUp()
        held = moto().bucket()
        self.between(held, moto().bucket())
        for key in self.keys:
            held.seed(key, f"body of {key}".encode())
        self.list_source()
        before = front(held.endpoint, kms=True)
        self.front = before.__enter__()
        self.addCleanup(before.__exit__, None, None, None)
        storage = {**self.credential["storage"], "endpoint": self.front.endpoint}
        self.write_credential({**self.credential, "storage": storage})

    def read(self) -> list[str]:
        """Keys that were read at the source since, each as often as it was."""
        found = sorted(key for method, key in self.front.asked if method == "GET" and key in self.keys)
        self.front.asked.clear()
        return found

    def test_its_etags_are_as_long_as_an_md5_and_none(self) -> None:
        there = Bucket(self.front.endpoint, self.source.name, None)
        self.between(there, self.target, source_bucket=self.source.name)
        self.content("inventory")
        self.assertEqual((self.state / "source.jsonl").read_text().count('"sealed":true'), 3)

    def test_each_object_is_read_and_sent_once(self) -> None:
        self.content("inventory")
        self.read()
        with moto().recorded() as asked:
            copy = self.content("copy").document

        self.assertEqual(self.read(), sorted(self.keys))
        written = sorted(key for method, key in asked if method == "PUT")
        # Of what rclone brought the target takes off what that added, without the bytes.
        self.assertEqual(written, ["a.txt", "a.txt", "b/c.pdf", "b/c.pdf", "by/itself/"])
        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (2, 1))
        self.assert_verified(3)
        self.assertEqual(self.target.objects(), self.source.objects())

    def test_after_a_kill_before_the_ledger_s_line_nothing_is_sent_again_nor_called_other_bytes(self) -> None:
        self.copied()
        # As a kill leaves it between what it wrote at the target and what it wrote down.
        (self.state / "carried.jsonl").write_text("")
        (self.state / "batches.json").unlink()
        self.target.watch_writes()

        copy = self.content("copy").document

        self.assertEqual(copy["there_already"], 3)
        self.assertEqual(self.target.written(), set())
        self.assert_verified(3)

    def test_what_changed_is_carried_by_a_delta(self) -> None:
        self.copied()
        self.source.seed("a.txt", b"other bytes")

        self.assertEqual(self.content("delta").document["added_or_changed"], 1)

        self.assert_verified(3)
