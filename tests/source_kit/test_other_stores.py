"""Freezing at stores that do otherwise: they tell a policy in other words, or answer late, or not at all."""

from __future__ import annotations

import datetime
import unittest
from functools import partial
from unittest.mock import patch

# As a module: every test of its classes would run here again.
import test_doors
from kit import freezing, program
from test_doors import AGES, BUCKET, DENIAL, EDITED, NOW

frozen, policies = program("frozen"), program("policies")


class OtherWords(test_doors.Policies):
    """A bucket whose policy is read back as AWS gives it: with the same meaning, and never in the same words."""

    BEFORE: object = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "One",
                "Effect": "Allow",
                "Principal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:user/ada"]},
                "Action": ["s3:GetObject"],
                "Resource": "x",
            },
            {"Sid": "Two", "Effect": "Deny", "Principal": "*", "Action": ["s3:B", "s3:A", "s3:C"], "Resource": ["y"]},
        ],
    }

    def setUp(self) -> None:
        super().setUp()
        self.bucket.rewords = True

    def test_frozen_then_open_leaves_nothing(self) -> None:
        for end in ("unfreeze", "watch"):
            doors = freezing.Doors(self.places, self.given())
            doors.freeze(NOW)
            self.assertEqual(doors.seen()["bucket"], "read-only")
            said = doors.unfreeze(NOW) if end == "unfreeze" else doors.watch(NOW + AGES)
            self.assertIn("open", str(said))
            self.assertEqual((doors.seen()["bucket"], self.switch()), ("open", False))
            self.assertTrue(policies.same_otherwise(self.bucket.held, self.BEFORE))

    def test_what_an_earlier_freeze_left_is_taken_out_by_the_next(self) -> None:
        self.does("freeze")
        (self.places.state / "frozen.json").unlink()
        self.does("freeze")
        self.does("unfreeze")
        self.assertTrue(policies.same_otherwise(self.bucket.held, self.BEFORE))
        self.assertFalse(policies.bears_name(self.bucket.held))

    def test_the_statement_of_a_freeze_is_known_in_other_words_and_by_all_that_it_means(self) -> None:
        def closed(**words: object) -> bool:
            return bool(policies.denies({"Version": "2012-10-17", "Statement": DENIAL | words}, BUCKET))

        actions = DENIAL["Action"]
        assert isinstance(actions, list)
        same: list[dict[str, object]] = [
            {},
            {"Action": [*reversed(actions)]},
            {"Resource": [DENIAL["Resource"]]},
            {"Principal": {"AWS": "*"}},
            {"Principal": {"AWS": ["*"]}},
        ]
        fewer: list[dict[str, object]] = [{"Action": [one for one in actions if one != left]} for left in actions]
        others: list[dict[str, object]] = [
            *EDITED.values(),
            *fewer,
            {"Sid": "Other"},
            {"Principal": {"AWS": "*", "Service": "s3.amazonaws.com"}},
            {"Principal": {"Service": "*"}},
            {"Resource": [DENIAL["Resource"], "arn:aws:s3:::other/*"]},
            {"Action": [*actions, "s3:GetObject"]},
            {"Condition": {}},
        ]
        for words in same:
            self.assertTrue(closed(**words), words)
        for words in others:
            self.assertFalse(closed(**words), words)
        self.assertFalse(policies.denies(None, BUCKET))
        beside = [{"Sid": "Own", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}, DENIAL]
        self.assertTrue(policies.denies({"Statement": beside}, BUCKET), "a denial outweighs what is allowed")

    def test_another_meaning_is_no_other_wording(self) -> None:
        def changed(at: int, **words: object) -> dict[str, object]:
            every = [dict(statement) for statement in self.BEFORE["Statement"]]  # type: ignore[index]
            every[at] |= words
            return {"Version": "2012-10-17", "Statement": every}

        first, second = self.BEFORE["Statement"]  # type: ignore[index]
        for other in (
            None,
            {"Version": "2012-10-17", "Statement": [second, first]},
            {"Version": "2012-10-17", "Statement": [first]},
            {"Version": "2008-10-17", "Statement": [first, second]},
            changed(0, Action=["s3:GetObject", "s3:PutObject"]),
            changed(0, Principal={"AWS": ["a"]}),
            changed(0, Principal="*"),
            changed(1, Action=["s3:A", "s3:B"]),
            changed(1, Resource="x"),
            changed(1, Effect="Allow"),
            changed(1, Condition={"Bool": {"aws:SecureTransport": "false"}}),
        ):
            self.assertFalse(policies.same_otherwise(self.BEFORE, other), other)
        root, number = "arn:aws:iam::111122223333:root", "111122223333"
        for pair in (
            ("*", {"AWS": "*"}),
            ("*", {"AWS": ["*"]}),
            ({"AWS": number}, {"AWS": [root]}),
            ({"AWS": [root, "arn:aws:iam::444455556666:root"]}, {"AWS": ["444455556666", number]}),
            ({"AWS": root.replace("aws", "aws-us-gov")}, {"AWS": number}),
            ({"AWS": number, "Service": "s3.amazonaws.com"}, {"Service": ["s3.amazonaws.com"], "AWS": [root]}),
        ):
            for name in ("Principal", "NotPrincipal"):
                self.assertTrue(policies.same_otherwise(*(changed(0, **{name: one}) for one in pair)), pair)
        for pair in (
            ({"AWS": number}, {"AWS": root.replace("1111", "2222")}),
            ({"AWS": root}, {"AWS": root.replace("root", "user/root")}),
            ({"AWS": root}, {"Federated": root}),
            ({"AWS": "*"}, {"AWS": "*", "Service": "s3.amazonaws.com"}),
            ("*", {"Service": "*"}),
        ):
            self.assertFalse(policies.same_otherwise(*(changed(0, Principal=one) for one in pair)), pair)
        conditions = [changed(0, Condition={"Bool": {"aws:SecureTransport": value}}) for value in (False, ["false"])]
        self.assertTrue(policies.same_otherwise(*conditions))


