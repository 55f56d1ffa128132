"""D05 to D08, and all the others' essence with Azurite as the target: what Azure keeps, and what it cannot hold."""

from __future__ import annotations

import hashlib
import sys
import unittest
from contextlib import nullcontext
from types import SimpleNamespace
from unittest import mock

from cases import ANSIBLE, EMPTY, K17, MIB, Case, seed_k17, seed_mp
from stores import ACCOUNT, ACCOUNT_KEY, azurite, moto
from test_prechecks import forbid_writing

sys.path[:0] = [str(ANSIBLE / "roles/content/files"), str(ANSIBLE / "module_utils")]

from stuf_content import azure, keys  # noqa: E402 (after the path)
from stuf_content.configuration import Place  # noqa: E402
from stuf_content.entries import Entry  # noqa: E402
from stuf_content.limits import Stopping  # noqa: E402
from stuf_content.wire import StoreError  # noqa: E402
from stufpack_signature import Key  # noqa: E402

#: The keys of the fixtures that Azure cannot hold, as a target's rule renames them.
NAMES = {
    "dir/file.": "dir/file%2E",
    "dot/../up": "dot/.%2E/up",
    'tab\tq"uote': 'tab%09q"uote',
    "back\\slash": "back%5Cslash",
    "trail/": "trail%2F",
    "empty/": "empty%2F",
}
RULE = {key: {"target_key": name, "alone": True} for key, name in NAMES.items()}


