"""Delta and proof while things go on: a hold, a closed window, an end that nobody saw, a write in the same second."""

from __future__ import annotations

import datetime
import json
from unittest import mock

from memory import NOON, MemoryCase
from stuf_content import copying, delta, inventory, proof, session
from stuf_content.outcome import Exit, Stop
from stuf_content.reconcile import reconcile

KEYS = [f"k{number:02}" for number in range(40)]


class Between(MemoryCase):
    """A source of forty objects, copied."""

    def setUp(self) -> None:
        super().setUp()
        for key in KEYS:
            self.source.write(key, key.encode(), uploader="old")

    def copied(self, *, digests: bool = False) -> None:
        """Inventory and first copy; what was written is old by now."""
        self.list_source(digests=digests)
        inventory.take(self.session())
        copying.copy(self.session())
        self.later(seconds=60)

    def stops(self, verb: object, **given: bool) -> Stop:
        """What a verb says that stops."""
        with self.assertRaises(Stop) as caught:
            verb(self.session(**given))
        self.assertEqual(caught.exception.code, Exit.PAUSED)
        return caught.exception

    def verified(self, found: dict, objects: int = len(KEYS)) -> None:
        """A proof that passed, of so many objects."""
        self.assertEqual((found["verdict"], found["counts"]["verified"]), ("pass", objects), found["findings"])


class Seen(Between):
    def test_a_proof_whose_end_nobody_saw_holds_as_long_as_nothing_was_written(self) -> None:
        self.copied()
        self.verified(reconcile(self.session()))
        read = sorted(self.target.read)
        self.assertEqual(read, KEYS)

        self.later(hours=3)
        self.verified(reconcile(self.session()))

        self.assertEqual(sorted(self.target.read), read, "nothing is read a second time")
        with self.subTest("but what was written since is read"):
            self.target.write(KEYS[3], b"k0X", ago=1, uploader="old")
            found = reconcile(self.session())
            self.assertEqual((found["verdict"], found["findings"][0]["key"]), ("fail", KEYS[3]))
            self.assertEqual(sorted(self.target.read), sorted([*read, KEYS[3]]))
        with self.subTest("and after a report that was seen everything is"):
            self.target.read.clear()
            self.assertTrue(proof.seen(self.session()))
            self.verified(reconcile(self.session()))
            self.assertEqual(sorted(self.target.read), KEYS)

    def test_after_a_week_everything_is_read_again(self) -> None:
        self.copied()
        self.verified(reconcile(self.session()))
        self.later(days=7, seconds=1)
        self.verified(reconcile(self.session()))
        self.assertEqual(len(self.target.read), 2 * len(KEYS))

    def test_what_was_so_young_that_a_next_write_would_look_the_same_is_read_again(self) -> None:
        self.copied()
        one, body = self.target.held[KEYS[0]]
        self.target.write(KEYS[0], body, ago=1, uploader="old")
        self.verified(reconcile(self.session()))
        # In the very second of the write before: no listing tells.
        self.later(seconds=10)
        self.target.write(KEYS[0], body, ago=11, uploader="somebody's")
        found = reconcile(self.session())
        self.assertEqual([finding["key"] for finding in found["findings"]], [KEYS[0]])
        self.assertEqual(found["verdict"], "fail")

    def test_a_proof_that_has_no_report_yet_cannot_have_been_seen(self) -> None:
        self.copied()
        self.hold(at=5)
        self.stops(proof.prove)
        self.assertFalse(proof.seen(self.session()))
        self.assertTrue((self.folder / "state" / proof.READ_BACK).exists())


