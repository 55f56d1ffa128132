"""Stores that break off, answer otherwise than S3 does, or refuse one object: each is told, and none is a traceback."""

from __future__ import annotations

from scripted import Asked, ScriptedCase


class HalfAnswers(ScriptedCase):
    def test_a_listing_of_which_a_half_comes_is_asked_for_again(self) -> None:
        def half(asked: Asked) -> bool:
            return asked.says(200, b"<ListBucketResult>" + bytes(400), short=100)

        self.source.instead = self.once(lambda asked: asked.lists, half)

        self.assertEqual(self.does("inventory")["objects"], 10)

        self.assertEqual(self.waited, [0.25])

    def test_a_copy_that_fails_after_its_200_is_made_again(self) -> None:
        for body in (b"<CopyObjectResult><ETag>", b"<Error><Code>SlowDown</Code></Error>", b""):
            with self.subTest(body):
                self.does("inventory")
                self.does("copy")
                self.waited.clear()
                self.source.seed("c/1", b"changed" + body, modified="2026-11-10T08:00:00.000Z")
                old = self.target.held["c/1"][0]
                self.target.instead = self.once(lambda asked: asked.copies, lambda asked: asked.says(200, body))  # noqa: B023

                self.assertEqual(self.does("delta")["backup"]["objects"], 1)

                self.assertEqual(self.waited, [0.25])
                self.assertEqual(self.target.held["c/1"][0], b"changed" + body)
                saved = [held[0] for key, held in self.target.held.items() if key.startswith("stufpack-backup/")]
                self.assertIn(old, saved)

    def test_a_copy_that_is_refused_behind_its_200_is_told(self) -> None:
        self.does("inventory")
        self.does("copy")
        self.source.seed("c/1", b"changed", modified="2026-11-10T08:00:00.000Z")

        def denied(asked: Asked) -> bool:
            return asked.copies and asked.says(200, b"<Error><Code>AccessDenied</Code></Error>")

        self.target.instead = denied

        told = self.does("delta", 1)

        host = self.target.endpoint.removeprefix("http://")
        self.assertEqual(
            told["message"], f"{host} answered 200 AccessDenied to COPY in bucket target, and did not do it"
        )
        self.assertEqual(self.target.held["c/1"][0], b"body 1", "nothing is overwritten that was not saved")

    def test_what_comes_but_half_each_time_or_without_its_time_is_told(self) -> None:
        self.source.instead = lambda asked: asked.says(200, b"<ListBucketResult>", short=5)
        self.assertIn("does not answer (IncompleteRead", self.does("inventory", 1)["message"])
        self.source.instead = lambda asked: asked.says(200, b"<ListBucketResult/>", date="")
        self.assertIn("lists bucket source, and not when", self.does("inventory", 1)["message"])
        self.source.instead = None
        self.does("inventory")
        self.target.instead = lambda asked: asked.says(200, b"<html>")
        self.assertIn("is not XML, or not whole", self.does("copy", 1)["message"])


class Refusals(ScriptedCase):
    """One object is in an archive, or encrypted with a key that the reader does not have."""

    def refuse(self, key: str, method: str, status: int, code: str) -> None:
        """The source gives this one no longer."""
        self.source.instead = lambda asked: (asked.command, asked.key) == (method, key) and asked.error(status, code)

    def why(self, answered: str) -> str:
        """The source's words."""
        return f"{self.source.endpoint.removeprefix('http://')} answered {answered} in bucket source"

    def test_all_others_are_copied_and_it_is_named(self) -> None:
        self.list_source(size=3)
        self.does("inventory")
        self.refuse("c/4", "GET", 403, "InvalidObjectState")
        others = sorted(self.source.held.keys() - {"c/4"})

        for sent in (others, []):
            self.target.asked.clear()
            told = self.does("copy", 1)
            self.assertEqual(told["message"], "1 object was refused by a store")
            self.assertEqual(told["findings"], [{"key": "c/4", "why": self.why("403 InvalidObjectState to GET")}])
            self.assertEqual(sorted(self.target.held), others)
            self.assertEqual(sorted(key for method, key in self.target.asked if method == "PUT"), sent)
        self.assertEqual(self.waited, [], "what is refused is not asked for again")
        self.assertIn("batch 00002 of 4 is not whole: 1 object refused", self.said)
        self.assertIn('"c/4": ', self.said)
        self.assertIn("the first copy is not complete", self.does("delta", 12)["message"])
        self.source.instead = None
        self.assertEqual(self.does("copy")["one_by_one"], 1)
        self.assertEqual(self.does("reconcile")["counts"]["verified"], 10)

    def test_a_delta_carries_all_others_too(self) -> None:
        self.does("inventory")
        self.does("copy")
        for key in ("c/4", "c/5"):
            self.source.seed(key, b"changed", modified="2026-11-10T08:00:00.000Z")
        self.refuse("c/4", "GET", 403, "AccessDenied")

        told = self.does("reconcile", 1)

        self.assertEqual([finding["key"] for finding in told["findings"]], ["c/4"])
        self.assertEqual((self.target.held["c/4"][0], self.target.held["c/5"][0]), (b"body 4", b"changed"))
        self.source.instead = None
        self.assertEqual(self.does("reconcile")["counts"]["verified"], 10)
        self.assertEqual(self.target.held["c/4"][0], b"changed")

    def test_one_that_does_not_even_tell_of_itself_is_named_by_the_inventory(self) -> None:
        self.refuse("c/4", "HEAD", 400, "")
        told = self.does("inventory", 12)
        self.assertEqual(told["findings"], [{"key": "c/4", "why": self.why("400 to HEAD")}])
        self.assertIn("expected 10, found 9", told["message"])

    def test_a_key_that_may_read_nothing_any_more_is_no_matter_of_objects(self) -> None:
        def ended(asked: Asked) -> bool:
            return not asked.lists and asked.error(403, "AccessDenied")

        self.does("inventory")
        self.source.instead = ended
        self.source.asked.clear()
        told = self.does("copy", 1)
        self.assertEqual((told["message"], told["findings"]), (self.why("403 to HEAD"), []))
        self.assertIn("the bucket cannot be read: ", self.does("inventory", 12)["message"])
        self.assertEqual(self.target.held, {})