class Azure(Case):
    def setUp(self) -> None:
        super().setUp()
        self.between(moto().bucket(), azurite().container(), store="azure-blob")

    def test_d05_type_and_metadata_come_unchanged_of_objects_in_parts_too(self) -> None:
        seed_mp(self.source)
        self.list_source()

        copy = self.copied().document

        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (2, 0))
        there = {key: self.target.head_object(key) for key in self.target.listed()}
        self.assertEqual([one["ContentType"] for one in there.values()], ["application/x-demo"] * 2)
        metadata = {key: one["Metadata"] for key, one in there.items()}
        self.assertEqual(metadata["big/multi.bin"], {"uploader": "u", "original_filename": "multi.bin"})
        self.assertEqual(metadata["small.txt"], {"uploader": "user@example.org", "original_filename": "demo.bin"})
        self.assertEqual({key for key, one in there.items() if one["MD5"] is None}, {"big/multi.bin"})
        self.assertEqual(self.target.objects(), self.source.objects())
        self.assert_verified(2)

    def test_d06_a_metadata_name_that_is_no_identifier_is_refused_or_renamed_by_the_rule(self) -> None:
        seed_mp(self.source, name="original-filename")
        self.list_source()
        self.content("inventory")

        run = self.content("check-keys", 12)

        why = 'the metadata name "original-filename" is not an identifier'
        self.assertEqual(run.document["findings"], [{"key": "big/multi.bin", "why": why}])
        self.assertIn(f'"big/multi.bin": {why}', run.err)
        self.assertEqual(self.target.listed(), [])
        control = self.rclone("copy", *self.both(), "--metadata", "--retries=1")
        self.assertEqual((control.returncode, self.target.listed()), (1, ["small.txt"]), "rclone finds out by trying")
        self.target.delete_object("small.txt")

        self.configure(rename_keys="percent-encode")
        checked = self.content("check-keys").document
        self.assertEqual(checked["renamed_metadata"], [{"key": "big/multi.bin", "names": ["original_2dfilename"]}])
        copy = self.content("copy").document
        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (1, 1))
        metadata = self.target.head_object("big/multi.bin")["Metadata"]
        self.assertEqual(metadata, {"uploader": "u", "original_2dfilename": "multi.bin"})
        self.assertEqual(self.proof(0)["transformed"], 1)
        self.assert_verified(2)

    def test_d06_what_the_rule_renamed_is_carried_and_proven_under_its_new_name(self) -> None:
        seed_mp(self.source, name="original-filename")
        self.configure(rename_keys="percent-encode")
        self.list_source()
        self.copied()
        body = b"y" * (12 * MIB)
        self.source.seed("big/multi.bin", body, metadata={"uploader": "u", "original-filename": "other.bin"})

        self.assertEqual(self.content("delta").document["added_or_changed"], 1)

        metadata = {"uploader": "u", "original_2dfilename": "other.bin"}
        self.assertEqual(self.target.objects("big")["big/multi.bin"], (body, "application/x-demo", metadata))
        self.assert_verified(2)
        self.target.seed("big/multi.bin", body, metadata=metadata | {"original_2dfilename": "another.bin"})
        self.assertIn('"original_2dfilename"', self.proof(1)["findings"][0]["why"])

    def test_d07_keys_that_rclone_renames_are_found_though_it_calls_them_equal(self) -> None:
        seed_k17(self.source)
        self.list_source()
        self.content("inventory")
        flags = ("--no-unicode-normalization", "--metadata")
        control = self.rclone("copy", *self.both(), *flags)
        self.assertEqual(control.returncode, 0, "rclone finds nothing wrong")
        renamed = {"back\uff3cslash", "dir/file\uff0e", 'tab\u2409q"uote'}
        self.assertEqual(set(self.target.listed()), {*K17} - NAMES.keys() | renamed)
        self.assertEqual(len(self.target.listed()), 14)
        sums = self.folder / "sums"
        bodies = {key: body for key, (body, *_) in self.source.objects().items()}
        sums.write_text("".join(f"{hashlib.sha256(body).hexdigest()}  {key}\n" for key, body in bodies.items()))
        words = ("checksum", "sha256", str(sums), self.both()[1], "--download", "--one-way", "--combined", "-")
        printed = self.rclone(*words, "--no-unicode-normalization").stdout.split("\n")
        equal = [line for line in printed if line.startswith("= ")]
        self.assertEqual(len(equal), 13)
        self.assertLessEqual({"= back\\slash", "= dir/file."}, set(equal), "rclone speaks of names of its own")

        report = self.proof(1)

        self.assertEqual((report["verdict"], report["counts"]["differs"]), ("fail", 11))
        # The others have what rclone adds to the metadata.
        found = {one["key"]: one["verdict"] for one in report["findings"] if "metadata added" not in one["why"]}
        self.assertEqual(found, dict.fromkeys(NAMES, "missing") | dict.fromkeys(renamed, "unexpected"))

    def test_d08_exactly_the_keys_that_azure_cannot_hold_are_named_before_the_first_byte(self) -> None:
        seed_k17(self.source)
        self.list_source()
        self.content("inventory")

        run = self.content("check-keys", 12)

        self.assertEqual({found["key"]: found["why"] for found in run.document["findings"]}, {
            "back\\slash": "the key holds a backslash",
            "dir/file.": "a segment of the key ends with a dot",
            'tab\tq"uote': "the key holds a control character",
            "dot/../up": "the key holds a segment `.` or `..`",
            "empty/": "the key ends with a slash",
            "trail/": "the key ends with a slash",
        })  # fmt: skip
        self.assertEqual(self.target.listed(), [])

    def test_d08_with_a_rule_every_awkward_key_arrives(self) -> None:
        seed_k17(self.source)
        self.configure(rename_keys="percent-encode")
        self.list_source(**RULE)

        copy = self.copied().document

        # Beside the six `/lead`, which rclone's batch lists lose.
        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (10, 7))
        expected = {NAMES.get(key, key): value for key, value in self.source.objects().items()}
        self.assertEqual(self.target.objects(), expected)
        self.assertEqual(self.proof(0)["transformed"], 6)
        self.assert_verified(17)
        self.target.watch_writes()
        self.assertEqual(self.content("copy").document["earlier"], 17)
        self.assertEqual(self.target.written(), set())

    def test_characters_by_which_rclone_writes_others_are_kept_from_it(self) -> None:
        written = ["full\uff0estop", "full\uff0fwidth", "full\uff3cwidth", "control\u2409picture", "a\u201bquote"]
        for key in written:
            self.source.seed(key, key.encode())
        self.list_source()
        self.content("inventory")
        names = self.folder / "names"
        names.write_text("".join(f"{key}\n" for key in written))
        control = self.rclone("copy", *self.both(), f"--files-from-raw={names}", "--no-traverse")
        there = set(self.target.listed())
        self.assertEqual((control.returncode, "full\uff3cwidth" in there), (0, False), "rclone finds nothing wrong")
        for key in there:
            self.target.delete_object(key)

        copy = self.content("copy").document

        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (0, 5))
        self.assertEqual(self.target.objects(), self.source.objects())
        self.assert_verified(5)

    def test_objects_in_parts_go_one_by_one_too(self) -> None:
        self.source.seed("/big", bytes(range(256)) * (4 * 40 * 1024))
        self.list_source()

        copy = self.copied().document

        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (0, 1))
        self.assertEqual(len(self.target.objects()["/big"][0]), 40 * MIB)
        self.assertEqual(self.target.objects(), self.source.objects())
        self.assert_verified(1)

    def test_metadata_and_headers_arrive_as_they_are_by_either_way(self) -> None:
        pairs = {
            "original_filename": "=?UTF-8?B?dMOkc3QgLnBkZg==?=",
            "comment": "two  blanks, a 'quote' and % + =",
            # What is signed is in the service's order: the underscore comes before digits.
            **{name: name for name in ("a_b", "a1", "ab", "a_")},
        }
        for key in ("by/rclone", "/by/itself"):
            self.source.put_object(
                Key=key,
                Body=b"a",
                ContentType="text/plain; charset=utf-8",
                CacheControl="no-store",
                ContentDisposition='attachment; filename="a b.txt"',
                ContentLanguage="nb",
                Metadata=pairs,
            )
        self.list_source()

        copy = self.copied().document

        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (1, 1))
        for key in ("by/rclone", "/by/itself"):
            there, here = self.target.head_object(key), self.source.head_object(Key=key)
            for name in ("Metadata", "ContentType", "CacheControl", "ContentDisposition", "ContentLanguage"):
                self.assertEqual(there[name], here[name], f"{name} of {key}")
        self.assert_verified(2)

    def test_metadata_that_azure_does_not_keep_is_refused(self) -> None:
        line = {"size": 1, "modified": "2026-11-01T08:00:00Z", "content_type": "text/plain"}
        pairs = {"beyond": {"comment": "Prüfung"}, "twice": {"a-b": "1", "a_2db": "2"}, "large": {"a": "x" * 9000}}
        self.write_lists([{"key": key, "metadata": found, **line} for key, found in pairs.items()])
        self.configure(rename_keys="percent-encode")
        run = self.content("check-keys", 12)
        self.assertEqual({found["key"]: found["why"] for found in run.document["findings"]}, {
            "beyond": 'the metadata "comment" holds characters beyond ASCII',
            "twice": "two metadata names would become the same",
            "large": "the metadata is larger than the store holds",
        })  # fmt: skip

    def test_the_probe_writes_reads_and_deletes_at_the_target(self) -> None:
        self.source.seed("a", b"a")
        forbid_writing(self.source)
        self.content("probe")
        self.assertEqual(self.target.listed(), [])
        (self.secrets / "storage_secret_key").write_text("0" * 64)
        self.assertIn("the target's bucket does not work", self.content("probe", 12).err)

    def test_what_is_no_account_or_not_encrypted_is_refused_and_not_shown(self) -> None:
        (self.secrets / "storage_secret_key").write_text("obviously-fake!")
        refused = self.content("inventory", 12).err
        self.assertIn("not name and key of a storage account", refused)
        self.assertNotIn("obviously-fake", refused)
        self.configuration["target"]["endpoint"] = "http://stufpack.blob.core.windows.net"
        self.configure()
        self.assertIn("`endpoint` is not https", self.content("inventory", 12).err)

    def test_delta_and_backup_work_there_too(self) -> None:
        seed_k17(self.source)
        self.configure(rename_keys="percent-encode")
        self.list_source(**RULE)
        self.copied()
        self.source.seed('tab\tq"uote', b"changed")
        self.source.seed("a//b", b"changed")
        self.source.delete_object(Key="dot/../up")
        self.source.seed("new.", b"new")
        old = self.target.objects()

        delta = self.content("delta").document

        self.assertEqual((delta["added_or_changed"], delta["deleted"]), (3, 1))
        kept = {key.split("/", 2)[2]: value for key, value in self.target.objects("stufpack-backup/").items()}
        self.assertEqual(kept, {key: old[key] for key in ("dot/.%2E/up", "a//b", 'tab%09q"uote')})
        self.assertEqual(self.target.objects("new")["new%2E"][0], b"new")
        self.assert_verified(17)

    def test_other_bytes_at_the_target_are_never_overwritten_by_a_first_copy(self) -> None:
        for key in ("plain", "/lead"):
            self.source.seed(key, b"source")
            self.target.seed(key, b"target")
        self.list_source()
        self.content("inventory")

        run = self.content("copy", 1)

        self.assertEqual([found["key"] for found in run.document["findings"]], ["/lead", "plain"])
        self.assertEqual({body for body, *_ in self.target.objects().values()}, {b"target"})

    def test_a_container_is_asked_whether_it_takes_anything(self) -> None:
        place = Place(self.target.endpoint, self.target.name, Key(ACCOUNT, ACCOUNT_KEY, "norwayeast"))
        wire = azure.Store(place, 1000, Stopping()).wire
        methods = ("HEAD", "PUT", "HEAD", "DELETE", "HEAD")
        self.assertEqual([wire.send(lambda: wire.question(one)).status for one in methods], [404, 201, 200, 202, 404])  # noqa: B023

    def both(self) -> tuple[str, str]:
        """Source and target, as rclone calls them."""
        return f"src:{self.source.name}", f"dst:{self.target.name}"