class Held(Between):
    def test_a_hold_stops_a_proof_between_objects_and_it_goes_on_where_it_was(self) -> None:
        self.copied()
        self.hold(at=10)

        stopped = self.stops(reconcile)

        self.assertEqual(stopped.message, "HOLD is set")
        before = list(self.target.read)
        self.assertIn(len(before), range(10, 10 + session.THREADS + 1), "what was begun is finished, and no more begun")
        self.assertFalse((self.folder / "state" / copying.REPORT).exists(), "half a proof is none")
        session.release(self.session())
        self.verified(reconcile(self.session()))
        self.assertEqual(sorted(self.target.read), KEYS, "and nothing was read twice")

    def test_a_hold_stops_a_delta_between_portions_and_it_goes_on_where_it_was(self) -> None:
        self.copied()
        for key in KEYS[:10]:
            self.source.write(key, b"new", ago=30, uploader="new")
        send = self.send

        def hold(run: session.Session, *given: object, **more: bool) -> int:
            if len(self.sent) == 3:
                session.hold(self.session())
            return send(run, *given, **more)

        with mock.patch.object(delta, "PORTION_OBJECTS", 2), mock.patch.object(delta.bulk, "send", hold):
            self.assertEqual(len(self.sent), 1, "the first copy")
            self.stops(delta.carry)
            self.assertEqual([len(one) for one in self.sent[1:]], [2, 2, 2])
            session.release(self.session())
            self.later(seconds=60)
            again = delta.carry(self.session())
        self.assertEqual((again["added_or_changed"], [len(one) for one in self.sent[4:]]), (4, [2, 2]))
        saved = [key for key in self.target.held if key.startswith(delta.BACKUP)]
        self.assertEqual(sorted(key.rpartition("/")[2] for key in saved), KEYS[:10], "each was saved once")
        self.assertEqual({self.target.held[key][1] for key in saved}, {key.encode() for key in KEYS[:10]})
        self.verified(proof.prove(self.session()))

    def test_what_a_proof_found_wrong_is_carried_though_a_hold_came_between(self) -> None:
        self.copied()
        self.target.write(KEYS[7], b"k0X", ago=10, uploader="old")
        self.source.write("new", b"new", ago=30)
        self.assertEqual(proof.prove(self.session())["verdict"], "fail")
        with mock.patch.object(delta, "PORTION_OBJECTS", 1), mock.patch.object(delta.Carrying, "_portion", self.held):
            self.stops(delta.carry)
        session.release(self.session())
        self.assertEqual(delta.carry(self.session())["added_or_changed"], 2)
        self.verified(proof.prove(self.session()), len(KEYS) + 1)

    def held(self, *_: object) -> None:
        """A portion that brings nothing, while somebody holds it."""
        session.hold(self.session())

    def test_spoilt_bytes_below_a_digest_that_is_right_are_carried_again(self) -> None:
        self.copied()
        one, _ = self.target.held[KEYS[7]]
        self.target.held[KEYS[7]] = one, b"k0X"  # as a disk does it: the listing knows nothing
        self.assertEqual(reconcile(self.session())["verdict"], "fail")
        self.verified(reconcile(self.session()))
        self.assertEqual(self.target.held[KEYS[7]][1], KEYS[7].encode())

    def test_a_hold_stops_an_inventory(self) -> None:
        self.list_source()
        session.hold(self.session())
        self.stops(inventory.take)


class PowerCut(Between):
    """What was written down and was not on the disk yet is zeros after it."""

    def test_a_tail_of_zeros_was_not_written(self) -> None:
        self.copied()
        self.verified(proof.prove(self.session()))
        lost = {}
        for name, number in (("carried.jsonl", 3), ("proof.jsonl", 1), ("hashes.jsonl", 2)):
            path = self.folder / "state" / name
            lines = path.read_bytes().splitlines(keepends=True)
            lost[name] = b"".join(lines[-number:])
            # The last block reached the disk, the one before it did not.
            path.write_bytes(b"".join(lines[:-number]) + lost[name][:9] + bytes(4096) + lost[name][40:])
        self.target.read.clear()

        self.verified(proof.prove(self.session()))

        self.assertEqual(self.target.read, [json.loads(lost["proof.jsonl"])["key"]], "the rest is read already")
        carried = delta.carry(self.session())
        self.assertEqual(carried["added_or_changed"], 3)
        self.assertEqual((carried["by_rclone"], carried["one_by_one"], carried["backup"]["objects"]), (0, 0, 0))
        self.assertEqual([name for name in lost if b"\0" in (self.folder / "state" / name).read_bytes()], [])
        self.assertEqual(delta.carry(self.session())["added_or_changed"], 0)


