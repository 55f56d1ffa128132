"""Stores that break off, answer otherwise than S3 does, or refuse one object: each is told, and none is a traceback."""

from __future__ import annotations

from unittest import mock

from scripted import OLD, Asked, ScriptedCase
from stuf_content import copying, refusals, session, single
from stuf_content.entries import NOBODY

CHANGED = "2026-11-10T08:00:00.000Z"
#: What is printed next, by whose store it is.
SOURCE = (
    "let the operator look at the objects that it refuses (archived, or encrypted with a key that the reader may not "
    "use?) or take them away there"
)
TARGET = "look at the target's storage: room, policy, key; the source is fine"
AGAIN = "; then ./migrate content"
FAILED = {
    "source": "where the source fails in the same objects again, let the operator look at its storage",
    "target": "where the target fails in the same objects again, look at its storage; the source is fine",
}


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
        why = f"{host} answered 200 AccessDenied to COPY in bucket target, and did not do it"
        self.assertEqual(told["findings"], [{"key": "c/1", "why": why}])
        self.assertEqual(told["message"], "the target does not take 1 object")
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
            self.assertEqual(told["message"], "the source does not give 1 object")
            self.assertEqual(told["error"]["next"], SOURCE + AGAIN)
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
        self.assertEqual(told["error"]["next"], "ask the operator to look at the credential and the bucket" + AGAIN)
        self.assertIn("the bucket cannot be read: ", self.does("inventory", 12)["message"])
        self.assertEqual(self.target.held, {})

    def test_a_key_that_ends_in_the_middle_is_no_matter_of_objects_either(self) -> None:
        self.does("inventory")
        over: list[str] = []

        def ends(asked: Asked) -> bool:
            if asked.command == "GET" and asked.key > "c/4":
                over.append(asked.key)
            archived = asked.key == "c/0" and asked.error(403, "InvalidObjectState")
            return archived or (bool(over) and not asked.lists and asked.error(403, "ExpiredToken"))

        self.source.instead = ends
        # One at a time: which objects come before it ends is told.
        each = session.Session.each
        with mock.patch.object(session.Session, "each", lambda run, items, work, **_: each(run, items, work, 1)):
            told = self.does("copy", 1)
        self.assertEqual(told["message"], self.why("403 to HEAD"))
        self.assertEqual([finding["key"] for finding in told["findings"]], ["c/0"], "what is ill by itself is named")

    def test_a_target_that_takes_nothing_ends_the_run_and_nobody_takes_the_originals_away(self) -> None:
        self.does("inventory")
        for status, code in ((403, "Forbidden"), (400, "KMS.DisabledException")):
            with self.subTest(code):
                self.target.asked.clear()
                self.target.instead = lambda asked: asked.command == "PUT" and asked.error(status, code)  # noqa: B023

                told = self.does("copy", 1)

                host = self.target.endpoint.removeprefix("http://")
                self.assertEqual(told["message"], f"{host} answered {status} {code} to PUT in bucket target")
                self.assertEqual((told["findings"], told["error"]["next"]), ([], TARGET + AGAIN))
                tried = [key for method, key in self.target.asked if method == "PUT" and key.startswith("c/")]
                self.assertLessEqual(len(tried), 4, "one for each thread")

    def test_what_the_target_alone_refuses_is_said_to_be_fine_at_the_source(self) -> None:
        self.does("inventory")
        self.refuse("c/4", "GET", 403, "InvalidObjectState")
        refused = {"c/5", "c/6"}
        self.target.instead = lambda asked: (
            asked.command == "PUT" and asked.key in refused and asked.error(403, "AccessDenied")
        )

        told = self.does("copy", 1)

        self.assertEqual(told["message"], "the source does not give 1 object; the target does not take 2 objects")
        self.assertEqual([finding["key"] for finding in told["findings"]], ["c/4", "c/5", "c/6"])
        self.assertEqual(told["error"]["next"], f"{SOURCE}; then {TARGET}{AGAIN}")
        self.assertEqual(self.target.held.keys(), self.source.held.keys() - {"c/4"} - refused, "no trial is left")
        self.source.instead = None
        told = self.does("copy", 1)
        self.assertEqual(told["error"]["next"], TARGET + AGAIN)
        self.assertNotIn("operator", self.said)

    def test_a_key_of_the_target_that_may_not_delete_hides_no_object(self) -> None:
        """Whether the target takes anything is asked by a trial, which then cannot be taken away."""
        self.does("inventory")
        host = self.target.endpoint.removeprefix("http://")
        refused = ("PUT", "c/1"), ("PUT", "c/2")

        def kept(asked: Asked) -> bool:
            written = (asked.command, asked.key) in refused
            return (written or asked.command == "DELETE") and asked.error(403, "AccessDenied")

        self.target.instead = kept

        told = self.does("copy", 1)

        self.assertEqual(told["message"], "the target does not take 2 objects")
        why = f"{host} answered 403 AccessDenied to PUT in bucket target"
        self.assertEqual(told["findings"], [{"key": key, "why": why} for key in ("c/1", "c/2")])
        self.assertEqual(self.target.held.keys(), self.source.held.keys() - {"c/1", "c/2"} | {NOBODY})
        left = f"{NOBODY}, a trial, stays at the target: {host} answered 403 AccessDenied to DELETE in bucket target"
        self.assertEqual(self.said.count(left), 1)
        self.target.instead = None
        self.assertEqual(self.does("copy")["one_by_one"], 2)
        for key in ("c/3", "c/4"):
            self.source.held.pop(key)
        self.source.seed("c/5", b"changed", modified=CHANGED)
        self.target.instead = kept
        told = self.does("delta", 1)
        self.assertEqual([finding["key"] for finding in told["findings"]], ["c/3", "c/4"])
        self.assertEqual(self.target.held["c/5"][0], b"changed", "all else is carried")
        self.target.instead = None
        self.assertEqual(self.does("reconcile")["counts"]["verified"], 8)

    def test_what_was_refused_is_named_with_what_ended_the_run_on_this_machine(self) -> None:
        self.list_source(size=3)
        self.does("inventory")
        self.refuse("c/1", "GET", 403, "InvalidObjectState")
        full = mock.Mock(side_effect=OSError(28, "No space left on device"))

        with mock.patch.object(copying, "write_json", full):
            told = self.does("copy", 1)

        self.assertEqual(told["message"], "[Errno 28] No space left on device")
        self.assertEqual(told["error"]["next"], "repair what the message names, then the same command")
        self.assertEqual(told["findings"], [{"key": "c/1", "why": self.why("403 InvalidObjectState to GET")}])

    def test_more_than_enough_end_the_run_before_the_rest_is_tried(self) -> None:
        self.list_source(size=5)
        self.does("inventory")
        self.source.instead = lambda asked: asked.command == "GET" and asked.key > "c/" and asked.error(403, "Sealed")
        self.source.asked.clear()
        with mock.patch.object(refusals, "MOST", 2):
            told = self.does("copy", 1)
        self.assertEqual(told["message"], f"the source does not give at least {len(told['findings'])} objects")
        tried = {key for method, key in self.source.asked if method == "GET" and key}
        self.assertLessEqual(len(tried), 5, "threads that had begun, and no second batch")
        self.source.instead = None
        self.assertEqual(self.does("copy")["objects"], 10)
        self.assertEqual(self.does("reconcile")["counts"]["verified"], 10)

    def test_of_more_than_enough_nobody_says_how_many_could_be_read(self) -> None:
        self.does("inventory")
        self.does("copy")
        for number in range(3, 7):
            self.source.seed(f"c/{number}", b"changed", modified=CHANGED)
        self.source.instead = lambda asked: (
            asked.command == "HEAD" and "c/2" < asked.key < "c/6" and asked.error(403, "AccessDenied")
        )
        with mock.patch.object(refusals, "MOST", 2):
            inventory = self.does("inventory", 12)
            delta = self.does("delta", 12)
        number = len(inventory["findings"])
        self.assertEqual(
            inventory["message"], f"the source lists objects that it does not give: at least {number} of 10"
        )
        self.assertEqual(inventory["error"].get("found"), None)
        number = len(delta["findings"])
        self.assertEqual(delta["message"], f"the source lists at least {number} objects that it does not give")