class Unanswered(test_doors.Policies):
    """A store that says nothing, and does what it was asked for nevertheless: at once, later or never."""

    WINDOW = freezing.OUTSTANDING

    def frozen_in_vain(self) -> freezing.Doors:
        """Doors whose freeze the store did not answer."""
        doors = freezing.Doors(self.places, self.given())
        self.bucket.silent = True
        with self.assertRaises(freezing.Unanswered) as told:
            doors.freeze(NOW)
        self.bucket.silent = False
        self.assertIn("nothing is frozen", str(told.exception))
        self.assertFalse(self.switch())
        return doors

    def test_a_freeze_that_acts_late_is_undone_by_the_timer(self) -> None:
        doors = self.frozen_in_vain()
        self.assertIsNone(doors.watch(NOW + AGES))
        self.assertEqual(self.bucket.held, self.BEFORE)
        status = self.does("status")
        self.assertEqual((status["frozen"], status["unsettled_until"]), (None, "2026-11-21T10:20:00Z"))
        self.bucket.acts()
        self.assertEqual(doors.seen()["bucket"], "read-only")
        self.assertIn("found closed", str(doors.watch(NOW + AGES)))
        self.assertEqual((doors.seen()["bucket"], self.switch()), ("open", False))
        self.assertIsNone(doors.watch(NOW + self.WINDOW - datetime.timedelta(seconds=1)))
        self.assertIsNotNone(doors.state(), "another may be outstanding still")
        self.assertIn("no request", str(doors.watch(NOW + self.WINDOW)))
        self.assertIsNone(doors.state())
        self.assertTrue(policies.same_otherwise(self.bucket.held, self.BEFORE))

    def test_a_denial_that_shows_at_the_very_end_is_taken_out_before_anything_is_forgotten(self) -> None:
        doors = self.frozen_in_vain()
        self.bucket.acts()
        self.assertIn("found closed", doors.unfreeze(NOW + self.WINDOW))
        self.assertFalse(policies.bears_name(self.bucket.held))

    def test_a_denial_that_came_late_and_was_edited_since_is_taken_out_too(self) -> None:
        doors = self.frozen_in_vain()
        self.bucket.acts()
        self.edit(EDITED["it allows"])
        self.assertIn("found closed", str(doors.watch(NOW + AGES)))
        self.assertFalse(policies.bears_name(self.bucket.held))

    def test_a_bucket_whose_closing_again_nobody_answered_is_not_called_closed(self) -> None:
        doors = freezing.Doors(self.places, self.given())
        doors.freeze(NOW)
        self.edit(EDITED["it allows"])
        self.bucket.silent = True
        with self.assertRaises(freezing.Unanswered) as told:
            doors.freeze(NOW + AGES / 2)
        self.assertIn("the bucket may be open; until 2026-11-21T10:25:00Z", str(told.exception))
        self.assertEqual((doors.seen()["bucket"], self.switch()), (freezing.CHANGED, True))
        self.bucket.silent = False
        for verb in (doors.freeze, doors.renew, partial(doors.redirect, "files.example.org")):
            with self.assertRaises(freezing.Refused):
                verb(now=NOW + AGES / 2)
        self.bucket.acts()
        self.assertIn("open; until 2026-11-21T10:25:00Z", str(doors.watch(NOW + AGES)), "its lease was not put off")
        self.assertEqual((doors.seen()["bucket"], self.switch()), ("open", False))
        self.assertIn("no request", str(doors.watch(NOW + AGES / 2 + self.WINDOW)))
        self.assertIsNone(doors.state())

    def test_what_was_done_without_an_answer_is_undone_at_once(self) -> None:
        self.bucket.acts_silently = True
        doors = self.frozen_in_vain()
        self.assertEqual(doors.seen()["bucket"], "open")
        self.assertIsNotNone(doors.state())

    def test_while_something_is_outstanding_nothing_is_frozen_renewed_or_redirected(self) -> None:
        doors = self.frozen_in_vain()
        for verb in (("freeze",), ("renew",), ("restore",), ("redirect", "to", "files.example.org")):
            self.assertEqual(self.by_root(*verb)[0], 12, verb)
        self.assertFalse(self.switch())
        self.assertEqual(self.bucket.held, self.BEFORE)
        self.assertIn("open", doors.unfreeze(NOW))
        doors.watch(NOW + self.WINDOW)
        self.does("freeze")

    def test_an_opening_without_an_answer_bars_the_next_freeze_until_it_can_open_nothing(self) -> None:
        doors = freezing.Doors(self.places, self.given())
        doors.freeze(NOW)
        self.bucket.silent = True
        with self.assertRaises(freezing.Unanswered):
            doors.unfreeze(NOW)
        self.assertFalse(self.switch(), "the timer opens the bucket within half a minute")
        self.assertEqual(doors.seen()["bucket"], "read-only")
        self.bucket.silent = False
        self.assertIn("found closed", str(doors.watch(NOW + AGES / 10)))
        self.assertEqual(doors.seen()["bucket"], "open")
        with self.assertRaises(freezing.Refused):
            doors.freeze(NOW + AGES)
        doors.watch(NOW + self.WINDOW)
        doors.freeze(NOW + self.WINDOW)
        self.assertTrue(self.switch())

    def test_killed_in_the_middle_of_a_freeze_it_opens_and_looks_until_nothing_can_come(self) -> None:
        doors = freezing.Doors(self.places, self.given())
        with (
            patch.object(freezing.Doors, "_give_up"),
            patch.object(self.bucket, "set_policy", side_effect=SystemExit),
            self.assertRaises(SystemExit),
        ):
            doors.freeze(NOW)
        self.assertTrue(self.switch())
        for again in (doors.freeze, partial(doors.redirect, "files.example.org")):
            with self.assertRaises(freezing.Refused) as told:
                again(now=NOW)
            self.assertIn("not settled: until 2026-11-21T10:20:00Z", str(told.exception))
        self.assertIn("open; until", str(doors.watch(NOW + AGES)))
        self.assertFalse(self.switch())
        self.assertIsNone(doors.watch(NOW + self.WINDOW - datetime.timedelta(seconds=1)))
        self.assertIn("no request", str(doors.watch(NOW + self.WINDOW)))

    def test_a_full_disk_keeps_nobody_from_opening(self) -> None:
        doors = freezing.Doors(self.places, self.given())
        doors.freeze(NOW)
        with patch.object(frozen.Record, "keep", side_effect=OSError(28, "No space left on device")):
            self.assertEqual(doors.unfreeze(NOW), "open")
        self.assertEqual((doors.state(), self.switch()), (None, False))


if __name__ == "__main__":
    unittest.main()
