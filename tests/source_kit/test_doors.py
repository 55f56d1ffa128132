"""Freezing and redirecting: the proxy's switches, the lease, and nothing opened that should stay closed."""

from __future__ import annotations

import datetime
import json
import unittest
from functools import partial
from unittest.mock import patch

from kit import Bucket, MachineTest, example, freezing, program, settings

policies = program("policies")

BUCKET = "example-stuf-uploads"
#: What the freeze adds to the bucket's policy, whole.
DENIAL: dict[str, object] = {
    "Sid": "StufSourceFreeze",
    "Effect": "Deny",
    "Principal": "*",
    "Action": ["s3:PutObject*", "s3:DeleteObject*", "s3:ReplicateObject", "s3:ReplicateDelete", "s3:RestoreObject"],
    "Resource": f"arn:aws:s3:::{BUCKET}/*",
}
#: How somebody may edit it in the store's console, so that it has its name and lets somebody write.
EDITED: dict[str, dict[str, object]] = {
    "it allows": {"Effect": "Allow"},
    "it denies reading": {"Action": "s3:GetObject"},
    "it lets objects be deleted": {"Action": ["s3:PutObject*"]},
    "another bucket": {"Resource": "arn:aws:s3:::other/*"},
    "one folder": {"Resource": f"arn:aws:s3:::{BUCKET}/closed/*"},
    "a condition that never holds": {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.1/32"}}},
    "one robot alone": {"Principal": {"AWS": "arn:aws:iam::111122223333:user/robot"}},
    "all but somebody": {"NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/ada"}},
}
NOW = datetime.datetime(2026, 11, 21, 10, tzinfo=datetime.UTC)
AGES = datetime.timedelta(seconds=600)


