"""A store that answers nobody is waited for, a while; what is spoilt alone is not, and nothing is done twice."""

from __future__ import annotations

import datetime
import functools
import threading
from collections.abc import Callable
from types import SimpleNamespace
from unittest import mock

from memory import NOON
from scripted import Asked, Scripted, ScriptedCase, program
from stuf_content import progress, s3, session, wire
from stuf_content.patience import LASTS, MARK

CHANGED = "2026-11-10T08:00:00.000Z"


class Outages(ScriptedCase):
    """Time is the program's own, and goes by where it waits."""

    def setUp(self) -> None:
        super().setUp()
        self.time = NOON
        self.lock = threading.Lock()
        #: What the program told of itself while it waited.
        self.told: list[dict] = []
        self.at_work: list[progress.Progress] = []
        #: When each request came.
        self.times: list[tuple[datetime.datetime, str, str]] = []
        #: What happens once, in the first long wait.
        self.meanwhile: Callable[[], object] | None = None
        clock = functools.partial(session.Session, now=lambda: self.time)
        enter = progress.Progress.__enter__

        def begun(one: progress.Progress) -> progress.Progress:
            self.at_work.append(one)
            return enter(one)

        for patch in (
            mock.patch.object(program, "Session", clock),
            mock.patch.object(progress.Progress, "__enter__", begun),
        ):
            self.enterContext(patch)

    def waits(self, seconds: float) -> None:
        with self.lock:
            super().waits(seconds)
            self.time += datetime.timedelta(seconds=seconds)
            if not (self.state / MARK).exists():
                return
            if self.at_work:
                self.told.append(self.at_work[-1].document())
            if self.meanwhile:
                meanwhile, self.meanwhile = self.meanwhile, None
                meanwhile()

    def out(self, store: Scripted, answer: Callable[[Asked], bool], when: Callable[[Asked], bool], **time: int) -> None:
        """From the first such request on, and for so long, the store answers everybody like this."""
        until: list[datetime.datetime] = []

        def instead(asked: Asked) -> bool:
            with self.lock:
                if not until and when(asked):
                    until.append(self.time + datetime.timedelta(**time))
                self.times.append((self.time, asked.command, asked.key))
            return bool(until) and self.time < until[0] and answer(asked)

        store.instead = instead

    def minutes(self) -> float:
        """How long was waited, of threads together."""
        return (self.time - NOON).total_seconds() / 60


def later(asked: Asked) -> bool:
    """A store that restarts."""
    return asked.error(503, "SlowDown")


def nothing(asked: Asked) -> bool:
    """A connection that ends."""
    asked.close_connection = True
    return True


def is_content(asked: Asked) -> bool:
    """Whether the request is about an object's bytes."""
    return asked.command in ("GET", "PUT") and asked.key.startswith("c/")


