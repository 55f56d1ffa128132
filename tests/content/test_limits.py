"""Windows, limits and encryption on the way."""

from __future__ import annotations

import datetime
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from cases import ANSIBLE, MIB, RCLONE, Case
from stores import ACCESS_KEY, SECRET_KEY, Bucket, encrypted_moto, garage, moto

sys.path[:0] = [str(ANSIBLE / "roles/content/files"), str(ANSIBLE / "module_utils")]

from stuf_content import bulk, entries, s3  # noqa: E402 (after the path)
from stuf_content.configuration import Key, Place  # noqa: E402
from stuf_content.limits import Pace, Stopping  # noqa: E402
from stuf_content.outcome import Exit, Stop  # noqa: E402
from stuf_content.s3 import Store  # noqa: E402
from stuf_content.timetable import Rates, Timetable  # noqa: E402
from stuf_content.wire import StoreError  # noqa: E402

MONDAY = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)


def at(day: int, hour: int, minute: int = 0) -> datetime.datetime:
    """A moment of that week, day 0 being Monday."""
    return MONDAY + datetime.timedelta(days=day, hours=hour, minutes=minute)


class Windows(unittest.TestCase):
    def test_without_windows_it_always_runs(self) -> None:
        self.assertIsNone(Timetable.of([]).remaining(MONDAY))

    def test_a_window_ends_on_the_next_day(self) -> None:
        nights = Timetable.of(["mon-fri 20:00-06:00"])
        self.assertEqual(nights.remaining(at(0, 20)), 10 * 3600)
        self.assertEqual(nights.remaining(at(5, 5, 59)), 60)
        self.assertEqual(nights.remaining(at(5, 6)), 0)
        self.assertEqual(nights.opens(at(5, 6)), at(7, 20))
        self.assertEqual(nights.opens(at(1, 21)), at(1, 21))

    def test_a_week_s_end_is_no_end(self) -> None:
        weekend = Timetable.of(["sat-mon 00:00-23:00"])
        self.assertEqual(weekend.remaining(at(7, 22)), 3600)
        sunday_night = Timetable.of(["sun 22:00-04:00"])
        self.assertEqual(sunday_night.remaining(at(0, 1)), 3 * 3600)

    def test_windows_that_touch_are_one(self) -> None:
        both = Timetable.of(["fri 20:00-06:00", "sat 06:00-20:00"])
        self.assertEqual(both.remaining(at(4, 21)), 23 * 3600)
        always = Timetable.of(["mon-sun 00:00-12:00", "mon-sun 12:00-00:00"])
        self.assertIsNone(always.remaining(at(3, 3)))

    def test_work_ends_when_the_windows_let_it(self) -> None:
        nights = Timetable.of(["mon-fri 20:00-06:00", "sat 08:00-20:00"])
        half = datetime.timedelta(microseconds=500_000)
        for begins, seconds, expected in (
            (at(6, 17, 36), 60, at(7, 20, 1)),
            (at(6, 17, 36) + half, 60, at(7, 20, 1)),
            (at(1, 5, 59) + half, 120, at(1, 20, 1)),
            (at(1, 5, 59), 60, at(1, 6)),
            (at(5, 8), 13 * 3600, at(7, 21)),
            (at(0, 20), 2 * 62 * 3600 + 60, at(14, 20, 1)),
        ):
            with self.subTest(begins=begins):
                self.assertEqual(nights.ends(begins, seconds), expected)
        self.assertEqual(Timetable.of([]).ends(at(6, 0), 60), at(6, 0, 1))

    def test_what_is_no_window_is_refused(self) -> None:
        for text in ("25:00,1M", "mon 25:00-26:00", "someday 22:00-06:00", "mon 2:00-6:00", ""):
            with self.subTest(text=text), self.assertRaises(Stop) as caught:
                Timetable.of([text])
            self.assertEqual(caught.exception.code, Exit.REFUSED)