class Doors(MachineTest):
    """The proxy alone: this installation's settings name no storage."""

    def switch(self) -> bool:
        """Whether the proxy refuses writes."""
        return (self.switches / "read-only").exists()

    def led_to(self) -> list[str]:
        """Where the proxy leads people."""
        return sorted(file.name for file in (self.switches / "redirect").glob("*"))

    def test_frozen_then_open_leaves_nothing(self) -> None:
        before = sorted(self.switches.rglob("*"))
        frozen = self.does("freeze")
        self.assertEqual(frozen["seen"], {"proxy": "read-only", "bucket": "not managed", "redirect": None})
        self.assertEqual((self.switches / "read-only").stat().st_mode & 0o777, 0o644)
        self.assertIn("renewed", self.does("renew")["state"])
        self.assertEqual(self.does("unfreeze")["seen"]["proxy"], "open")
        self.assertEqual(sorted(self.switches.rglob("*")), before)
        self.assertFalse((self.places.state / "frozen.json").exists())

    def test_whoever_opened_the_proxy_by_hand_finds_it_closed_by_the_next_freeze(self) -> None:
        self.does("freeze")
        (self.switches / "read-only").unlink()
        self.assertEqual(self.does("status")["seen"]["proxy"], "open")
        self.assertEqual(self.does("freeze")["seen"]["proxy"], "read-only")

    def test_a_proxy_that_somebody_opened_is_neither_renewed_nor_left_for_another(self) -> None:
        doors = freezing.Doors(self.places, self.given())
        doors.freeze(NOW)
        (self.switches / "read-only").unlink()
        for verb in (doors.renew, partial(doors.redirect, "files.example.org")):
            with self.assertRaises(freezing.Undecided) as told:
                verb(now=NOW + AGES / 2)
            self.assertIn("files may have come since 2026-11-21T10:00:00Z", str(told.exception))
        self.assertEqual((self.led_to(), self.switch()), ([], False))
        held = doors.state()
        assert held
        self.assertEqual((held.redirect, held.lease_until), (None, "2026-11-21T10:10:00Z"), "nothing was put off")
        said = doors.freeze(NOW + AGES / 2)
        self.assertIn("closed again", said)
        self.assertIn("frozen since 2026-11-21T10:05:00Z", said, "not since it was frozen first")
        doors.redirect("files.example.org", NOW + AGES / 2)
        self.assertEqual((self.led_to(), self.switch()), (["files.example.org"], True))

    def test_users_come_back_to_a_closed_proxy_whoever_opened_it_meanwhile(self) -> None:
        self.does("freeze")
        self.does("redirect", "to", "files.example.org")
        (self.switches / "read-only").unlink()
        self.assertEqual(self.by_root("renew")[0], 11)
        came_back = self.does("restore")
        self.assertEqual((came_back["seen"]["proxy"], self.led_to()), ("read-only", []))
        self.assertIn("frozen", came_back["state"])

    def test_what_was_not_done_is_not_undone(self) -> None:
        for verb in (("renew",), ("unfreeze",), ("restore",), ("redirect", "to", "files.example.org")):
            code, _, told = self.by_root(*verb)
            self.assertEqual((code, "it is not frozen" in told), (12, True), verb)
        self.assertEqual(self.led_to(), [])

    def test_a_redirect_leads_to_one_host_and_is_taken_back(self) -> None:
        self.does("freeze")
        seen = self.does("redirect", "to", "files.example.org")["seen"]
        self.assertEqual((seen["redirect"], self.led_to()), ("files.example.org", ["files.example.org"]))
        self.does("redirect", "to", "files.example.org")
        code, _, told = self.by_root("redirect", "to", "other.example.org")
        self.assertEqual((code, self.led_to()), (12, ["files.example.org"]), told)
        self.assertEqual(self.by_root("unfreeze")[0], 12)
        self.assertTrue(self.switch())
        self.does("restore")
        self.assertEqual((self.led_to(), self.switch()), ([], True))
        self.does("unfreeze")
        self.assertFalse(self.switch())

    def test_a_freeze_that_nobody_renews_opens_once_and_a_redirected_one_never(self) -> None:
        doors = freezing.Doors(self.places, self.given())
        doors.freeze(NOW)
        self.assertIsNone(doors.watch(NOW + AGES - datetime.timedelta(seconds=1)))
        doors.renew(NOW + AGES / 2)
        self.assertIsNone(doors.watch(NOW + AGES))
        self.assertTrue(self.switch())
        self.assertIn("nobody renewed", str(doors.watch(NOW + AGES * 3 / 2)))
        self.assertFalse(self.switch())
        self.assertIsNone(doors.watch(NOW + AGES * 2))
        doors.freeze(NOW)
        doors.redirect("files.example.org", NOW)
        self.assertIsNone(doors.watch(NOW + AGES * 1000))
        self.assertTrue(self.switch())
        doors.restore(NOW + AGES * 1000)
        self.assertIsNone(doors.watch(NOW + AGES * 1000), "a lease begins anew")

    def test_a_proxy_that_was_closed_before_stays_closed(self) -> None:
        (self.switches / "read-only").touch()
        self.does("freeze")
        self.assertIn("was read-only", self.does("unfreeze")["state"])
        self.assertTrue(self.switch())
        doors = freezing.Doors(self.places, self.given())
        doors.freeze(NOW)
        self.assertIn("was read-only", str(doors.watch(NOW + AGES)))
        self.assertTrue(self.switch())

    def test_a_redirect_that_was_there_before_is_neither_replaced_nor_taken_back(self) -> None:
        (self.switches / "redirect").mkdir()
        (self.switches / "redirect/before.example.org").touch()
        self.does("freeze")
        code, _, told = self.by_root("redirect", "to", "files.example.org")
        self.assertEqual((code, self.led_to()), (12, ["before.example.org"]), told)
        self.does("redirect", "to", "before.example.org")
        self.does("restore")
        self.assertEqual(self.led_to(), ["before.example.org"])
        self.does("unfreeze")
        self.assertEqual(self.led_to(), ["before.example.org"])

    def test_a_record_that_is_broken_is_told_and_nothing_is_opened(self) -> None:
        self.does("freeze")
        record = self.places.state / "frozen.json"
        whole = json.loads(record.read_text())
        for text in ("", "[]", "{", "{}", json.dumps(whole | {"more": 1}), json.dumps(whole | {"lease_until": "soon"})):
            record.write_text(text)
            for verb in ("unfreeze", "renew", "status", "watch"):
                code, _, told = self.by_root(verb)
                self.assertEqual((code, "frozen.json is broken" in told), (11, True), told)
        self.assertTrue(self.switch())

    def given(self) -> object:
        """The settings as the program reads them."""
        return settings.read(self.places.settings)