class Windows(Between):
    def setUp(self) -> None:
        super().setUp()
        self.copied()
        self.windows = ["mon-fri 20:00-06:00"]

    def test_what_changed_is_carried_in_a_window_only(self) -> None:
        self.source.write("new", b"new", ago=30)
        before = len(self.sent)
        closed = self.stops(delta.carry)
        self.assertEqual(closed.facts["opens_at"], "2026-11-23T20:00:00Z")
        self.assertEqual(len(self.sent), before)
        self.assertNotIn("new", self.target.held)

        self.waiting(delta.carry)

        self.assertIn("new", self.target.held)

    def test_a_window_that_closes_in_the_middle_saves_no_second_time(self) -> None:
        # In parts, so that no digest tells that they have arrived.
        for key in KEYS[:3]:
            self.source.write(key, b"new", ago=30, parts=True)
        send = self.send

        def closes(run: session.Session, *given: object, **more: bool) -> int:
            sent = send(run, *given, **more)
            if self.time < NOON + datetime.timedelta(hours=12):
                self.time = self.time.replace(hour=6) + datetime.timedelta(days=1)
                run.window()
            return sent

        with mock.patch.object(delta.bulk, "send", closes):
            self.waiting(delta.carry, "2026-11-24T20:00:00Z")

        saved = {
            key.rpartition("/")[2]: one[1] for key, one in self.target.held.items() if key.startswith(delta.BACKUP)
        }
        self.assertEqual(saved, {key: key.encode() for key in KEYS[:3]}, "what stood there before")
        self.assertEqual({self.target.held[key][1] for key in KEYS[:3]}, {b"new"})

    def test_where_nothing_changed_a_delta_waits_for_nothing(self) -> None:
        self.assertEqual(delta.carry(self.session())["added_or_changed"], 0)

    def test_a_proof_reads_the_target_at_any_time_and_the_source_in_a_window_only(self) -> None:
        closed = self.stops(proof.prove)
        self.assertEqual(closed.facts["opens_at"], "2026-11-23T20:00:00Z")
        self.assertEqual(self.source.read[: -len(KEYS)], [])
        # The export has told the digests of all but one: only that one waits.
        self.source.read.clear()
        self.list_source(digests=True)
        self.source.write("new", b"new", ago=30)
        self.target.put("new", b"new", self.source.held["new"][0])
        inventory.take(self.session())
        self.target.read.clear()
        self.stops(proof.prove)
        self.assertEqual((sorted(self.target.read), self.source.read), (KEYS, []))

        found = self.waiting(proof.prove)

        self.verified(found, len(KEYS) + 1)
        self.assertEqual(self.source.read, ["new"])

    def waiting(self, verb: object, *more: str) -> dict:
        """Runs a verb that waits for the window, which is seen while it waits."""
        seen = []

        def wait(run: object, seconds: float) -> None:
            with mock.patch.object(session.Progress, "_write"):
                seen.append(self.told[-1].document())
            self.later(hours=1)

        self.told: list[session.Progress] = []
        begin = session.Progress.__enter__

        def enter(progress: session.Progress) -> session.Progress:
            self.told.append(progress)
            return begin(progress)

        patches = (mock.patch("stuf_content.limits.Stopping.wait", wait),
                   mock.patch.object(session.Progress, "__enter__", enter))  # fmt: skip
        with patches[0], patches[1]:
            found = verb(self.session(wait=True))
        self.assertGreaterEqual(self.time, NOON.replace(hour=20))
        wanted = {("waiting", opens) for opens in ("2026-11-23T20:00:00Z", *more)}
        self.assertEqual({(one["state"], one["waits_until"]) for one in seen}, wanted)
        return found


class SameSecond(Between):
    """A metadata-only rewrite in the very second of the write before: no listing tells."""

    def rewritten(self, *, digests: bool) -> None:
        self.source.write("young", b"same", ago=0, uploader="old")
        self.list_source(digests=digests)
        inventory.take(self.session())
        copying.copy(self.session())
        delta.carry(self.session())
        listed = self.source.held["young"][0].modified
        self.source.write("young", b"same", ago=0, uploader="NEW")
        self.assertEqual(self.source.held["young"][0].modified, listed)
        self.later(hours=1)

    def test_the_next_pass_carries_it_whatever_was_listed_meanwhile(self) -> None:
        for digests in (False, True):
            with self.subTest(digests=digests):
                self.rewritten(digests=digests)
                # Another whole pass, which lists anew.
                inventory.take(self.session())
                copying.copy(self.session())
                self.assertEqual(delta.carry(self.session())["added_or_changed"], 1)
                self.assertEqual(self.target.held["young"][0].metadata, {"uploader": "NEW"})
                self.verified(proof.prove(self.session()), len(KEYS) + 1)
                self.assertEqual(delta.carry(self.session())["added_or_changed"], 0)

    def test_a_proof_without_a_delta_before_it_does_not_call_it_verified(self) -> None:
        self.rewritten(digests=True)
        found = proof.prove(self.session())
        self.assertEqual([one["key"] for one in found["findings"]], ["young"])
        self.assertEqual(found["verdict"], "unverifiable")


class Gone(Between):
    def test_d12_a_bucket_that_is_gone_after_the_inventory_is_refused(self) -> None:
        self.list_source()
        inventory.take(self.session())
        self.source.gone = True
        with self.assertRaises(Stop) as caught:
            copying.copy(self.session())
        self.assertEqual(caught.exception.code, Exit.REFUSED)
        self.assertIn("the bucket cannot be listed", caught.exception.message)
        self.assertEqual(self.target.held, {})

    def test_d12_a_bucket_that_goes_while_it_is_copied_makes_no_object_gone(self) -> None:
        self.list_source()
        inventory.take(self.session())

        def goes(*_: object, **__: object) -> int:
            self.source.gone = True
            return 0

        with (
            mock.patch.object(copying.bulk, "send", goes),
            self.assertRaisesRegex(Exception, "cannot be listed|bucket"),
        ):
            copying.copy(self.session())
        self.assertFalse((self.folder / "state" / copying.DONE).exists())

    def test_an_object_that_goes_while_it_is_copied_is_not_counted_as_copied(self) -> None:
        self.list_source()
        inventory.take(self.session())
        self.source.delete(KEYS[0])
        copy = copying.copy(self.session())
        self.assertEqual((copy["gone"], copy["vanished"]), (1, 1))
        self.assertIn("copy: 39 objects in 1 batch are at the target; 1 went at the source", copy["message"])
        state = json.loads((self.folder / "state" / copying.DONE).read_bytes())
        self.assertEqual(list(state["done"]), ["00001"])
