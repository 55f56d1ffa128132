"""D09 to D11 and D25 to D27: what the proof finds, and what rclone says of it."""

from __future__ import annotations

import hashlib
import re

from cases import MIB, Case, seed_k17, seed_mp
from fronts import front
from stores import Bucket, moto


class Proof(Case):
    headers = {
        "CacheControl": "no-store",
        "ContentDisposition": "attachment",
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "Expires": "Sun, 01 Nov 2026 08:00:00 GMT",
    }

    def setUp(self) -> None:
        super().setUp()
        self.between(moto().bucket(), moto().bucket())

    def test_d09_other_bytes_of_equal_size_differ(self) -> None:
        seed_mp(self.source)
        self.list_source()
        self.copied()
        like = self.target.head_object(Key="big/multi.bin")
        self.target.seed("big/multi.bin", b"x" * (12 * MIB), like["ContentType"], like["Metadata"])
        control = self.rclone("check", f"src:{self.source.name}", f"dst:{self.target.name}")
        self.assertEqual(control.returncode, 0, "rclone finds nothing wrong")

        report = self.proof(1)

        self.assertEqual((report["counts"]["differs"], report["counts"]["verified"]), (1, 1))
        self.assertEqual(report["findings"][0]["key"], "big/multi.bin")
        self.assertIn("SHA-256", report["findings"][0]["why"])

    def test_d09_and_delta_repairs_what_the_proof_found(self) -> None:
        seed_mp(self.source)
        self.list_source()
        self.copied()
        self.target.seed("big/multi.bin", b"x" * (12 * MIB))
        self.target.delete_object(Key="small.txt")
        self.assertEqual(self.proof(1)["counts"]["missing"], 1)

        delta = self.content("delta").document

        self.assertEqual((delta["added_or_changed"], delta["backup"]["objects"]), (2, 1))
        self.assert_verified(2)

    def test_metadata_that_the_source_only_counts_is_never_called_verified(self) -> None:
        self.source.seed("a", b"a")
        self.source.seed("b", b"b", metadata={"odd": "lost on the way", "plain": "told"})
        with front(self.source.endpoint, untold="x-amz-meta-odd") as source:
            self.between(Bucket(source.endpoint, self.source.name, self.source.client), self.target)
            self.list_source()
            self.copied()

            for verb in ("prove", "reconcile"):
                report = self.content(verb, 2).document
                self.assertEqual((report["counts"]["verified"], report["counts"]["unverifiable"]), (1, 1))
                self.assertEqual(
                    [(finding["key"], finding["why"]) for finding in report["findings"]],
                    [("b", "the source has metadata of it that HTTP cannot carry (x-amz-missing-meta)")],
                )

    def test_metadata_that_comes_in_two_headers_has_both_texts(self) -> None:
        self.source.seed("a", b"a", metadata={"odd": "first", "plain": "told"}, CacheControl="private")
        with front(self.source.endpoint, doubled="x-amz-meta-odd") as source:
            self.between(Bucket(source.endpoint, self.source.name, self.source.client), self.target)
            self.list_source()
            self.copied()

            self.assert_verified(1)

        self.assertEqual(self.target.head_object(Key="a")["Metadata"], {"odd": "first,again", "plain": "told"})

    def test_metadata_that_anyone_adds_at_the_target_differs_also_what_rclone_adds(self) -> None:
        self.source.seed("a", b"a", metadata={"uploader": "u"})
        self.list_source()
        self.copied()
        self.assert_verified(1)
        self.target.seed("a", b"a", metadata={"uploader": "u", "mtime": "somebody's", "btime": "1"})

        findings = self.proof(1)["findings"]

        self.assertEqual(findings, [{"key": "a", "verdict": "differs", "why": 'metadata added: "btime", "mtime"'}])
        self.content("delta")
        self.assert_verified(1)
        self.assertEqual(self.target.head_object(Key="a")["Metadata"], {"uploader": "u"})

    def test_what_s3_keeps_beside_an_object_keeps_it_from_being_verified_until_it_may_stay(self) -> None:
        self.source.seed("a", b"a")
        self.source.seed("r", b"r", WebsiteRedirectLocation="/elsewhere")
        self.source.seed("t", b"t")
        self.source.put_object_tagging(Key="t", Tagging={"TagSet": [{"Key": "retention", "Value": "10y"}]})
        self.list_source()

        taken = self.content("inventory").document

        self.assertEqual(taken["beside"], {"tags": 1, "redirect": 1})
        told = "; 1 with tags and 1 with a website redirect, not carried and so unverifiable"
        self.assertTrue(taken["message"].endswith(told), taken["message"])
        self.content("copy")

        def found(key: str, header: str, word: str) -> dict[str, str]:
            why = f"the source has what is not carried beside its content ({header}); `content_leave_behind: [{word}]`"
            return {
                "key": key,
                "verdict": "unverifiable",
                "why": f"{why} in local/vars.yml says that they may stay behind",
            }

        redirect = found("r", "x-amz-website-redirect-location", "redirect")
        tags = found("t", "x-amz-tagging-count", "tags")
        self.assertEqual(self.proof(2)["findings"], [redirect, tags])

        # Tags come and go without another time of the object.
        self.source.delete_object_tagging(Key="t")
        self.assertEqual(self.content("reconcile", 2).document["findings"], [redirect])

        self.configure(leave_behind=["redirect"])
        report = self.content("reconcile").document
        self.assertEqual((report["verdict"], report["counts"]["verified"]), ("pass", 3))
        self.assertEqual(report["beside"], {"tags": 0, "redirect": 1})
        self.assertTrue(report["message"].endswith("; 1 with a website redirect, not carried"), report["message"])
        self.configure(leave_behind=[])
        self.assertEqual(self.proof(2)["findings"], [redirect])
        self.configure(leave_behind=["acl"])
        self.assertIn("names something else than tags and redirect", self.content("prove", 12).err)

    def test_d10_a_manifest_of_nothing_is_not_run(self) -> None:
        self.write_lists([])
        self.content("inventory")
        sums = self.folder / "sums"
        sums.write_text("")
        control = self.rclone("checksum", "sha256", str(sums), f"dst:{self.target.name}", "--download", "--one-way")
        self.assertEqual(control.returncode, 0, "rclone finds nothing wrong")

        report = self.proof(3)

        self.assertEqual((report["verdict"], report["expected"]), ("not_run", 0))

    def test_d11_an_empty_target_misses_everything(self) -> None:
        seed_mp(self.source)
        self.list_source()
        self.content("inventory")

        report = self.proof(1)

        self.assertEqual((report["counts"]["missing"], report["counts"]["verified"]), (2, 0))

    def test_d25a_a_change_after_the_inventory_is_listed_for_delta(self) -> None:
        seed_k17(self.source)
        self.list_source()
        self.copied()
        self.source.seed("plain/a.txt", b"changed afterwards")

        report = self.proof(2)

        self.assertEqual((report["counts"]["unverifiable"], report["counts"]["verified"]), (1, 16))
        self.assertEqual(report["delta"], {"added": [], "changed": ["plain/a.txt"], "deleted": []})
        self.content("delta")
        self.assert_verified(17)

    def test_d26_an_extra_object_is_unexpected_and_stays(self) -> None:
        seed_k17(self.source)
        self.list_source()
        self.copied()
        self.target.seed("extra", b"x")

        report = self.proof(1)

        self.assertEqual((report["counts"]["unexpected"], report["counts"]["verified"]), (1, 17))
        self.assertIn("extra", self.target.listed())

    def test_d26_what_somebody_has_looked_at_and_named_goes_and_is_kept(self) -> None:
        seed_k17(self.source)
        self.list_source()
        self.copied()
        for key in ("extra", "sp/äxtra"):
            self.target.seed(key, key.encode())
        run = self.content("reconcile", 1)
        steps = ("look at what is unexpected", "(`content_remove: [KEY]`)", "./migrate content, which carries anew")
        self.assertEqual([step for step in steps if step not in run.document["next"]], [])
        self.assertIn(f"next: {run.document['next']}", run.err)
        # The source may have such a name by then, and of what was never there nothing is to be done.
        self.configure(remove=["extra", "sp/äxtra", "plain/a.txt", "never"])

        report = self.content("reconcile").document

        self.assertEqual((report["counts"]["unexpected"], report["counts"]["verified"]), (0, 17))
        self.assertEqual((report["carried"]["deleted"], report["carried"]["backup"]["objects"]), (2, 2))
        self.assertNotIn("next", report)
        kept = {key.split("/", 2)[2]: body for key, (body, *_) in self.target.objects("stufpack-backup/").items()}
        self.assertEqual(kept, {key: key.encode() for key in ("extra", "sp/äxtra")})
        self.configure(remove=["config/stuf_config.json"])
        self.assertIn("`remove` names what is no content", self.content("reconcile", 12).err)

    def test_what_differs_or_is_missing_says_what_to_do(self) -> None:
        self.source.seed("a", b"a")
        self.source.seed("b", b"b")
        self.list_source()
        self.copied()
        self.target.delete_object(Key="a")
        self.target.seed("b", b"c")
        kept = "what that takes away or overwrites is kept below stufpack-backup/"
        wanted = f"./migrate content, which carries anew what differs or is missing; {kept}"
        self.assertEqual(self.proof(1)["next"], wanted)

    def test_d26_what_the_migration_itself_writes_is_not_unexpected(self) -> None:
        seed_k17(self.source)
        self.list_source()
        self.copied()
        for key in ("config/stuf_config.json", "users.json", "users/u-001.json", "stufpack-validation/x"):
            self.target.seed(key, b"{}")
            self.source.seed(key, b"another")
        self.assert_verified(17)

    def test_d27_another_content_type_differs(self) -> None:
        seed_k17(self.source)
        self.list_source()
        self.copied()
        body, _, metadata = self.target.objects("a//b")["a//b"]
        self.target.seed("a//b", body, "text/plain", metadata)

        report = self.proof(1)

        self.assertEqual((report["counts"]["differs"], report["counts"]["verified"]), (1, 16))
        self.assertEqual(report["findings"][0]["key"], "a//b")
        self.assertIn("content type", report["findings"][0]["why"])

    def test_d27_each_header_that_was_lost_differs_and_is_named(self) -> None:
        headers = self.headers
        for name in headers:
            self.source.seed(name, b"x", **headers)
        self.list_source()
        self.copied()
        self.assert_verified(len(headers))
        for name in headers:
            others = {other: text for other, text in headers.items() if other != name}
            self.target.seed(name, b"x", **others)

        report = self.proof(1)

        lost = {found["key"]: found["why"] for found in report["findings"]}
        as_sent = {key: re.sub(r"(?<=[a-z])(?=[A-Z])", "-", key).lower() for key in headers}
        self.assertEqual(lost, {key: f"header {name} lost, changed or added" for key, name in as_sent.items()})

    def test_the_digests_of_the_export_are_the_measure_where_they_are_about_the_same_write(self) -> None:
        self.source.seed("a", b"abc")
        self.list_source(a={"sha256": f"sha256:{'0' * 64}"})
        self.copied()
        self.assertEqual(self.proof(1)["counts"]["differs"], 1)
        # Of another write they say nothing: the source is read.
        self.list_source(a={"sha256": f"sha256:{'0' * 64}", "modified": "2026-11-01T08:00:00Z"})
        self.assert_verified(1)
        self.list_source(a={"sha256": f"sha256:{hashlib.sha256(b'abc').hexdigest()}"})
        self.assert_verified(1)