class Rules(unittest.TestCase):
    """The same as the package was checked by (src/check/store.rs)."""

    def test_keys_are_refused_and_renamed_as_the_package_s_check_does_it(self) -> None:
        self.assertEqual({key for key in K17 if keys.key_problem("azure-blob", key)}, set(NAMES))
        self.assertEqual({key: keys.percent_encoded("azure-blob", key) for key in NAMES}, NAMES)
        self.assertLessEqual({"trail/", "empty/"}, {*EMPTY})
        others = {"a\ue000": "a%EE%80%80", "a\x81": "a%C2%81", "a/b./": "a/b%2E%2F", "\udcff%": "%FF%25"}
        for key, name in others.items():
            self.assertEqual(keys.percent_encoded("azure-blob", key), name)
            self.assertIsNotNone(keys.key_problem("azure-blob", key))
        deep = "/".join("a" * 255)
        self.assertEqual(keys.key_problem("azure-blob", deep), "the key has more than 254 segments")
        self.assertIsNone(keys.percent_encoded("azure-blob", deep))
        self.assertIsNone(keys.key_problem("azure-blob", deep[2:]))

    def test_no_two_metadata_names_become_one_by_the_rule_alone(self) -> None:
        names = ("a-b", "a_-b", "a--b", "a_2d-b", "1st", "_1-st", "a.b")
        entries = [Entry("k", 0, "", "", "", {name: ""}) for name in names]
        held = [name for entry in entries for name in keys.as_held("azure-blob", entry, rename=True).metadata]
        self.assertEqual(len(set(held)), len(names))
        self.assertTrue(all(keys.IDENTIFIER.fullmatch(name) for name in held), held)
        self.assertEqual(held[4], "_31st")

    def test_a_header_that_azure_does_not_keep_is_refused(self) -> None:
        entry = Entry("k", 0, "", "", "text/plain", headers={"expires": "0"})
        problem = keys.metadata_problem("azure-blob", entry, rename=True)
        self.assertEqual(problem, "the store keeps no header `expires`")
        self.assertIsNone(keys.metadata_problem("aws-s3", entry, rename=True))