class Bandwidths(unittest.TestCase):
    OFFICE = Rates.of(1000, [("mon-fri 08:00-18:00", 20), ("sun 22:00-04:00", 500)])

    def test_a_bandwidth_holds_at_its_time_and_the_other_at_all_others(self) -> None:
        wanted = {at(0, 7, 59): 1000, at(0, 8): 20, at(4, 17, 59): 20, at(4, 18): 1000, at(5, 9): 1000}
        across_the_week_s_end = {at(6, 22): 500, at(7, 3, 59): 500, at(7, 4): 1000}
        for moment, rate in (wanted | across_the_week_s_end).items():
            with self.subTest(moment=moment):
                self.assertEqual(self.OFFICE.at(moment), rate)
        self.assertEqual(self.OFFICE.highest, 1000)

    def test_rclone_is_told_the_same(self) -> None:
        steps = self.OFFICE.for_rclone().split()
        self.assertEqual(
            steps[:5], ["Mon-00:00,500B", "Mon-04:00,1000B", "Mon-08:00,20B", "Mon-18:00,1000B", "Tue-08:00,20B"]
        )
        self.assertEqual(steps[-2:], ["Fri-18:00,1000B", "Sun-22:00,500B"])
        self.assertEqual(Rates.of(1000, []).for_rclone(), "1000B")

    def test_what_is_no_time_is_refused(self) -> None:
        with self.assertRaises(Stop) as caught:
            Rates.of(1000, [("25:00", 1)])
        self.assertEqual(caught.exception.code, Exit.REFUSED)


class Limits(Case):
    def test_requests_are_spread_out_and_never_faster_than_allowed(self) -> None:
        pace = Pace(lambda: 100, Stopping())
        begun = time.monotonic()
        for _ in range(31):
            pace.take()
        self.assertGreaterEqual(time.monotonic() - begun, 0.3)

    def test_the_source_is_asked_no_faster_than_allowed_by_the_program_and_by_rclone(self) -> None:
        self.between(moto().bucket(), moto().bucket())
        for number in range(11):
            self.source.seed(f"k{number}", b"x")
        self.list_source()
        told = self.folder / "told"
        rclone = self.folder / "rclone"
        rclone.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{told}\nexec {RCLONE} "$@"\n')
        rclone.chmod(0o755)
        self.configure(requests_per_second=4, rclone=str(rclone))
        begun = time.monotonic()
        self.content("inventory")
        # A listing, and a question for each object; the first goes at once.
        self.assertGreaterEqual(time.monotonic() - begun, 11 / 4)
        self.configure(requests_per_second=40)
        self.content("copy")
        self.assertEqual(len(self.target.listed()), 11)
        self.assertIn("--tpslimit=40", told.read_text().splitlines())

    def test_a_single_copy_keeps_to_the_bandwidth(self) -> None:
        self.between(moto().bucket(), moto().bucket())
        self.source.seed("slow/", b"x" * (2 * MIB))
        self.list_source()
        self.content("inventory")
        self.configure(bandwidth_bits_per_second=8 * 2 * MIB)
        begun = time.monotonic()
        self.content("copy")
        # The first piece goes at once.
        self.assertGreaterEqual(time.monotonic() - begun, 0.8)

    def test_the_timetable_s_bandwidth_is_the_one_that_holds(self) -> None:
        # At any other time both would take an hour.
        self.between(moto().bucket(), moto().bucket())
        self.source.seed("by/rclone", b"x" * 4 * MIB)
        self.source.seed("by/itself/", b"x" * 4 * MIB)
        self.list_source()
        self.content("inventory")
        halves = [f"mon-sun {half}" for half in ("00:00-12:00", "12:00-00:00")]
        timed = [{"time": half, "bits_per_second": 8 * 100 * MIB} for half in halves]
        self.configure(bandwidth_bits_per_second=8 * 1000, bandwidth_timetable=timed)
        self.content("copy")
        self.assertEqual(set(self.target.listed()), {"by/rclone", "by/itself/"})