class Spoilt(ScriptedCase):
    """One object that a store fails in: all others are carried, and it is named."""

    def setUp(self) -> None:
        super().setUp()
        self.list_source(size=3)

    def is_alone(self, side: str) -> None:
        """A copy brings all but `c/1`, batch for batch, and names it."""
        word = "the source does not give" if side == "source" else "the target does not take"
        for _ in range(2):
            told = self.does("copy", 1)
            self.assertEqual(told["message"], f"{word} 1 object")
            # It may pass: nobody is to take an original away.
            self.assertEqual(told["error"]["next"], f"./migrate content; {FAILED[side]}")
            self.assertEqual([finding["key"] for finding in told["findings"]], ["c/1"])
            self.assertEqual(self.target.held.keys(), self.source.held.keys() - {"c/1"})
        self.source.instead = self.target.instead = None
        self.assertEqual(self.does("copy")["one_by_one"], 1)
        self.assertEqual(self.does("reconcile")["counts"]["verified"], 10)

    def test_at_the_source(self) -> None:
        self.does("inventory")
        for ill in (
            lambda asked: asked.error(500, "InternalError"),
            lambda asked: asked.says(200, b"body 1", short=3, etag='"x"', content_type="text/plain"),
        ):
            with self.subTest():
                self.source.instead = lambda asked: (asked.command, asked.key) == ("GET", "c/1") and ill(asked)  # noqa: B023
                self.is_alone("source")
                self.target.held.clear()
                (self.state / "carried.jsonl").unlink()
                (self.state / "batches.json").unlink()

    def test_at_the_target_where_it_is_not_waited_for_either(self) -> None:
        self.does("inventory")
        self.target.instead = lambda asked: (
            (asked.command, asked.key) == ("PUT", "c/1") and asked.error(500, "InternalError")
        )
        self.is_alone("target")

    def test_one_that_fails_to_tell_of_itself_is_named_by_the_inventory(self) -> None:
        self.source.instead = lambda asked: (
            (asked.command, asked.key) == ("HEAD", "c/1") and asked.error(500, "InternalError")
        )
        told = self.does("inventory", 12)
        self.assertEqual([finding["key"] for finding in told["findings"]], ["c/1"])

    def test_what_cannot_be_saved_is_neither_overwritten_nor_deleted(self) -> None:
        self.does("inventory")
        self.does("copy")
        for key in ("c/1", "c/2"):
            self.source.seed(key, b"changed", modified=CHANGED)
        for key in ("c/3", "c/4"):
            self.source.held.pop(key)
        ill = {"/target/c/1", "/target/c/3"}

        def fails(asked: Asked) -> bool:
            return asked.headers.get("x-amz-copy-source") in ill and asked.error(500, "InternalError")

        self.target.instead = fails

        told = self.does("reconcile", 1)

        self.assertEqual([finding["key"] for finding in told["findings"]], ["c/1", "c/3"])
        there = {key: held[0] for key, held in self.target.held.items() if key in ("c/1", "c/2", "c/3", "c/4")}
        self.assertEqual(there, {"c/1": b"body 1", "c/2": b"changed", "c/3": b"body 3"})
        self.target.instead = None
        self.assertEqual(self.does("reconcile")["counts"]["verified"], 8)
        self.assertEqual(self.source.held.keys() - self.target.held.keys(), set())
        self.assertNotIn("c/3", self.target.held)

    def test_what_cannot_be_put_right_inside_the_target_is_sent_by_itself(self) -> None:
        self.does("inventory")
        body, kind, metadata, at = self.source.held["c/1"]
        self.target.held["c/1"] = body, kind, metadata | {"mtime": "1"}, at
        self.target.instead = lambda asked: asked.copies and asked.error(500, "InternalError")
        self.assertEqual(self.does("copy")["one_by_one"], 10)
        self.assertEqual(self.target.held["c/1"][2], metadata)

    def test_a_body_that_breaks_off_in_a_proof_is_read_again(self) -> None:
        self.does("inventory")
        self.does("copy")

        def half(asked: Asked) -> bool:
            return asked.says(200, b"body 1", short=3, etag='"x"', content_type="text/plain")

        def is_it(asked: Asked) -> bool:
            return (asked.command, asked.key) == ("GET", "c/1")

        self.target.instead = self.once(is_it, half, times=2)
        self.assertEqual(self.does("prove")["counts"]["verified"], 10)
        self.does("seen")
        self.target.instead = lambda asked: is_it(asked) and half(asked)

        told = self.does("prove", 2)

        self.assertEqual([finding["key"] for finding in told["findings"]], ["c/1"])
        self.assertIn("the target's store broke off in the middle of an object", told["findings"][0]["why"])
        self.assertEqual(told["next"], f"./migrate content, which reads them again; {FAILED['target']}")
        self.target.instead = lambda asked: is_it(asked) and asked.error(403, "AccessDenied")
        self.assertEqual(self.does("prove", 2)["next"], f"{TARGET}{AGAIN}, which reads them again")