class Client(unittest.TestCase):
    """What Azurite never answers."""

    def setUp(self) -> None:
        endpoint = f"https://{ACCOUNT}.blob.core.windows.net"
        self.store = azure.Store(Place(endpoint, "uploads", Key(ACCOUNT, ACCOUNT_KEY, "norwayeast")), 10, Stopping())
        self.asked: list[tuple[str, str]] = []

    def answers(self, *answers: tuple[int, dict[str, str], bytes]) -> object:
        """The service's answers, one after the other."""
        rest = [
            SimpleNamespace(status=status, headers=headers, read=lambda *_, body=body: body)
            for status, headers, body in answers
        ]

        def ask(method: str, key: str = "", **_: object) -> nullcontext:
            self.asked.append((method, key))
            return nullcontext(rest.pop(0))

        return mock.patch.object(self.store, "_ask", ask)

    def test_a_copy_that_the_service_makes_later_is_waited_for(self) -> None:
        pending, success = ({"x-ms-copy-status": state} for state in ("pending", "success"))
        later = self.answers((202, pending, b""), (200, pending, b""), (200, success, b""))
        with mock.patch.object(azure, "LOOK", 0), later:
            self.store.copy("a", "b")
        self.assertEqual(self.asked, [("PUT", "b"), ("HEAD", "b"), ("HEAD", "b")])
        # The answer to a first try was lost, and its copy goes on.
        under_way = self.answers((409, {"x-ms-error-code": "PendingCopyOperation"}, b""), (200, success, b""))
        with mock.patch.object(azure, "LOOK", 0), under_way:
            self.store.copy("a", "b")
        failed = self.answers((202, {"x-ms-copy-status": "failed"}, b""))
        with failed, self.assertRaisesRegex(StoreError, "did not copy"):
            self.store.copy("a", "b")

    def test_a_listing_goes_page_by_page_and_tells_names_that_xml_cannot_hold(self) -> None:
        blob = "<Blob><Name{}>{}</Name><Properties><Content-Length>1</Content-Length><Etag>0x1</Etag>"
        blob += "<Last-Modified>Sun, 01 Nov 2026 08:00:00 GMT</Last-Modified></Properties></Blob>"
        page = "\ufeff<?xml version='1.0' encoding='utf-8'?><Results><Blobs>{}</Blobs>{}</Results>"
        date = {"date": "Sun, 01 Nov 2026 08:00:05 GMT"}
        first = page.format(blob.format("", "a%20b"), "<NextMarker>more</NextMarker>").encode()
        last = page.format(blob.format(" Encoded='true'", "c%EF%BF%BF"), "<NextMarker/>").encode()
        with self.answers((200, date, first), (200, date, last)):
            found = list(self.store.listing())
        self.assertEqual([one.key for one in found], ["a%20b", "c\uffff"])
        same = {(one.size, one.etag, one.modified) for one in found}
        self.assertEqual(same, {(1, "0x1", "2026-11-01T08:00:00.000Z")})
        self.assertEqual(self.store.listed_at, 1793520005.0)
        broken = page.format(blob.format("", "a"), "").encode()
        with self.answers((200, date, broken)), self.assertRaisesRegex(StoreError, "not whether more follows"):
            list(self.store.listing())

    def test_the_account_is_part_of_the_host_s_name_or_of_the_path(self) -> None:
        place = self.store.place
        self.assertEqual(azure.address(place), place.endpoint)
        emulated = Place("http://127.0.0.1:10000", "uploads", place.key)
        self.assertEqual(azure.address(emulated), f"http://127.0.0.1:10000/{ACCOUNT}")

    def test_a_request_is_signed_as_azure_s_own_client_signs_it(self) -> None:
        from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

        headers = {
            "x-ms-date": "Sun, 01 Nov 2026 08:00:05 GMT", "x-ms-version": azure.VERSION, "content-md5": "bWQ1",
            "x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": "text/plain", "host": "ignored",
            **{f"x-ms-meta-{name}": f"{name}  of it" for name in ("a_b", "a1", "ab", "a_", "b2", "original_filename")},
        }  # fmt: skip
        query, path = {"comp": "block", "blockid": "YWI/Yw=="}, "/uploads/a%20b/%E2%82%AC"
        quoted = {"comp": "block", "blockid": "YWI%2FYw%3D%3D"}
        sent = SimpleNamespace(
            method="PUT", url=f"{self.store.address}{path}", query=quoted, headers={**headers, "content-length": "3"}
        )
        request = SimpleNamespace(http_request=sent, context=SimpleNamespace(transport=None))
        SharedKeyCredentialPolicy(ACCOUNT, ACCOUNT_KEY).on_request(request)

        signed = azure.sign(self.store.place.key, "PUT", path, query, headers, 3)

        self.assertEqual(signed, sent.headers["Authorization"])