class Policies(Doors):
    """The bucket too; each test of the proxy runs again with it."""

    BEFORE: object = {"Version": "2012-10-17", "Statement": {"Sid": "Own", "Effect": "Deny", "Principal": "*"}}

    def setUp(self) -> None:
        super().setUp()
        for name in ("access_key_file", "secret_key_file"):
            (self.root / name).write_text("x")
        files = {name: str(self.root / name) for name in ("access_key_file", "secret_key_file")}
        self.settle(storage=example()["storage"] | files)
        self.bucket = Bucket(self.BEFORE)
        stand_in = patch.object(freezing, "Store", lambda _: self.bucket)
        stand_in.start()
        self.addCleanup(stand_in.stop)

    def test_frozen_then_open_leaves_nothing(self) -> None:
        frozen = self.does("freeze")
        self.assertEqual(frozen["seen"], {"proxy": "read-only", "bucket": "read-only", "redirect": None})
        assert isinstance(self.bucket.held, dict)
        own, denial = self.bucket.held["Statement"]
        self.assertEqual(own, self.BEFORE["Statement"])  # type: ignore[index]
        self.assertEqual(denial, DENIAL)
        self.assertEqual(self.does("unfreeze")["seen"]["bucket"], "open")
        self.assertEqual(self.bucket.held, self.BEFORE)

    def test_a_bucket_without_policy_has_none_afterwards(self) -> None:
        self.bucket.held = None
        self.does("freeze")
        self.assertIsNotNone(self.bucket.held)
        self.does("unfreeze")
        self.assertIsNone(self.bucket.held)

    def test_a_policy_that_somebody_else_changed_is_left_alone(self) -> None:
        self.does("freeze")
        changed = {"Version": "2012-10-17", "Statement": []}
        self.bucket.held = changed
        code, _, told = self.by_root("unfreeze")
        self.assertEqual((code, self.bucket.held, self.switch()), (11, changed, True), told)
        self.assertEqual(self.by_root("freeze")[0], 11)
        self.bucket.held = self.BEFORE
        self.does("unfreeze")
        self.assertFalse(self.switch())

    def test_a_bucket_that_somebody_opened_or_that_cannot_be_asked_is_not_taken_for_closed(self) -> None:
        self.does("freeze")
        lease = self.does("status")["frozen"]
        closed, self.bucket.held = self.bucket.held, self.BEFORE
        renew, freeze, redirect = ("renew",), ("freeze",), ("redirect", "to", "files.example.org")
        for unreachable, code, verbs in ((False, 11, (renew, redirect)), (True, 1, (renew, freeze, redirect))):
            self.bucket.unreachable = unreachable
            for verb in verbs:
                with self.subTest(verb, unreachable=unreachable):
                    ended, _, told = self.by_root(*verb)
                    self.assertEqual((ended, self.led_to()), (code, []), told)
                    if not unreachable:
                        self.assertIn("somebody opened the bucket", told)
        self.assertEqual(self.does("status")["frozen"], lease, "neither renewed nor redirected")
        self.assertIn("the bucket is unknown", self.does("restore")["state"])
        self.bucket.unreachable = False
        self.assertIn("the bucket is open", self.does("restore")["state"])
        self.assertIn("closed again, as somebody had opened the bucket", self.does("freeze")["state"])
        self.assertTrue(policies.same_otherwise(self.bucket.held, closed))
        self.assertTrue(policies.denies(self.bucket.held, BUCKET))
        self.does("redirect", "to", "files.example.org")
        self.assertEqual(self.led_to(), ["files.example.org"])

    def test_a_statement_that_somebody_edited_closes_nothing_until_the_next_freeze(self) -> None:
        doors = freezing.Doors(self.places, self.given())
        doors.freeze(NOW)
        for how, change in EDITED.items():
            with self.subTest(how):
                self.edit(change)
                held = doors.state()
                self.assertEqual(doors.seen()["bucket"], freezing.CHANGED)
                for verb in (doors.renew, partial(doors.redirect, "files.example.org")):
                    with self.assertRaises(freezing.Undecided) as told:
                        verb(now=NOW + AGES / 2)
                    self.assertIn("somebody changed the statement StufSourceFreeze", str(told.exception))
                    self.assertIn("next: freeze", str(told.exception))
                self.assertEqual((doors.state(), self.led_to()), (held, []), "neither renewed nor redirected")
                said = doors.freeze(NOW + AGES / 2)
                self.assertIn("as somebody had opened the bucket; frozen since 2026-11-21T10:05:00Z", said)
                self.assertEqual((doors.seen()["bucket"], self.switch()), ("read-only", True))
                self.assertIn("opens by itself at 2026-11-21T10:15:00Z", doors.renew(NOW + AGES / 2))
        doors.redirect("files.example.org", NOW + AGES / 2)
        self.edit(EDITED["it allows"])
        with self.subTest("users who were led away come back to a closed proxy, and hear of the bucket"):
            self.assertIn("the bucket is changed", doors.restore(NOW + AGES / 2))
            self.assertEqual((self.led_to(), self.switch()), ([], True))

    def test_both_doors_that_somebody_opened_are_closed_by_one_freeze(self) -> None:
        self.does("freeze")
        self.edit(EDITED["one robot alone"])
        (self.switches / "read-only").unlink()
        said = self.does("freeze")
        self.assertIn("closed again, as somebody had opened the proxy and the bucket", said["state"])
        self.assertEqual(said["seen"], {"proxy": "read-only", "bucket": "read-only", "redirect": None})

    def test_a_statement_that_somebody_edited_is_gone_when_it_opens(self) -> None:
        for end in ("unfreeze", "watch", "the record is gone"):
            with self.subTest(end):
                doors = freezing.Doors(self.places, self.given())
                doors.freeze(NOW)
                self.edit(EDITED["a condition that never holds"])
                if end == "the record is gone":
                    (self.places.state / "frozen.json").unlink()
                    (self.switches / "read-only").unlink()
                    doors.freeze(NOW)
                    self.assertEqual(doors.seen()["bucket"], "read-only")
                said = doors.watch(NOW + AGES) if end == "watch" else doors.unfreeze(NOW)
                self.assertIn("open", str(said))
                self.assertEqual((doors.seen()["bucket"], self.switch()), ("open", False))
                self.assertTrue(policies.same_otherwise(self.bucket.held, self.BEFORE))
                self.assertIsNone(doors.state())

    def test_a_bucket_that_cannot_be_closed_again_is_not_called_closed(self) -> None:
        doors = freezing.Doors(self.places, self.given())
        doors.freeze(NOW)
        self.edit(EDITED["another bucket"])
        self.bucket.refuses = True
        with self.assertRaisesRegex(freezing.SourceError, "403"):
            doors.freeze(NOW + AGES / 2)
        self.assertEqual(doors.seen()["bucket"], freezing.CHANGED)
        held = doors.state()
        assert held
        self.assertEqual(held.lease_until, "2026-11-21T10:10:00Z", "nothing was put off")
        self.bucket.refuses = False
        self.assertIn("closed again", doors.freeze(NOW + AGES / 2))

    def edit(self, change: dict[str, object]) -> None:
        """Somebody edits the freeze's statement, and nothing else, in the bucket's policy."""
        held = self.bucket.held
        assert isinstance(held, dict)
        *others, denial = held["Statement"]
        self.assertEqual(denial["Sid"], "StufSourceFreeze")
        without = {name: value for name, value in denial.items() if f"Not{name}" not in change}
        self.bucket.held = {**held, "Statement": [*others, {**without, **change}]}

    def test_the_proxy_opens_when_nobody_renews_whatever_becomes_of_the_bucket(self) -> None:
        self.does("freeze")
        denied, changed = self.bucket.held, {"Version": "2012-10-17", "Statement": []}
        record = self.places.state / "frozen.json"
        record.write_text(json.dumps(json.loads(record.read_text()) | {"lease_until": "2026-01-01T00:00:00Z"}))

        def watch() -> tuple[int, str]:
            (self.switches / "read-only").touch()
            ended, _, told = self.by_root("watch")
            return ended, told

        for hindered, code, why in (
            ({"unreachable": True}, 1, "cannot be reached"),
            ({"refuses": True}, 1, "403"),
            ({"held": changed}, 11, "somebody changed it"),
        ):
            with self.subTest(why):
                for name, value in hindered.items():
                    setattr(self.bucket, name, value)
                for _ in range(2):
                    ended, told = watch()
                    self.assertEqual((ended, self.switch()), (code, False), told)
                    self.assertIn("the proxy was opened, the bucket was not", told)
                    self.assertIn(why, told)
                self.bucket.unreachable = self.bucket.refuses = False
                self.bucket.held = denied
        with self.subTest("its key is gone"), patch.object(freezing, "Store", program("store").Store):
            (self.root / "access_key_file").rename(self.root / "elsewhere")
            ended, told = watch()
            self.assertEqual((ended, self.switch()), (1, False), told)
            self.assertIn("access_key_file cannot be read", told)
        ended, told = watch()
        self.assertEqual((ended, self.switch()), (0, False), told)
        self.assertTrue(policies.same_otherwise(self.bucket.held, self.BEFORE))
        self.assertFalse(policies.bears_name(self.bucket.held))
        self.assertFalse((self.places.state / "frozen.json").exists())

    def test_what_cannot_be_closed_whole_is_not_closed_at_all(self) -> None:
        self.bucket.refuses = True
        code, _, told = self.by_root("freeze")
        self.assertEqual((code, self.switch(), self.bucket.held), (1, False, self.BEFORE), told)
        self.assertIsNone(self.does("status")["frozen"])
        self.assertFalse((self.places.state / "frozen.json").exists(), "a refusal leaves nothing outstanding")

    def test_what_an_earlier_freeze_left_is_taken_out_by_the_next(self) -> None:
        self.does("freeze")
        (self.places.state / "frozen.json").unlink()
        self.does("freeze")
        self.does("unfreeze")
        self.assertEqual(self.bucket.held, {**self.BEFORE, "Statement": [self.BEFORE["Statement"]]})  # type: ignore


if __name__ == "__main__":
    unittest.main()