class Waited(Outages):
    def test_a_copy_outlasts_a_target_that_is_out_for_minutes_and_says_so(self) -> None:
        self.does("inventory")
        self.out(self.target, later, lambda asked: asked.command == "PUT" and asked.key > "c/4", minutes=8)
        states: list[dict] = []

        def status() -> None:
            states.append(program.run("status", self.folder / "content.json", self.stopping)[1])

        self.meanwhile = status

        copy = self.does("copy")

        self.assertEqual((copy["objects"], len(self.target.held)), (10, 10))
        self.assertGreaterEqual(self.minutes(), 8)
        since = self.told[0]["waits_since"]
        waits = {(one["state"], one["waits_for"], one["waits_since"]) for one in self.told}
        self.assertEqual(waits, {("waiting", "target", since)})
        self.assertRegex(since, r"\A2026-11-23T12:00:[0-9]{2}Z\Z")
        host = self.target.endpoint.removeprefix("http://")
        self.assertEqual(
            self.said.count(f"the target's store does not answer ({host}): waiting for it since {since}, 15 min at"), 1
        )
        (status_,) = states
        self.assertIn(f", waits for the target's store since {since} (waiting)", status_["message"])
        self.assertEqual((status_["running"], status_["progress"]["waits_for"]), (True, "target"))
        after = self.does("status")
        self.assertNotIn("waits for", after["message"])
        self.assertEqual(after["progress"]["waits_for"], None)

    def test_a_proof_outlasts_a_source_that_does_not_answer_before_it_has_any_progress(self) -> None:
        self.does("inventory")
        self.does("copy")
        self.at_work.clear()
        self.out(self.source, nothing, lambda asked: asked.lists, minutes=10)
        states: list[dict] = []
        self.meanwhile = lambda: states.append(program.run("status", self.folder / "content.json", self.stopping)[1])

        self.assertEqual(self.does("reconcile")["counts"]["verified"], 10)

        self.assertIn("waits for the source's store since 2026-11-23T12:00", states[0]["message"])
        self.assertGreaterEqual(self.minutes(), 10)

    def test_after_a_quarter_of_an_hour_it_ends_and_goes_on_when_it_is_called_again(self) -> None:
        self.does("inventory")
        self.out(self.target, later, lambda asked: asked.command == "PUT" and asked.key > "c/4", hours=9)

        told = self.does("copy", 1)

        host = self.target.endpoint.removeprefix("http://")
        self.assertEqual(told["message"], f"{host} could not answer for 15 min (503)")
        self.assertGreaterEqual(self.minutes(), LASTS / 60)
        # Threads wait side by side, and here their pauses are added up; none begins to wait anew.
        self.assertLess(self.minutes(), 6 * LASTS / 60)
        there = len(self.target.held)
        self.assertLess(there, 10)
        self.target.instead = None
        self.target.asked.clear()
        self.does("copy")
        sent = [key for method, key in self.target.asked if method == "PUT"]
        self.assertEqual((len(sent), len(self.target.held)), (10 - there, 10))

    def test_a_proof_whose_store_goes_for_good_ends_once_and_calls_no_object_unverifiable(self) -> None:
        self.does("inventory")
        self.does("copy")
        self.out(self.target, nothing, lambda asked: asked.command == "GET" and asked.key == "c/5", hours=9)
        self.assertIn("could not answer for 15 min", self.does("prove", 1)["message"])
        self.assertFalse((self.state / "report.json").exists())

    def test_an_object_that_is_spoilt_at_a_store_that_answers_is_not_waited_for(self) -> None:
        self.does("inventory")
        self.does("copy")
        self.target.instead = lambda asked: (
            asked.command == "GET" and asked.key == "c/3" and asked.error(500, "InternalError")
        )

        report = self.does("prove", 2)

        self.assertEqual([finding["key"] for finding in report["findings"]], ["c/3"])
        self.assertEqual(self.waited, [0.25, 1.0, 4.0])

    def test_a_person_who_tries_a_key_is_not_kept_waiting(self) -> None:
        self.source.instead = lambda asked: asked.error(503, "SlowDown", retry_after="600")
        self.assertIn("the source cannot be read", self.does("probe", 12)["message"])
        self.assertEqual(self.waited, [5.0, 5.0, 5.0])

    def test_it_comes_back_when_the_store_has_said(self) -> None:
        asked: list[float] = []

        def busy(one: Asked) -> bool:
            asked.append((self.time - NOON).total_seconds())
            return len(asked) < 3 and one.error(429, "TooManyRequests", retry_after="30")

        self.source.instead = busy
        self.does("inventory")
        self.assertEqual(asked[:3], [0, 30, 60])

    def test_a_store_tells_seconds_or_a_time_of_its_own_clock(self) -> None:
        date = "Mon, 23 Nov 2026 12:00:00 GMT"
        for said, seconds in (
            ("7", 7),
            ("Mon, 23 Nov 2026 12:02:00 GMT", 120),
            ("Mon, 23 Nov 2026 11:02:00 GMT", 0),
            ("soon", 0),
            ("Mon, 23 Nov 99999999999999999999 12:00:00 GMT", 0),
            ("", 0),
        ):
            answer = mock.Mock(spec=wire.Answer, headers={"retry-after": said, "date": date})
            self.assertEqual(wire.asked_for(answer), seconds, said)
        self.assertEqual(wire.asked_for(OSError()), 0)

    def test_every_try_is_signed_anew(self) -> None:
        # A signature is good for a quarter of an hour.
        with mock.patch.object(s3, "sign", wraps=s3.sign) as sign:
            self.out(self.source, later, lambda asked: asked.lists, minutes=5)
            self.does("inventory")
        self.assertEqual(sign.call_count, len(self.source.asked))