class WhatStoresAndDisksDo(unittest.TestCase):
    def test_a_disk_that_is_full_ends_the_copy_and_does_not_let_it_wait(self) -> None:
        talks = "import sys\nfor _ in range(20000): print('not said in JSON' * 8, file=sys.stderr)"
        session = SimpleNamespace(path=lambda _: Path("/dev/full"), stopping=Stopping())
        with subprocess.Popen([sys.executable, "-c", talks], stderr=subprocess.PIPE) as process:
            guard = threading.Timer(60, process.kill)
            guard.start()
            self.addCleanup(guard.cancel)
            with self.assertRaisesRegex(OSError, "No space left"):
                bulk._follow(session, process, lambda *_: None)
            self.assertTrue(guard.is_alive(), "it waited until somebody ended it")

    def test_what_a_kill_or_a_power_cut_left_of_a_line_was_not_written(self) -> None:
        lines = b'{"a":1}\n{"b":"\\u0000"}\n'
        read = [{"a": 1}, {"b": "\0"}]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "lines")
            self.assertEqual(list(entries.read_lines(path)), [])
            tails = (b"", b'{"c"', bytes(9), bytes(3 << 20), b'{"c"' + bytes(9), b'{"c":\0\0\n{"d":4}\n', b"\0\n")
            for whole, found in ((lines, read), (b"", []), (lines * 60_000, read * 60_000)):
                for tail in tails:
                    with self.subTest(whole=len(whole), tail=tail[:20]):
                        path.write_bytes(whole + tail)
                        self.assertEqual(list(entries.read_lines(path)), found)
                        added = entries.Appending(path)
                        added.add({"e": 5})
                        added.close()
                        self.assertEqual(path.read_bytes() == whole + b'{"e":5}\n', True)
            for other in (b"other", b"", b"[]", b"5"):
                path.write_bytes(lines + other + b"\n" + lines)
                with self.assertRaisesRegex(ValueError, "lines holds a line that this program did not write"):
                    list(entries.read_lines(path))

    def test_a_listing_that_breaks_off_is_not_taken_for_a_whole_one(self) -> None:
        one = "<Contents><Key>a</Key><Size>1</Size><ETag>e</ETag><LastModified>2026-11-01T08:00:00Z</LastModified>"

        def of(key: str) -> str:
            return one.replace("<Key>a</Key>", f"<Key>{key}</Key>")

        page = "<ListBucketResult><IsTruncated>{}</IsTruncated>" + one + "</Contents></ListBucketResult>"
        store = Store(
            Place("https://s3.example", "uploads", Key("AKIA", "obviously-fake", "eu-west-1")), 10, Stopping()
        )
        for text, wrong in (
            (page.format("false"), ""),
            (page.format("true"), "more follows, and not where"),
            (page.format("True"), "not by true or false whether more follows"),
            (page.format("").replace("<IsTruncated></IsTruncated>", ""), "not by true or false whether more follows"),
            (page.format("false").replace(one, f"{one}</Contents>{one}"), "lists a key twice"),
            (page.format("false").replace(one, f"{of('a/b')}</Contents>{of('a-b')}"), "by folders, `a/b` before"),
            ("<html/>", "another document"),
        ):
            body = SimpleNamespace(status=200, read=text.encode, headers={"date": "Sun, 01 Nov 2026 08:00:00 GMT"})
            with self.subTest(text), mock.patch.object(store, "_ask", lambda *_, **__: nullcontext(body)):  # noqa: B023
                if wrong:
                    self.assertRaisesRegex(StoreError, wrong, list, store.listing())
                else:
                    self.assertEqual([entry.key for entry in store.listing()], ["a"])


