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
