"""Freezing and redirecting: the proxy's switches, the lease, and nothing opened that should stay closed."""

from __future__ import annotations

import datetime
import json
import unittest
from unittest.mock import patch

from kit import MachineTest, example, freezing, settings

NOW = datetime.datetime(2026, 11, 21, 10, tzinfo=datetime.UTC)
AGES = datetime.timedelta(seconds=600)


class Bucket:
    """A bucket's policy, as a store keeps it."""

    def __init__(self, policy: object = None) -> None:
        self.held = policy
        self.fails = False

    def policy(self) -> object:
        """What it is."""
        return json.loads(json.dumps(self.held))

    def set_policy(self, policy: object) -> None:
        """Makes it another."""
        if self.fails:
            raise freezing.SourceError("PutBucketPolicy was answered with 500")
        self.held = json.loads(json.dumps(policy))


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
        doors.redirect("files.example.org")
        self.assertIsNone(doors.watch(NOW + AGES * 1000))
        self.assertTrue(self.switch())
        doors.restore(NOW + AGES * 1000)
        self.assertIsNone(doors.watch(NOW + AGES * 1000), "a lease begins anew")

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
        self.assertEqual((denial["Effect"], denial["Principal"]), ("Deny", "*"))
        self.assertEqual(denial["Resource"], "arn:aws:s3:::example-stuf-uploads/*")
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

    def test_what_cannot_be_closed_whole_is_not_closed_at_all(self) -> None:
        self.bucket.fails = True
        code, _, told = self.by_root("freeze")
        self.assertEqual((code, self.switch(), self.bucket.held), (1, False, self.BEFORE), told)
        self.assertIsNone(self.does("status")["frozen"])


if __name__ == "__main__":
    unittest.main()