class Throttled(Outages):
    """S3 throttles by prefix, without `Retry-After`: what it answers elsewhere tells nothing of that."""

    def busy(self, store: Scripted, when: Callable[[Asked], bool], **time: int) -> None:
        """From such a request on whatever is asked of content is answered "later"; all else as ever."""
        self.out(store, lambda asked: asked.key.startswith("c/") and later(asked), when, **time)

    def test_it_is_waited_for_by_inventory_copy_and_proof(self) -> None:
        self.busy(self.source, lambda asked: (asked.command, asked.key) == ("HEAD", "c/7"), minutes=2)
        self.assertEqual(self.does("inventory")["objects"], 10)
        self.busy(self.source, lambda asked: (asked.command, asked.key) == ("GET", "c/3"), minutes=2)
        self.assertEqual(self.does("copy")["one_by_one"], 10)
        self.busy(self.target, lambda asked: (asked.command, asked.key) == ("GET", "c/3"), minutes=2)
        self.assertEqual(self.does("prove")["counts"]["verified"], 10)

    def test_one_key_that_is_never_answered_costs_a_quarter_of_an_hour_once_and_is_named(self) -> None:
        self.does("inventory")
        self.source.instead = lambda asked: (asked.command, asked.key) == ("GET", "c/3") and later(asked)

        told = self.does("copy", 1)

        self.assertEqual((told["message"], len(self.target.held)), ("the source does not give 1 object", 9))
        self.assertEqual([finding["key"] for finding in told["findings"]], ["c/3"])
        self.assertLess(self.minutes(), LASTS / 60 + 2)

    def test_others_like_it_are_not_waited_for_again(self) -> None:
        self.list_source(size=1)
        self.does("inventory")
        ill = {"c/1", "c/5", "c/9"}
        self.source.instead = lambda asked: asked.command == "GET" and asked.key in ill and later(asked)

        told = self.does("copy", 1)

        self.assertEqual({finding["key"] for finding in told["findings"]}, ill)
        self.assertEqual(self.target.held.keys(), self.source.held.keys() - ill)
        self.assertLess(self.minutes(), LASTS / 60 + 2)

    def test_a_store_that_has_no_time_for_anybody_ends_a_proof_once(self) -> None:
        for number in range(10, 100):
            self.source.seed(f"c/{number}", b"body")
        self.list_source()
        self.does("inventory")
        self.does("copy")
        self.busy(self.target, lambda asked: asked.command == "GET" and asked.key == "c/5", hours=9)

        told = self.does("prove", 1)

        host = self.target.endpoint.removeprefix("http://")
        self.assertEqual(told["message"], f"{host} could not answer for 15 min (503)")
        self.assertEqual(
            told["error"]["next"],
            "find out why the target's store does not answer; then ./migrate content, which goes on where it was",
        )
        # Eight threads, whose pauses are added up here.
        self.assertLess(self.minutes(), 10 * LASTS / 60)

    def test_nor_does_it_name_objects_one_by_one_whatever_it_is_asked(self) -> None:
        """What is answered meanwhile of other kinds, or of the name that nobody has, is no sign that it has time."""

        def ends(verb: str, store: Scripted, method: str) -> None:
            with self.subTest(verb, store=store.name, method=method):
                self.time = NOON
                store.instead = lambda asked: asked.command == method and asked.key.startswith("c/") and later(asked)
                told = self.does(verb, 1)
                host = store.endpoint.removeprefix("http://")
                self.assertEqual(told["message"], f"{host} could not answer for 15 min (503)")
                self.assertIn(f"find out why the {store.name}'s store does not answer; ", told["error"]["next"])
                self.assertLess(len(told["findings"]), 16, "the sixteenth ends it")
                self.assertLess(self.minutes(), 10 * LASTS / 60)
                store.instead = None

        for number in range(20):
            self.source.seed(f"c/a{number}", b"body")
        self.list_source()
        ends("inventory", self.source, "HEAD")
        self.does("inventory")
        ends("copy", self.source, "GET")
        ends("copy", self.target, "HEAD")
        ends("copy", self.target, "PUT")
        self.does("copy")
        for number in range(20):
            self.source.seed(f"c/b{number}", b"body", modified=CHANGED)
        ends("delta", self.source, "HEAD")
        ends("delta", self.source, "GET")
        ends("delta", self.target, "PUT")
        self.assertEqual(self.does("reconcile")["counts"]["verified"], 50)

    def test_a_store_that_had_time_again_is_waited_for_again(self) -> None:
        for number in range(60):
            self.source.seed(f"c/a{number}", b"body")
        self.list_source()
        self.does("inventory")
        # One thread: here the order of the requests is told.
        each = session.Session.each
        self.enterContext(
            mock.patch.object(session.Session, "each", lambda run, items, work, **_: each(run, items, work, 1))
        )
        #: When it has time again: a little later than anybody waits, then after ten minutes; and what it did not give.
        ends = [NOON + datetime.timedelta(seconds=LASTS + 30)]
        busy: list[set[str]] = [set()]
        given: set[str] = set()

        def twice(asked: Asked) -> bool:
            if not is_content(asked):
                return False
            if self.time < ends[-1]:
                busy[-1].add(asked.key)
                return later(asked)
            given.add(asked.key)
            if len(given) == 10:
                ends.append(self.time + datetime.timedelta(minutes=10))
                busy.append(set())
            return False

        self.source.instead = twice

        told = self.does("copy", 1)

        self.assertEqual(len(busy[1] - given), 16, "the one after them is waited for")
        self.assertEqual({finding["key"] for finding in told["findings"]}, (busy[0] | busy[1]) - given)
        self.assertEqual(self.target.held.keys(), given)
        self.assertLess(self.minutes(), LASTS / 60 + 12)

    def test_what_was_refused_before_an_outage_is_named_with_it(self) -> None:
        self.list_source(size=1)
        self.does("inventory")
        self.source.instead = lambda asked: (
            (asked.command, asked.key) == ("GET", "c/1") and asked.error(403, "InvalidObjectState")
        )
        self.out(self.target, nothing, lambda asked: asked.command == "PUT" and asked.key > "c/4", hours=9)

        told = self.does("copy", 1)

        self.assertIn("could not answer for 15 min", told["message"])
        self.assertEqual([finding["key"] for finding in told["findings"]], ["c/1"])

    def test_a_write_that_fails_for_one_object_alone_is_not_waited_for(self) -> None:
        self.does("inventory")
        self.target.instead = lambda asked: (
            (asked.command, asked.key) == ("PUT", "c/1") and asked.error(500, "InternalError")
        )
        told = self.does("copy", 1)
        self.assertEqual((told["message"], len(self.target.held)), ("the target does not take 1 object", 9))
        self.assertLess(self.minutes(), 1)

    def test_an_outage_while_it_is_asked_whether_an_object_is_gone_is_an_outage(self) -> None:
        self.does("inventory")
        self.source.held.pop("c/5")
        self.out(self.source, nothing, lambda asked: asked.query.get("prefix") == "c/5", hours=9)
        told = self.does("copy", 1)
        self.assertIn("could not answer for 15 min", told["message"])
        self.assertIn("find out why the source's store does not answer", told["error"]["next"])

    def test_a_listing_whose_date_is_none_is_told(self) -> None:
        self.source.instead = lambda asked: (
            asked.lists and asked.says(200, b"<R/>", date="Mon, 23 Nov 99999999999999999999 12:00:00 GMT")
        )
        self.assertIn("lists bucket source, and not when", self.does("inventory", 1)["message"])