class Again(ScriptedCase):
    """What S3 calls 4xx, and what goes when it is asked anew."""

    def test_what_stands_in_another_s_way_is_asked_again(self) -> None:
        self.does("inventory")
        for code in ("OperationAborted", "RequestTimeTooSkewed"):
            with self.subTest(code):
                self.target.held.clear()
                for name in ("carried.jsonl", "batches.json"):
                    (self.state / name).unlink(missing_ok=True)
                self.target.instead = self.once(
                    lambda asked: asked.command == "PUT",
                    lambda asked: asked.error(409, code),  # noqa: B023
                )
                self.assertEqual(self.does("copy")["one_by_one"], 10)

    def test_an_upload_that_was_completed_and_whose_answer_was_lost_is_whole(self) -> None:
        self.enterContext(mock.patch.object(single, "PART", 1 << 20))
        self.source.seed("c/big", b"x" * (3 << 20))
        self.list_source()
        self.does("inventory")
        parts: dict[str, bytes] = {}
        lost: list[bool] = []

        def uploads(asked: Asked) -> bool:
            if asked.command == "POST" and "uploads" in asked.query:
                parts.clear()
                parts["open"] = b""
                return asked.says(200, b"<R><UploadId>u</UploadId></R>")
            if "uploadId" not in asked.query:
                return False
            if asked.command == "DELETE" or "open" not in parts:
                return asked.error(404, "NoSuchUpload")
            if asked.command == "PUT":
                parts[asked.query["partNumber"]] = asked.body
                return asked.says(200, etag='"p"')
            whole = b"".join(parts[number] for number in sorted(parts.keys() - {"open"}))
            parts.clear()
            self.target.held[asked.key] = whole, "text/plain", {"uploader": "u"}, OLD
            if not lost:
                lost.append(True)
                asked.close_connection = True
                return True
            return asked.says(200, b"<R><ETag>e-3</ETag></R>")

        self.target.instead = uploads

        self.assertEqual(self.does("copy")["objects"], 11)

        self.assertEqual(self.target.held["c/big"][0], b"x" * (3 << 20))


class Named(ScriptedCase):
    """What `content_remove` names."""

    def test_each_name_is_told_what_became_of_it(self) -> None:
        self.does("inventory")
        self.does("copy")
        self.target.seed("c/extra", b"x")
        self.configure(remove=["c/extra", "c/typo", "c/1"])

        told = self.does("reconcile")["carried"]

        self.assertEqual(
            told["message"],
            "delta: 0 objects added or changed, 0 gone at the source; of `content_remove` 1 taken away, "
            "1 left, since the source has it, 1 not at the target",
        )
        self.assertEqual(told["removed"], {"taken_away": ["c/extra"], "left": ["c/1"], "not_there": ["c/typo"]})
        self.assertEqual((told["deleted"], told["backup"]["objects"]), (1, 1))
        self.assertNotIn("c/extra", self.target.held)
