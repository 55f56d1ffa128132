"""D28, and all the others' essence with the real Garage as the target: what a host has."""

from __future__ import annotations

import sys

from cases import ANSIBLE, K17, MIB, RCLONE, Case, seed_k17, seed_mp
from stores import ACCESS_KEY, SECRET_KEY, Bucket, garage, moto
from test_prechecks import forbid_writing

sys.path[:0] = [str(ANSIBLE / "roles/content/files"), str(ANSIBLE / "module_utils")]

from stuf_content.configuration import Place  # noqa: E402 (after the path)
from stuf_content.entries import Entry  # noqa: E402
from stuf_content.limits import Stopping  # noqa: E402
from stuf_content.s3 import Store  # noqa: E402
from stufpack_signature import Key  # noqa: E402

#: Keeps what rclone is told to copy, and is rclone.
SPY = """#!/bin/sh
for word; do case $word in --files-from-raw=*) cat "${{word#*=}}" >>{given};; esac; done
exec {rclone} "$@"
"""
RENAMED = {"/lead": {"target_key": "%2Flead", "alone": True}}


def own_client(bucket: Bucket) -> Store:
    """The client of the program under test."""
    place = Place(bucket.endpoint, bucket.name, Key(ACCESS_KEY, SECRET_KEY, "us-east-1"))
    return Store(place, 1000, Stopping())


class Garage(Case):
    def setUp(self) -> None:
        super().setUp()
        self.between(moto().bucket(), garage().bucket(), store="garage")

    def test_d28_exactly_the_leading_slash_is_refused_and_with_a_rule_everything_arrives(self) -> None:
        seed_k17(self.source)
        for key in ("a", "a/b"):
            self.source.seed(key, key.encode())
        self.list_source()
        self.content("inventory")

        run = self.content("check-keys", 12)

        self.assertEqual([found["key"] for found in run.document["findings"]], ["/lead"])
        self.assertEqual(self.target.listed(), [])

        self.list_source(**RENAMED)
        checked = self.content("check-keys").document
        self.assertEqual(checked["renamed"], [{"key": "/lead", "target_key": "%2Flead"}])
        self.content("copy")
        self.assert_verified(19)
        self.assertEqual(self.proof(0)["transformed"], 1)
        expected = {("%2Flead" if key == "/lead" else key): value for key, value in self.source.objects().items()}
        self.assertEqual(self.target.objects(), expected)
        self.assertLessEqual({*K17, "a", "a/b", "%2Flead"} - {"/lead"}, set(self.target.listed()))

    def test_d29_a_key_with_a_line_break_arrives_and_stands_in_no_list_that_the_bulk_tool_reads(self) -> None:
        self.between(garage().bucket(), garage().bucket(), store="garage")
        for key in ("two\nlines", "plain"):
            self.source.seed(key, b"body")
        self.list_source()
        self.content("inventory")
        given, spy = self.folder / "given", self.folder / "rclone"
        spy.write_text(SPY.format(given=given, rclone=RCLONE))
        spy.chmod(0o755)
        self.configure(rclone=str(spy))

        self.content("copy")

        self.assertEqual(given.read_text(), "plain\n")
        self.assert_verified(2)
        self.assertEqual(self.target.objects(), self.source.objects())

    def test_objects_in_parts_go_in_bulk_and_one_by_one(self) -> None:
        seed_mp(self.source)
        self.source.seed("big/", bytes(range(256)) * (4 * 40 * 1024))
        self.list_source()

        copy = self.copied().document

        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (2, 1))
        self.assertEqual(len(self.target.objects("big/")["big/"][0]), 40 * MIB)
        self.assertEqual(self.target.objects(), self.source.objects())
        self.assert_verified(3)

    def test_metadata_beyond_ascii_and_headers_arrive_as_they_are(self) -> None:
        self.source.put_object(
            Key="a",
            Body=b"a",
            ContentType="text/plain; charset=utf-8",
            CacheControl="no-store",
            ContentDisposition='attachment; filename="a b.txt"',
            ContentLanguage="nb",
            Metadata={
                "original_filename": "=?UTF-8?B?dMOkc3QgLnBkZg==?=",
                "comment": "two  blanks, a 'quote' and % + =",
            },
        )
        self.source.seed("b", b"b", metadata={"mtime": "a user's own", "tier": "gold", "uploader": "u"})
        self.list_source()

        self.copied()

        for key in "ab":
            there, here = self.target.head_object(Key=key), self.source.head_object(Key=key)
            for name in ("Metadata", "ContentType", "CacheControl", "ContentDisposition", "ContentLanguage"):
                self.assertEqual(there.get(name), here.get(name), f"{name} of {key}")
        self.assert_verified(2)

    def test_metadata_that_is_raw_utf_8_arrives_by_either_way(self) -> None:
        # boto3 refuses to write it, so the program's own client does: stores give it, whoever wrote it.
        metadata = {"original_filename": "Prüfung تقرير.docx", "comment": "two  blanks"}
        source = own_client(self.source)
        for key in ("by/rclone", "by/itself/"):
            source.put(key, b"x", Entry(key, 1, "", "", "text/plain", metadata))
        line = {"size": 1, "content_type": "text/plain"}
        heads = {key: self.source.head_object(Key=key) for key in ("by/rclone", "by/itself/")}
        when = {key: head["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ") for key, head in heads.items()}
        self.write_lists([{"key": key, "modified": modified, **line} for key, modified in when.items()])

        copy = self.copied().document

        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (1, 1))
        for key in ("by/rclone", "by/itself/"):
            self.assertEqual(own_client(self.target).head(key).metadata, metadata)
        self.assert_verified(2)

    def test_the_probe_writes_reads_and_deletes_at_the_target(self) -> None:
        self.source.seed("a", b"a")
        forbid_writing(self.source)
        self.content("probe")
        self.assertEqual(self.target.listed(), [])
        (self.secrets / "storage_secret_key").write_text("0" * 64)
        self.assertIn("the target's bucket does not work", self.content("probe", 12).err)

    def test_delta_and_backup_work_there_too(self) -> None:
        seed_k17(self.source)
        self.list_source(**RENAMED)
        self.copied()
        self.source.seed('tab\tq"uote', b"changed")
        self.source.seed("a//b", b"changed")
        self.source.delete_object(Key="/lead")
        old = self.target.objects()

        delta = self.content("delta").document

        self.assertEqual((delta["added_or_changed"], delta["deleted"]), (2, 1))
        kept = {key.split("/", 2)[2]: value for key, value in self.target.objects("stufpack-backup/").items()}
        self.assertEqual(kept, {key: old[key] for key in ("%2Flead", "a//b", 'tab\tq"uote')})
        self.assert_verified(16)
