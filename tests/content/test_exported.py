"""What the package says of the source is held against the source: its bucket, and every object's size and time."""

from __future__ import annotations

import hashlib

from cases import Case
from fronts import front
from stores import Bucket, moto


def digest(body: bytes) -> dict[str, str]:
    """What an export with digests says of the bytes."""
    return {"sha256": f"sha256:{hashlib.sha256(body).hexdigest()}"}


class Exported(Case):
    def setUp(self) -> None:
        super().setUp()
        self.between(moto().bucket(), moto().bucket())
        self.keys = [f"contracts/{number}.pdf" for number in range(10)]
        for key in self.keys:
            self.source.seed(key, f"the contract {key}".encode())
        self.list_source(**{key: digest(f"the contract {key}".encode()) for key in self.keys})

    def read_from(self, bucket: Bucket) -> None:
        """The credential names this bucket."""
        storage = {**self.credential["storage"], "endpoint": bucket.endpoint, "bucket": bucket.name}
        self.write_credential({**self.credential, "storage": storage})

    def overwrite(self, bucket: Bucket, number: int) -> None:
        """Other bytes under the first keys."""
        for key in self.keys[:number]:
            bucket.seed(key, b"a test file of staging")

    def test_another_bucket_with_the_same_keys_is_refused_whichever_verb_asks_first(self) -> None:
        staging = moto().bucket()
        self.overwrite(staging, 10)
        self.read_from(staging)

        for verb in ("probe", "inventory"):
            with self.subTest(verb):
                run = self.content(verb, 12)
                self.assertIn(f"is for bucket {staging.name}, and the export is of bucket {self.source.name}", run.err)
        self.assertEqual(self.target.listed(), [])

    def test_one_that_was_moved_on_purpose_is_still_held_against_every_size_and_time(self) -> None:
        staging = moto().bucket()
        self.overwrite(staging, 10)
        self.read_from(staging)
        self.configure(source_bucket=staging.name)

        run = self.content("inventory", 12)

        self.assertIn("10 objects changed at the source since the export, and the limit is 5", run.err)
        self.assertEqual((run.document["error"]["changed"], run.document["error"]["limit"]), (10, 5))
        self.assertFalse((self.state / "source.jsonl").exists())

    def test_a_few_that_changed_since_the_export_are_carried_and_counted(self) -> None:
        self.overwrite(self.source, 3)
        self.source.seed("contracts/new.pdf", b"new")

        taken = self.content("inventory").document
        self.content("copy")
        run = self.content("reconcile").document

        self.assertEqual(taken["message"], "source: 11 objects; since the export: 1 new, 3 changed, 0 gone")
        self.assertEqual((taken["new_since_export"], taken["changed_since_export"]), (1, 3))
        self.assertEqual((run["verdict"], run["counts"]["verified"]), ("pass", 11))
        self.assertIn("since the export: 1 new, 3 changed, 0 gone", run["message"])
        self.assertEqual(self.target.objects(), self.source.objects())

    def test_what_was_gone_before_the_copy_is_told_with_the_verdict(self) -> None:
        for key in self.keys[:5]:
            self.source.delete_object(Key=key)
        self.copied()

        run = self.content("reconcile").document

        self.assertEqual((run["verdict"], run["expected"], run["gone_since_export"]), ("pass", 5, 5))
        self.assertIn("since the export: 0 new, 0 changed, 5 gone", run["message"])

    def test_a_file_whose_name_is_the_administration_s_stays_behind_and_is_named(self) -> None:
        behind = ["stufpack-backup/2026/b.pdf", "users/ada/passport.pdf", "users/passport.pdf"]
        for key in (*behind, "users.json", "users/u-001.json", "config/stuf_config.json"):
            self.source.seed(key, b"came later")

        taken = self.content("inventory").document
        self.content("copy")
        run = self.content("reconcile").document

        for document in (taken, run):
            self.assertEqual(document["left_out"], behind)
            self.assertIn("0 gone; 3 left out, whose names are the administration's", document["message"])
        self.assertEqual((run["verdict"], run["counts"]["verified"]), ("pass", 10))
        self.assertEqual(sorted(self.target.listed()), self.keys)

    def test_a_source_that_was_overwritten_after_the_copy_overwrites_nothing_here_until_somebody_means_it(self) -> None:
        self.copied()
        before = self.target.objects()
        self.overwrite(self.source, 10)

        run = self.content("reconcile", 12)

        self.assertIn("`content_change_limit: 10`", run.err)
        self.assertEqual(self.target.objects(), before)
        self.configure(change_limit=10)
        run = self.content("reconcile").document
        self.assertEqual((run["verdict"], run["changed_since_export"]), ("pass", 10))

    def test_bytes_that_are_not_the_export_s_under_its_size_and_time_fail(self) -> None:
        key = self.keys[0]
        self.list_source(**{key: digest(b"what it was")})
        self.copied()

        report = self.proof(1)

        self.assertEqual((report["counts"]["differs"], report["counts"]["verified"]), (1, 9))
        self.assertEqual(report["findings"], [{"key": key, "verdict": "differs", "why": "other bytes: SHA-256"}])

    def test_a_bucket_is_not_copied_onto_itself(self) -> None:
        self.read_from(self.target)
        self.configure(source_bucket=self.target.name)
        for key in self.keys:
            self.target.seed(key, b"the target's own")

        run = self.content("inventory", 12)

        self.assertIn(f"source and target are one bucket: {self.target.name}", run.err)

    def test_nor_where_it_has_two_addresses(self) -> None:
        with front(self.target.endpoint, read_only=True) as other:
            self.read_from(Bucket(other.endpoint, self.target.name, None))
            self.configure(source_bucket=self.target.name)

            run = self.content("probe", 12)

        self.assertIn(f"source and target are one bucket: {self.target.name}", run.err)
        self.assertEqual(self.target.listed(), [], "what was tried is gone again")

    def test_nor_proven_by_itself_where_it_has_two_addresses(self) -> None:
        for key in self.keys:
            self.target.seed(key, f"the contract {key}".encode())
        with front(self.target.endpoint, read_only=True) as other:
            self.between(Bucket(other.endpoint, self.target.name, self.target.client), self.target)
            self.list_source()
            self.copied()

            for verb in ("prove", "reconcile"):
                with self.subTest(verb):
                    run = self.content(verb, 12)
                    self.assertIn(f"source and target are one bucket: {self.target.name}", run.err)

        self.assertFalse((self.state / "report.json").exists())
        self.assertEqual(sorted(self.target.listed()), self.keys, "what was tried is gone again")