class TooLargeForOneRequest(unittest.TestCase):
    def test_it_is_copied_and_described_in_parts_with_all_that_belongs_to_it(self) -> None:
        body = bytes(range(256)) * (12 * MIB // 256) + b"."
        own, added = {"uploader": "u"}, {"uploader": "u", "mtime": "1"}
        for server in (moto(), garage()):
            bucket = server.bucket()
            bucket.seed("large", body, metadata=added, CacheControl="no-store")
            place = Place(bucket.endpoint, bucket.name, Key(ACCESS_KEY, SECRET_KEY, "us-east-1"))
            store = Store(place, 1000, Stopping())
            with mock.patch.multiple(s3, MOST_COPIED=12 * MIB, PART_COPIED=5 * MIB):
                store.copy("large", "saved/lärge")
                store.describe("large", replace(store.head("large"), metadata=own))

            kind = "application/x-demo"
            self.assertEqual(
                bucket.objects(), {"large": (body, kind, own), "saved/lärge": (body, kind, added)}, bucket.endpoint
            )
            self.assertEqual(bucket.head_object(Key="large")["CacheControl"], "no-store")
            self.assertEqual(bucket.head_object(Key="saved/lärge")["CacheControl"], "no-store")
            self.assertEqual(bucket.open_uploads(), 0)
            self.assertNotRegex(store.head("large").etag, r"\A[0-9a-f]{32}\Z", "it did not go in parts")

    def test_an_upload_that_was_completed_and_whose_answer_was_lost_is_made_once_more(self) -> None:
        body = bytes(range(256)) * (12 * MIB // 256) + b"."
        bucket = garage().bucket()
        bucket.seed("large", body)
        store = Store(Place(bucket.endpoint, bucket.name, Key(ACCESS_KEY, SECRET_KEY, "us-east-1")), 1000, Stopping())
        complete, completed = store._complete_upload, []

        def lost(key: str, upload: str, parts: list[str]) -> str:
            completed.append(complete(key, upload, parts))
            return completed[-1] if len(completed) > 1 else complete(key, upload, parts)

        with (
            mock.patch.multiple(s3, MOST_COPIED=12 * MIB, PART_COPIED=5 * MIB),
            mock.patch.object(store, "_complete_upload", lost),
        ):
            store.copy("large", "saved")
        self.assertEqual((len(completed), bucket.objects("saved")["saved"][0]), (2, body))
        self.assertEqual(bucket.open_uploads(), 0)


class Encryption(Case):
    #: What stands for the file of the system's authorities.
    system: str | None = None

    def setUp(self) -> None:
        super().setUp()
        self.between(encrypted_moto().server.bucket(), moto().bucket())
        self.source.seed("by/rclone", b"a")
        self.source.seed("by/itself/", b"b")
        self.list_source()

    def environment(self) -> dict[str, str]:
        return super().environment() | ({"SSL_CERT_FILE": self.system} if self.system else {})

    def trust_the_source(self, target: Bucket) -> None:
        """Copies to this target, from the source whose authority the credential brings; rclone has the system's too."""
        rclone = self.folder / "rclone"
        known = f"SSL_CERT_FILE={self.system} " if self.system else ""
        rclone.write_text(f'#!/bin/sh\n{known}exec {RCLONE} "$@"\n')
        rclone.chmod(0o755)
        self.between(self.source, target, rclone=str(rclone))
        storage = {**self.credential["storage"], "ca": encrypted_moto().authority}
        self.write_credential({**self.credential, "storage": storage})
        self.list_source()

    def test_an_authority_of_the_endpoint_s_own_is_trusted_and_no_other(self) -> None:
        self.assertIn("CERTIFICATE_VERIFY_FAILED", self.content("inventory", 1).err)
        storage = {**self.credential["storage"], "ca": encrypted_moto().authority}
        self.write_credential({**self.credential, "storage": storage})

        copy = self.copied().document

        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (1, 1))
        self.assert_verified(2)

    def test_a_target_whose_authority_the_system_knows_is_trusted_beside_the_source_s_own(self) -> None:
        # The system's authorities are those of this file, for the program and for rclone.
        known = encrypted_moto("target").server
        self.system = str(known.authority)
        self.trust_the_source(known.bucket())

        copy = self.copied().document

        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (1, 1))
        self.assert_verified(2)

    def test_source_and_target_each_have_an_authority_of_their_own(self) -> None:
        self.trust_the_source(encrypted_moto("target").server.bucket())
        self.content("inventory")
        self.assertIn("CERTIFICATE_VERIFY_FAILED", self.content("copy", 1).err)
        self.configuration["target"]["ca"] = encrypted_moto("target").authority
        self.configure()

        copy = self.copied().document

        self.assertEqual((copy["by_rclone"], copy["one_by_one"]), (1, 1))
        self.assert_verified(2)

    def test_neither_side_s_authority_vouches_for_the_other(self) -> None:
        # Who has the source's authority could stand in the target's place, were it trusted for both.
        self.trust_the_source(encrypted_moto().server.bucket())
        self.configuration["target"]["ca"] = encrypted_moto("target").authority
        self.configure()
        self.content("inventory")

        self.assertIn("CERTIFICATE_VERIFY_FAILED", self.content("copy", 1).err)
        self.assertEqual(self.target.listed(), [])

    def test_a_target_without_encryption_is_refused_where_it_is_not_on_this_machine(self) -> None:
        self.configuration["target"]["endpoint"] = "http://s3.example.org"
        for store, refused in (("aws-s3", True), ("garage", False)):
            self.configure(store=store)
            with self.subTest(store):
                self.assertEqual("`endpoint` is not https" in self.content("status", 12 if refused else 0).err, refused)
