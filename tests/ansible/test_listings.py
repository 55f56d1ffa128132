"""What a store says of itself is what was asked for, and whole, or no export is made of it."""

from __future__ import annotations

import json
import unittest
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from export_fakes import NAMESPACE, user
from test_export import ExportTest, main, storage


class Refusing(ExportTest):
    """A test of what makes no export."""

    def refused(self, **changes: Any) -> str:
        """Why no export was made; nothing of one is left."""
        config = str(self.stuf.settings(**changes))
        code, said, told = self.run_program("read", "--config", config, "--out", f"{self.folder}/t")
        self.assertEqual((code, said, (self.folder / "t").exists()), (1, "", False), told)
        return told


class Listings(Refusing):
    """A store that does not list as it should."""

    END = b"</ListBucketResult>"

    def setUp(self) -> None:
        super().setUp()
        for key in ("reports/plus+1", "reports/two"):
            self.stuf.bucket.put(key, b"x", "text/plain")

    def listing(self, answer: Callable[[bytes], bytes]) -> AbstractContextManager[Any]:
        """The store answers otherwise where it is asked for the whole bucket."""
        whole = self.stuf.bucket.listing

        def listing(query: dict[str, str]) -> bytes:
            return whole(query) if "prefix" in query else answer(whole(query))

        return patch.object(self.stuf.bucket, "listing", listing)

    def test_one_that_is_not_whole_is_no_small_installation(self) -> None:
        more, none = b"<IsTruncated>true</IsTruncated>", b"<IsTruncated>false</IsTruncated>"
        token = b"<NextContinuationToken>0</NextContinuationToken>"
        earlier = b"<Contents><Key>a</Key><LastModified>2026-11-20T08:00:00Z</LastModified><Size>1</Size></Contents>"

        def folders(page: bytes) -> bytes:
            keys = (b"zz/a/b", b"zz/a-b")
            return page.replace(self.END, b"".join(earlier.replace(b">a<", b">%b<" % key) for key in keys) + self.END)

        answers: list[tuple[str, Callable[[bytes], bytes]]] = [
            ("that more follows, and not where", lambda page: page.replace(none, more)),
            ("that more follows, and not where", lambda _: b"<ListBucketResult>" + more + token + self.END),
            ("lists a key twice", lambda page: page.removesuffix(self.END) + page[page.rindex(b"<Contents>") :]),
            ("out of the order of their bytes, or a page twice", lambda page: page.replace(none, more + token)),
            ("out of the order of their bytes", lambda page: page.replace(self.END, earlier + self.END)),
            ("of a store that sorts by folders, `a/b` before `a-b`, the files have to be copied", folders),
            ("another document, and not with a ListBucketResult", lambda _: b"<html/>"),
            ("another document, and not with a ListBucketResult", lambda _: b"<Error><Code>SlowDown</Code></Error>"),
            ("something that is not XML", lambda _: b"busy"),
            ("something that is not XML", lambda page: page[: len(page) // 2]),
            ("not by true or false whether more follows", lambda _: b"<ListBucketResult/>"),
            ("not by true or false whether more follows", lambda page: page.replace(b">false<", b">False<")),
            ("lacks config/stuf_config.json, which it gives", lambda _: b"<ListBucketResult>" + none + self.END),
            ("without key, size or time", lambda page: page.replace(b"<Size>1</Size>", b"<Size>many</Size>")),
            ("without key, size or time", lambda page: page.replace(b"<Key>reports/two</Key>", b"<Key/>")),
            ("a key that is not UTF-8", lambda page: page.replace(b"reports/two", b"reports/%FF")),
        ]
        for number, (why, answer) in enumerate(answers):
            with self.subTest(why, number=number), self.listing(answer):
                told = self.refused()
                self.assertIn(why, told)
                self.assertNotIn("reports", told)

    def test_one_in_another_namespace_or_without_encoding_is_the_same(self) -> None:
        rows = self.exported()[2]
        self.assertEqual([row["key"] for row in rows], ["reports/plus+1", "reports/two"])
        namespace, encoding = f' xmlns="{NAMESPACE}"'.encode(), b"<EncodingType>url</EncodingType>"
        answers: list[tuple[str, Callable[[bytes], bytes]]] = [
            ("no namespace", lambda page: page.replace(namespace, b"")),
            ("another", lambda page: page.replace(namespace, b' xmlns="https://s3.example/"')),
            ("keys as they are", lambda page: page.replace(encoding, b"").replace(b"plus%2B1", b"plus+1")),
        ]
        for how, answer in answers:
            with self.subTest(how), self.listing(answer):
                self.assertEqual(self.exported()[2], rows)

    def test_what_is_listed_and_not_given_is_lost_and_makes_no_export(self) -> None:
        for key, why in (("zz/ghost", "lists an object"), ("users/u-ghost.json", "lists users/ID.json of a user")):
            with self.subTest(key), patch.dict(self.stuf.bucket.ghosts, {key: 10**6}):
                told = self.refused()
                self.assertIn(f"the storage {why} and does not give it; next: the same once more", told)
                self.assertNotIn("ghost", told)
        with self.subTest("bytes alone"), patch.object(storage.Store, "digest", lambda *_: None):
            self.assertIn("lists an object and does not give it", self.refused(sha256=True))

    def test_what_was_deleted_while_it_was_read_is_left_out_and_counted(self) -> None:
        # A neighbour is another.
        self.stuf.bucket.put("zz/ghost-too", b"y", "text/plain")
        self.stuf.bucket.put("users/u-ghost-too.json", user(self.USERS + 1))
        for sha256, window in ((False, 1), (False, main.WINDOW), (True, main.WINDOW)):
            with self.subTest(sha256=sha256, window=window), patch.object(main, "WINDOW", window):
                self.stuf.bucket.ghosts = {"zz/ghost": 1}
                told = self.read(sha256=sha256)
                self.assertIn("objects deleted while they were read, and left out: 1\n", told)
                self.assertIn("3 objects of 3 bytes", told)
        for ghosts in ({}, {"users/u-ghost": 1}):
            self.stuf.bucket.ghosts = ghosts
            told = self.read()
            self.assertIn(f"{self.USERS + 1} users, 2 collections, 3 objects of 3 bytes\n", told)
            self.assertNotIn("deleted while they were read", told)


class Settings(Refusing):
    """What a bucket's settings are is told by the documents that tell it, and by no others."""

    VERSIONING = "<VersioningConfiguration{}>{}</VersioningConfiguration>"
    ENCRYPTION = (
        "<ServerSideEncryptionConfiguration{}><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms"
        "</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
    )

    def telling(self, versioning: str, encryption: str, status: int = 200) -> dict[str, Any]:
        """The store answers so, with this status where it is asked for encryption; how it is read."""
        self.stuf.told = {"versioning": (200, versioning.encode()), "encryption": (status, encryption.encode())}
        storage: dict[str, Any] = json.loads(self.stuf.settings().read_text())["storage"]
        return storage | {"provider": "aws-s3"}

    def test_they_are_told_in_any_namespace(self) -> None:
        enabled, suspended = (f"<Status>{word}</Status>" for word in ("Enabled", "Suspended"))
        for versioning, status, seen in (
            (enabled, 200, (True, "aws:kms")),
            (suspended, 200, (False, "aws:kms")),
            ("", 404, (False, "none")),
        ):
            for namespace in ("", f' xmlns="{NAMESPACE}"'):
                with self.subTest(seen, namespace=namespace):
                    given = self.VERSIONING.format(namespace, versioning), self.ENCRYPTION.format(namespace)
                    found = self.exported(storage=self.telling(*given, status))[0]["spec"]["storage"]
                    self.assertEqual((found["versioning"], found["encryption"]), seen)

    def test_another_document_is_no_no(self) -> None:
        whole = self.VERSIONING.format("", "<Status>Enabled</Status>"), self.ENCRYPTION.format("")
        for number, name in enumerate(("VersioningConfiguration", "ServerSideEncryptionConfiguration")):
            for other in ("<html/>", "busy", whole[1 - number]):
                given = [other if place == number else text for place, text in enumerate(whole)]
                with self.subTest(name, other=other):
                    told = self.refused(storage=self.telling(*given))
                    self.assertIn(f", and not with a {name}\n", told)


if __name__ == "__main__":
    unittest.main()
