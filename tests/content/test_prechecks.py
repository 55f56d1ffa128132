"""D03, D13, D29 and what `probe` refuses: each before the first byte moves."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import json
import socket
import threading
from collections.abc import Iterator

from cases import Case, seed_k17
from stores import Bucket, moto

DENY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:PutObject", "s3:DeleteObject"],
            "Resource": "arn:aws:s3:::BUCKET/*",
        }
    ],
}


def forbid_writing(bucket: Bucket) -> None:
    """What a key that only reads has: nobody writes here any more."""
    bucket.put_bucket_policy(Policy=json.dumps(DENY).replace("BUCKET", bucket.name))


@contextlib.contextmanager
def listing_only(key: str) -> Iterator[str]:
    """A store that lists one key and answers 404 to it, as moto does with a line break."""
    listing = (
        "<ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>"
        f"<Contents><Key>{key}</Key><Size>1</Size>"
        f"<ETag>x</ETag><LastModified>2026-11-01T08:00:00.000Z</LastModified></Contents></ListBucketResult>"
    ).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(listing)))
            self.end_headers()
            self.wfile.write(listing)

        def do_HEAD(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class Prechecks(Case):
    def setUp(self) -> None:
        super().setUp()
        self.between(moto().bucket(), moto().bucket())
        seed_k17(self.source)
        self.list_source()

    def test_d03_an_rclone_that_loses_metadata_is_refused_before_any_request(self) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.settimeout(0.01)
            nobody = Bucket(f"http://127.0.0.1:{listener.getsockname()[1]}", "bucket", None)
            self.between(nobody, nobody)
            for version in ("1.60.1", "1.64.0", "1.65.1", "1.72.1"):
                fake = self.folder / "rclone"
                fake.write_text(f"#!/bin/sh\necho 'rclone v{version}'\n")
                fake.chmod(0o755)
                self.configure(rclone=str(fake))
                for verb in ("probe",) if version != "1.72.1" else ("probe", "copy", "delta"):
                    with self.subTest(version=version, verb=verb):
                        run = self.content(verb, 12)
                        self.assertIn("rclone 1.73.0 or newer is needed", run.err)
                        self.assertEqual(run.document["error"]["needed"], ">= 1.73.0")
            with self.assertRaises(TimeoutError, msg="a request reached a store"):
                listener.accept()

    def test_d13_an_empty_answer_is_no_empty_store(self) -> None:
        self.between(moto().bucket(), self.target)
        self.configure(expected={"objects": 17, "bytes": 1})

        run = self.content("inventory", 12)

        self.assertIn("expected 17, found 0", run.err)
        self.assertEqual((run.document["error"]["expected"], run.document["error"]["found"]), (17, 0))
        self.assertFalse((self.state / "source.jsonl").exists())

    def test_d13_a_shrunken_answer_is_none_either(self) -> None:
        for key in self.source.listed()[:9]:
            self.source.delete_object(Key=key)

        self.assertIn("expected 17, found 8", self.content("inventory", 12).err)

    def test_d29_a_key_with_a_line_break_is_listed_once_and_in_no_list_of_lines(self) -> None:
        key = "two\nlines"
        line = {"key": key, "size": 1, "modified": "2026-11-01T08:00:00Z", "content_type": "text/plain"}
        self.write_lists([{**line, "alone": True}])

        run = self.content("check-keys")

        self.assertEqual(run.document["alone"], [key])
        long = {**line, "key": key + "x" * 1024}
        self.write_lists([long])
        run = self.content("check-keys", 12)
        self.assertEqual([found["key"] for found in run.document["findings"]], [long["key"]])
        self.assertEqual(run.err.count('"two\\nlines'), 1, "escaped as JSON, once")
        self.assertNotIn("two\nlines", run.err)

    def test_d29_such_a_key_that_the_source_lists_and_does_not_give_is_named(self) -> None:
        with listing_only("two%0Alines") as endpoint:
            self.between(Bucket(endpoint, "bucket", None), self.target)
            self.write_lists([])
            self.configure(expected={"objects": 1, "bytes": 1})
            run = self.content("inventory", 12)
        self.assertIn("expected 1, found 0", run.err)
        self.assertEqual(run.err.count('"two\\nlines"'), 1)

    def test_probe_passes_a_credential_that_only_reads(self) -> None:
        forbid_writing(self.source)
        before = self.source.objects()

        run = self.content("probe")

        self.assertEqual(run.document["installation"], "harbour.stuf.pyx.io")
        self.assertEqual(self.source.objects(), before)
        self.assertEqual(self.target.listed(), [])

    def test_probe_refuses_a_credential_that_writes(self) -> None:
        run = self.content("probe", 12)
        self.assertEqual(run.document["error"]["could"], ["write", "delete"])
        self.assertEqual(len(self.source.listed()), 17, "what was tried is gone again")

    def test_probe_refuses_a_credential_that_ends_too_early(self) -> None:
        forbid_writing(self.source)
        self.configure(needed_until="2026-12-20T00:00:00Z")
        self.write_credential({**self.credential, "ends_at": "2026-12-19T21:04:00Z"})
        self.assertIn("ends at 2026-12-19T21:04:00Z", self.content("probe", 12).err)

    def test_probe_refuses_a_credential_that_ends_while_the_copy_waits_for_its_window(self) -> None:
        forbid_writing(self.source)
        now = datetime.datetime.now(datetime.UTC)
        opens = (now + datetime.timedelta(days=3)).replace(hour=8, minute=0, second=0, microsecond=0)
        self.configure(windows=[f"{opens:%a} 08:00-20:00".lower()])
        self.write_credential({**self.credential, "ends_at": f"{opens:%Y-%m-%dT07:00:00Z}"})
        self.assertIn(f"and is needed until {opens:%Y-%m-%dT08:00:}", self.content("probe", 12).err)

    def test_a_credential_without_encryption_or_open_to_others_is_refused(self) -> None:
        outside = {**self.credential["storage"], "endpoint": "http://s3.example.org"}
        self.write_credential({**self.credential, "storage": outside})
        self.assertIn("`endpoint` is not https", self.content("inventory", 12).err)
        self.write_credential({**self.credential, "storage": self.credential["storage"] | {"endpoint": "https://[::"}})
        self.content("inventory", 12)
        (self.secrets / "source_read").chmod(0o644)
        self.assertIn("can be read by others", self.content("inventory", 12).err)

    def test_an_unknown_setting_is_refused_and_no_value_is_shown(self) -> None:
        self.configure(surprise="S3cr+t/Value=9?")
        run = self.content("inventory", 12)
        self.assertIn("unknown key `surprise`", run.err)
        self.assertNotIn("S3cr", run.err)

    def test_keys_that_would_become_one_are_refused(self) -> None:
        line = {"size": 1, "modified": "2026-11-01T08:00:00Z", "content_type": "text/plain"}
        self.write_lists([{"key": "/a", "target_key": "%2Fa", **line}, {"key": "%2Fa", **line}])
        self.configure(store="garage")
        self.assertIn("would become the same key", str(self.content("check-keys", 12).document))