class Ended(Outages):
    def setUp(self) -> None:
        super().setUp()
        self.does("inventory")
        self.out(self.target, nothing, lambda asked: asked.command == "PUT" and asked.key > "c/4", hours=9)

    def goes_on(self) -> None:
        """The next run sends what is missing, and nothing else."""
        self.target.instead = None
        there = len(self.target.held)
        self.assertLess(there, 10)
        self.target.asked.clear()
        self.does("copy")
        sent = [key for method, key in self.target.asked if method == "PUT"]
        self.assertEqual((len(sent), len(self.target.held)), (10 - there, 10))
        self.assertEqual(self.does("reconcile")["counts"]["verified"], 10)

    def test_a_stop_ends_the_waiting_at_once(self) -> None:
        self.meanwhile = self.stopping.event.set
        self.assertEqual(self.does("copy", 11)["message"], "stopped by a signal")
        self.assertLess(self.minutes(), 2)
        self.assertEqual(self.at_work[-1].state, "paused")
        self.assertFalse((self.state / "waits.json").exists())
        self.stopping.event.clear()
        self.goes_on()

    def test_a_hold_ends_it_too(self) -> None:
        self.meanwhile = (self.state / "HOLD").touch
        self.assertEqual(self.does("copy", 11)["message"], "HOLD is set")
        self.assertLess(self.minutes(), 2)
        self.does("release")
        self.goes_on()

    def test_what_a_killed_run_left_of_its_waiting_is_not_told(self) -> None:
        self.target.instead = None
        (self.state / "waits.json").write_text('{"waits_for": "source", "waits_since": "2026-11-22T12:00:00Z"}')
        self.assertNotIn("waits for", self.does("status")["message"])
        self.does("copy")
        self.assertFalse((self.state / "waits.json").exists())


