"""D01, D02, D04, D12: a whole content step, and what rclone alone makes of the same keys."""

from __future__ import annotations

from typing import ClassVar

from cases import K17, Case, seed_k17
from stores import Bucket, moto


class FirstCopy(Case):
    #: What a proof finds after rclone has copied the bucket by itself, without metadata.
    after_rclone: ClassVar = {"differs": 13, "missing": 4, "unexpected": 0}

    def setUp(self) -> None:
        super().setUp()
        self.between(moto().bucket(), moto().bucket())
        seed_k17(self.source)
        self.list_source()

    def test_d01_every_awkward_key_arrives_and_is_verified(self) -> None:
        copy = self.copied().document

        # Batch lists cost rclone `/lead`, and control characters its checks: so five go by themselves, not three.
        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (12, 5))
        self.assertEqual(len(self.target.listed()), len(K17))
        self.assertEqual(self.target.objects(), self.expected())
        self.assert_verified(17)

    def test_d01_a_second_copy_and_a_second_proof_change_nothing(self) -> None:
        self.copied()
        self.target.watch_writes()

        again = self.content("copy").document

        self.assertEqual(again["earlier"], 17)
        self.assertEqual(self.target.written(), set())
        self.assert_verified(17)
        self.assert_verified(17)

    def test_d02_what_rclone_s_batch_lists_lose_is_missing(self) -> None:
        self.content("inventory")
        names = self.folder / "names"
        names.write_text("".join(f"{key}\n" for key in K17), newline="\n")
        flags = ("--no-traverse", "--no-unicode-normalization", "--metadata")
        control = self.rclone("copy", self.of("src"), self.of("dst"), f"--files-from-raw={names}", *flags)
        self.assertEqual(control.returncode, 0, "rclone finds nothing wrong")

        report = self.proof(1)

        # The others are there, with what rclone added: nobody has written down that it was this program's.
        self.assertEqual((report["counts"]["missing"], report["counts"]["differs"]), (4, 13))
        lost = [finding["key"] for finding in report["findings"] if finding["verdict"] == "missing"]
        self.assertEqual(lost, sorted(["/lead", "dot/../up", "empty/", "trail/"]))
        whys = {finding["why"] for finding in report["findings"] if finding["verdict"] == "differs"}
        self.assertEqual(whys, {'metadata added: "btime", "mtime"'})

    def test_d04_lost_metadata_differs_and_is_named(self) -> None:
        self.content("inventory")
        control = self.rclone("copy", self.of("src"), self.of("dst"))
        self.assertEqual(control.returncode, 0, "rclone finds nothing wrong")

        report = self.proof(1)

        self.assertEqual({word: report["counts"][word] for word in self.after_rclone}, self.after_rclone)
        for finding in report["findings"]:
            if finding["verdict"] == "differs":
                self.assertIn('metadata lost or changed: "original_filename", "uploader"', finding["why"])

    def test_an_object_that_changes_before_it_is_copied_is_left_to_delta(self) -> None:
        self.content("inventory")
        self.source.seed("plain/a.txt", b"changed meanwhile")
        self.source.seed("dot/../up", b"changed meanwhile")

        copy = self.content("copy").document

        # By rclone it went as it is now; by itself too. Neither is taken for what the inventory knew.
        self.assertEqual(copy["left_for_delta"], 1)
        self.assertEqual(self.proof(2)["counts"]["unverifiable"], 2)
        self.content("delta")
        self.assert_verified(17)

    def test_what_an_rclone_that_fails_left_behind_goes_by_itself(self) -> None:
        fake = self.folder / "rclone"
        fake.write_text('#!/bin/sh\n[ "$1" = version ] && echo "rclone v1.75.2" && exit 0\necho "no" >&2\nexit 1\n')
        fake.chmod(0o755)
        self.configure(rclone=str(fake))

        run = self.copied()

        self.assertIn("rclone ended with 1, 3 times", run.err)
        self.assertEqual((run.document["by_rclone"], run.document["one_by_one"]), (0, 17))
        self.assert_verified(17)

    def test_other_bytes_at_the_target_are_never_overwritten_by_a_first_copy(self) -> None:
        self.target.seed("plain/a.txt", b"somebody's")
        self.target.seed("dot/../up", b"somebody's")
        self.content("inventory")

        run = self.content("copy", 1)

        self.assertEqual([found["key"] for found in run.document["findings"]], ["dot/../up", "plain/a.txt"])
        self.assertEqual({body for body, *_ in self.target.objects("plain").values()}, {b"somebody's"})
        self.assertEqual(self.target.objects("dot")["dot/../up"][0], b"somebody's")

    def expected(self) -> dict[str, tuple]:
        """What the target holds after a whole copy."""
        return self.source.objects()

    def of(self, side: str) -> str:
        return f"{side}:{(self.source if side == 'src' else self.target).name}"


class Lists(Case):
    def setUp(self) -> None:
        super().setUp()
        self.between(moto().bucket(), moto().bucket())
        self.source.seed("plain/a.txt", b"a")

    def test_d12_a_listed_key_that_names_no_object_is_missing(self) -> None:
        line = {"size": 1, "modified": "2026-11-01T08:00:00Z", "content_type": "application/x-demo", "metadata": {}}
        self.write_lists([{"key": key, **line} for key in ("not/there", "plain/a.txt")])
        names = self.folder / "names"
        names.write_text("plain/a.txt\nnot/there\n")
        words = ("copy", f"src:{self.source.name}", f"dst:{moto().bucket().name}")
        control = self.rclone(*words, f"--files-from-raw={names}", "--no-traverse")
        self.assertEqual(control.returncode, 0, "rclone finds nothing wrong")
        self.configure(delete_limit=1)

        copy = self.copied().document

        self.assertEqual((copy["by_rclone"], copy["gone"]), (1, 1))
        report = self.proof(1)
        self.assertEqual((report["counts"]["missing"], report["counts"]["verified"]), (1, 1))
        self.assertEqual(report["findings"][0]["key"], "not/there")

    def test_d12_a_bucket_that_does_not_exist_is_refused(self) -> None:
        self.list_source()
        names = self.folder / "names"
        names.write_text("plain/a.txt\n")
        control = self.rclone(
            "copy", "src:no-such-bucket", f"dst:{self.target.name}", f"--files-from-raw={names}", "--no-traverse"
        )
        self.assertEqual(control.returncode, 0, "rclone finds nothing wrong")
        self.assertEqual(self.target.listed(), [])
        self.between(Bucket(moto().endpoint, "no-such-bucket", self.source.client), self.target)

        self.assertIn("NoSuchBucket", self.content("inventory", 12).err)
        self.content("copy", 12)

        self.assertEqual(self.target.listed(), [])