class Lost(Outages):
    """A store does what it is asked, and the answer is lost."""

    def lost(self, store: Scripted, of: Callable[[Asked], bool]) -> None:
        """The first answer to each request of this kind is lost."""
        seen: set[tuple[str, str]] = set()

        def instead(asked: Asked) -> bool:
            with self.lock:
                first = of(asked) and (asked.command, asked.key) not in seen
                seen.add((asked.command, asked.key))
            if first:
                asked.wfile = SimpleNamespace(write=lambda _: None, flush=lambda: None, close=lambda: None)  # type: ignore[assignment]
                store.answer(asked)
                asked.close_connection = True
            return first

        store.instead = instead

    def test_what_is_written_copied_or_deleted_once_more_is_the_same(self) -> None:
        self.does("inventory")
        self.lost(self.target, lambda asked: asked.command in ("PUT", "DELETE"))
        self.does("copy")
        self.assertEqual(len(self.target.held), 10)
        self.source.seed("c/1", b"changed", modified=CHANGED)
        self.source.held.pop("c/2")
        self.lost(self.target, lambda asked: asked.command in ("PUT", "DELETE"))

        report = self.does("reconcile")

        self.assertEqual((report["verdict"], report["counts"]["verified"]), ("pass", 9))
        saved = {
            key.split("/", 2)[2]: held[0] for key, held in self.target.held.items() if key.startswith("stufpack-b")
        }
        self.assertEqual(saved, {"c/1": b"body 1", "c/2": b"body 2"})
        self.assertEqual(self.target.held["c/1"][0], b"changed")


class Windows(Outages):
    """A window closes while a store is waited for."""

    def setUp(self) -> None:
        super().setUp()
        self.does("inventory")
        self.configure(windows=["mon-fri 11:00-12:10"])
        # One thread: here no time goes by between a look at the clock and the request.
        each = session.Session.each
        self.enterContext(
            mock.patch.object(session.Session, "each", lambda run, items, work, **_: each(run, items, work, 1))
        )

    def silent(self, store: Scripted) -> None:
        """It answers nobody until five minutes after the window has closed."""
        self.times.clear()
        self.time = NOON + datetime.timedelta(minutes=5)
        self.out(store, later, is_content, minutes=10)

    def read_in_windows(self) -> None:
        """The source's bytes were asked for in windows alone, and all of them."""
        reads = [at for at, method, key in self.times if method == "GET" and key.startswith("c/")]
        self.assertTrue(reads)
        outside = [at for at in reads if (at.hour, at.minute) >= (12, 10)]
        self.assertEqual(outside, [])

    def test_nothing_is_read_after_it(self) -> None:
        self.silent(self.source)
        closed = self.does("copy", 11)
        self.assertEqual(closed["error"]["opens_at"], "2026-11-24T11:00:00Z")
        self.read_in_windows()

    def test_a_copy_goes_on_in_the_next(self) -> None:
        self.silent(self.source)
        self.assertEqual(self.does("copy", wait=True)["objects"], 10)
        self.assertEqual(len(self.target.held), 10)
        self.read_in_windows()

    def test_a_proof_goes_on_in_the_next_and_forgets_no_object(self) -> None:
        self.does("copy")
        self.silent(self.source)
        self.assertEqual(self.does("prove", wait=True)["counts"]["verified"], 10)
        self.read_in_windows()
