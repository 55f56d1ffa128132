"""D22, D23, O16 and signals: a copy that stops goes on without sending again what is there."""

from __future__ import annotations

import datetime
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from cases import MIB, Case, Run, seed_k8
from stores import moto

#: In bits per second: an object a second.
RATE = 4 * MIB * 8


class Copying(Case):
    """Eight objects of 4 MiB, and what the stories do with them."""

    def setUp(self) -> None:
        super().setUp()
        self.between(moto().bucket(), moto().bucket())
        seed_k8(self.source)

    def wait_for_objects(self, number: int) -> None:
        """Waits until so many whole objects are at the target: an event, no time."""
        for _ in range(1200):
            if len(self.target.listed()) >= number:
                return
            time.sleep(0.05)
        self.fail(f"{number} objects did not arrive")

    def wait_until_told(self, words: str) -> None:
        """Waits until `status` says this of a copy that runs."""
        for _ in range(200):
            said = self.content("status").document["message"]
            if re.search(words, said):
                return
            time.sleep(0.05)
        self.fail(f"status went on to say: {said}")

    def goes_on(self, there: set[str]) -> None:
        """The copy that follows sends what is missing, and nothing else: by its own count, and by the source's."""
        self.configure(bandwidth_bits_per_second=10_000_000_000)
        with moto().recorded() as requests:
            again = self.content("copy").document
        self.assertEqual(again["by_rclone"] + again["one_by_one"], 8 - len(there))
        # Not by writes: what rclone added to the metadata is taken off at the target, where no byte is sent for it.
        read = {key for method, key in requests if method == "GET" and key}
        self.assertEqual(read, set(self.source.listed()) - there)
        self.assertEqual(self.target.objects(), self.source.objects())
        self.assertEqual(self.target.open_uploads(), 0)
        self.assert_verified(8)

    def status(self) -> dict:
        """What `status` says of the progress."""
        return self.content("status").document["progress"]

    def at(self, moment: str, verb: str, *, wait: bool = False) -> Run:
        """Runs a verb with a clock that starts at the given moment."""
        begin = datetime.datetime.fromisoformat(moment)
        code = (
            "import datetime, functools, json, pathlib, sys, time\n"
            "from stuf_content import __main__ as program, limits, session\n"
            f"begin, start = datetime.datetime.fromisoformat({begin.isoformat()!r}), time.monotonic()\n"
            "now = lambda: begin + datetime.timedelta(seconds=time.monotonic() - start)\n"
            "program.Session = functools.partial(session.Session, now=now)\n"
            "config = pathlib.Path('content.json')\n"
            f"code, document = program.run({verb!r}, config, limits.Stopping(), wait={wait})\n"
            "print(json.dumps(document)); sys.exit(code)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=self.folder,
        )
        return Run(done.returncode, done.stdout, done.stderr)


class Killed(Copying):
    """D22: what a killed copy left, and where the next goes on."""

    def test_d22_a_killed_copy_goes_on_without_sending_again_what_is_there(self) -> None:
        self.list_source()
        self.content("inventory")
        self.configure(bandwidth_bits_per_second=RATE)
        process = self.start("copy")
        self.wait_for_objects(2)

        process.kill()
        self.finish(process)

        # rclone went with it: nothing holds the lock, nothing arrives any more.
        self.content("hold")
        self.content("release")
        there = set(self.target.listed())
        self.assertIn(len(there), range(2, 8))
        self.goes_on(there)

    def test_d22_what_a_killed_single_copy_left_open_is_given_up(self) -> None:
        self.source.seed("trail/", b"z" * (40 * MIB))
        self.list_source(leave_out=tuple(f"k{number}" for number in range(8)))
        self.content("inventory")
        self.configure(bandwidth_bits_per_second=8 * 20 * MIB)
        stopped = self.started_upload()
        stopped.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(stopped).code, 11)
        self.assertEqual(self.target.open_uploads(), 0, "a stop tidies up by itself")

        killed = self.started_upload()
        killed.kill()
        self.finish(killed)
        self.assertEqual(self.target.open_uploads(), 1)
        other = self.target.create_multipart_upload(Key="somebody's/own")["UploadId"]

        self.configure(bandwidth_bits_per_second=10_000_000_000)
        self.assertEqual(self.content("copy").document["abandoned_uploads"], 1)

        self.assertEqual(self.target.open_uploads(), 1, "an upload that somebody else began stays")
        self.target.abort_multipart_upload(Key="somebody's/own", UploadId=other)
        self.assertEqual(self.target.objects("trail/"), self.source.objects("trail/"))

    def test_what_a_killed_delta_left_open_of_a_backup_is_given_up_and_confuses_no_proof(self) -> None:
        self.list_source()
        self.copied()
        other = self.target.create_multipart_upload(Key="somebody's/own")["UploadId"]
        for verb in ("copy", "delta"):
            self.target.create_multipart_upload(Key="stufpack-backup/20261122T132401.000000Z/k0")
            self.assertEqual(self.target.open_uploads(), 2)
            self.assert_verified(8)

            self.assertEqual(self.content(verb).document["abandoned_uploads"], 1)

            self.assertEqual(self.target.open_uploads(), 1, "an upload that somebody else began stays")
        self.target.abort_multipart_upload(Key="somebody's/own", UploadId=other)

    def started_upload(self) -> subprocess.Popen[str]:
        """A copy that has begun to send an object in parts."""
        process = self.start("copy")
        for _ in range(1200):
            if self.target.open_uploads():
                return process
            time.sleep(0.05)
        raise AssertionError("no upload was begun")


class Aborted(Copying):
    """A copy that was stopped in its first batch and aborted, which keeps the bucket: what it put there is its own."""

    def aborted(self, number: signal.Signals) -> list[str]:
        """Stops a copy, leaves what `abort` leaves (roles/content/tasks/remove.yml), and says what is at the target."""
        self.content("inventory")
        self.configure(bandwidth_bits_per_second=RATE)
        process = self.start("copy")
        self.wait_for_objects(3)
        process.send_signal(number)
        self.finish(process)
        # A kill takes the program first and rclone right after it, with the lock.
        for _ in range(1200):
            if not self.content("status").document["running"]:
                break
            time.sleep(0.05)
        for file in self.state.iterdir():
            if file.name != "carried.jsonl":
                file.unlink()
        self.configure(bandwidth_bits_per_second=10_000_000_000)
        there = self.target.listed()
        self.assertIn(len(there), range(3, 8))
        return there

    def content_of_target(self) -> dict[str, tuple]:
        """What the target holds beside backups."""
        return {key: value for key, value in self.target.objects().items() if not key.startswith("stufpack-backup/")}

    def carries_what_changed_and_what_is_gone(self, number: signal.Signals) -> None:
        """One of the stopped batch's objects is written anew at the source, one deleted."""
        self.list_source()
        changed, gone, *_ = self.aborted(number)
        old = self.target.objects()
        self.source.seed(changed, b"written anew by its user")
        self.source.delete_object(Key=gone)

        self.assertEqual(self.copied().document["left_for_delta"], 1)
        delta = self.content("delta").document

        self.assertEqual((delta["added_or_changed"], delta["deleted"]), (1, 1))
        self.assertEqual(self.content_of_target(), self.source.objects())
        saved = {key.split("/", 2)[2]: body for key, (body, *_) in self.target.objects("stufpack-backup/").items()}
        self.assertEqual(saved, {key: old[key][0] for key in (changed, gone)})
        self.assert_verified(7)

    def test_after_a_stop_what_changed_and_what_is_gone_is_carried(self) -> None:
        self.carries_what_changed_and_what_is_gone(signal.SIGTERM)

    def test_after_a_kill_what_changed_and_what_is_gone_is_carried(self) -> None:
        self.carries_what_changed_and_what_is_gone(signal.SIGKILL)

    def test_what_came_after_the_export_and_is_gone_is_known_too(self) -> None:
        self.list_source(leave_out=("k0", "k1", "k2", "k3", "k4", "k5", "k6"))
        self.copied()
        self.configure(bandwidth_bits_per_second=RATE)
        process = self.start("delta")
        self.wait_for_objects(3)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process).code, 11)
        gone = next(key for key in self.target.listed() if key != "k7")
        self.source.delete_object(Key=gone)
        self.configure(bandwidth_bits_per_second=10_000_000_000)

        self.assertEqual(self.content("delta").document["deleted"], 1)

        self.assertEqual(self.content_of_target(), self.source.objects())
        self.assert_verified(7)

    def test_what_somebody_else_put_there_stays_his_however_often_it_is_tried(self) -> None:
        self.list_source()
        self.target.seed("k7", b"somebody else's")
        there = self.aborted(signal.SIGTERM)
        self.assertIn("k7", there)
        self.content("inventory")

        for _ in range(2):
            run = self.content("copy", 1)
            self.assertEqual([finding["key"] for finding in run.document["findings"]], ["k7"])

        self.assertEqual(self.target.objects("k7")["k7"][0], b"somebody else's")


class Windows(Copying):
    """D23: a window ends while objects are on their way."""

    def test_d23_at_the_window_s_end_it_pauses_and_goes_on_in_the_next(self) -> None:
        self.list_source()
        self.content("inventory")
        self.configure(bandwidth_bits_per_second=RATE, windows=["mon-fri 20:00-06:00"])
        closed = self.at("2026-11-23T12:00:00Z", "copy")
        self.assertEqual(closed.code, 11)
        self.assertEqual(closed.document["error"]["opens_at"], "2026-11-23T20:00:00Z")
        self.assertEqual(self.target.listed(), [])

        # Four seconds before the window's end.
        paused = self.at("2026-11-24T05:59:56Z", "copy")

        self.assertEqual(paused.code, 11, paused.err)
        self.assertEqual(paused.document["error"]["rclone"], 10)
        self.assertEqual(self.status()["state"], "paused")
        there = set(self.target.listed())
        # The case says 3 to 5 of the 8: a busy machine gets through fewer, and rclone ends what it has begun.
        self.assertIn(len(there), range(1, 8))
        self.configure(windows=[])
        self.goes_on(there)

    def test_d23_it_waits_for_the_next_window_where_that_is_asked_for(self) -> None:
        self.list_source()
        self.content("inventory")
        self.configure(windows=["mon-fri 20:00-06:00"])

        # Long enough before for a busy machine to see the window closed.
        run = self.at("2026-11-23T19:59:50Z", "copy", wait=True)

        self.assertEqual(run.code, 0, run.err)
        self.assertIn("the next one opens at 2026-11-23T20:00:00Z", run.err)
        self.assertEqual(self.target.objects(), self.source.objects())
        states = [json.loads(line)["state"] for line in (self.state / "progress.jsonl").read_text().splitlines()]
        self.assertIn("waiting", states)
        self.content("hold")
        self.list_source(size=4)
        held = self.at("2026-11-23T12:00:00Z", "copy", wait=True)
        self.assertEqual((held.code, held.document["message"]), (11, "HOLD is set"))


class Held(Copying):
    """O16 and progress."""

    def test_o16_a_hold_stops_at_a_batch_boundary(self) -> None:
        self.list_source(size=1)
        self.content("inventory")
        self.configure(bandwidth_bits_per_second=RATE)
        process = self.start("copy")
        self.wait_for_objects(3)

        self.content("hold")
        run = self.finish(process)

        self.assertEqual(run.code, 11, run.err)
        done = json.loads((self.state / "batches.json").read_bytes())["done"]
        there = set(self.target.listed())
        self.assertEqual(len(done), len(there), "whole batches, and none begun")
        self.assertIn(len(there), range(3, 8))
        self.assertEqual(self.content("copy", 11).document["message"], "HOLD is set")
        self.content("release")
        # Were a copied batch looked at again, it would fail: its objects are no longer there to be read.
        hidden = {key: self.target.objects(key)[key] for key in there}
        for key in there:
            self.target.delete_object(Key=key)
        self.configure(bandwidth_bits_per_second=10_000_000_000)
        again = self.content("copy").document
        self.assertEqual((again["earlier"], again["by_rclone"]), (len(there), 8 - len(there)))
        for key, (body, kind, metadata) in hidden.items():
            self.target.seed(key, body, kind, metadata)
        self.assertEqual(again["batches"], 8)
        self.assert_verified(8)

    def test_progress_is_told_while_it_copies(self) -> None:
        self.list_source()
        self.content("inventory")
        self.configure(bandwidth_bits_per_second=RATE)
        process = self.start("copy")
        # For people it is one line, which `status` and `./migrate content` print.
        figures = (
            r"copy: \d of 8 objects, \d of 1 batch, \d+\.\d of 33\.6 MB, \d+\.\d Mbit/s, \d+ min \d+ s left \(running\)"
        )
        self.wait_until_told(f"^{figures}$")
        self.wait_for_objects(2)
        process.send_signal(signal.SIGTERM)
        self.finish(process)

        told = [json.loads(line) for line in (self.state / "progress.jsonl").read_text().splitlines()]

        self.assertEqual(list(dict.fromkeys(line["phase"] for line in told)), ["inventory", "copy"])
        lines = [line for line in told if line["phase"] == "copy"]
        self.assertEqual((lines[0]["objects"], lines[0]["bytes"]), (8, 32 * MIB))
        moving = [line for line in lines if line["rate"]]
        self.assertTrue(moving, "a rate was told")
        self.assertIsNotNone(moving[-1]["remaining_seconds"])
        done = [line["bytes_done"] for line in lines]
        self.assertEqual(done, sorted(done))


class Signals(Copying):
    """O20, for the program itself."""

    def test_o20_a_signal_stops_it_soundly_and_a_second_run_waits_for_no_one(self) -> None:
        self.list_source()
        self.content("inventory")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(signal=number.name):
                # Slow, so that three signals meet it on a busy machine too.
                self.configure(bandwidth_bits_per_second=RATE // 2)
                before = len(self.target.listed())
                process = self.start("copy")
                self.wait_for_objects(before + 1)
                self.assertEqual(self.content("copy", 75).document["message"], "another run works here")

                process.send_signal(number)
                run = self.finish(process)

                self.assertEqual(run.code, 11, run.err)
                self.assertEqual(self.status()["state"], "paused")
                self.assertEqual(self.target.open_uploads(), 0)
        self.goes_on(set(self.target.listed()))

    def test_a_proof_that_was_stopped_reads_the_rest_only(self) -> None:
        self.list_source()
        # What is written, at either side, within two seconds of a listing is read again in any case.
        time.sleep(3)
        self.copied()
        time.sleep(3)
        # Slow is the source, which is read since the export told no digests.
        self.configure(bandwidth_bits_per_second=RATE)
        process = self.start("prove")
        read = self.state / "proof.jsonl"
        for _ in range(1200):
            if read.exists() and read.stat().st_size:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process).code, 11)
        known = {json.loads(line)["key"] for line in read.read_text().splitlines()}
        self.assertIn(len(known), range(1, 8))
        self.configure(bandwidth_bits_per_second=10_000_000_000)

        with moto().recorded() as requests:
            self.assert_verified(8)

        gets = {key for method, key in requests if method == "GET" and key}
        self.assertEqual(gets, {f"k{number}" for number in range(8)} - known)


class Secrets(Case):
    """S04 and S05, for what runs on the target machine."""

    CANARY = "S3cr+t/Value=9?" + "x" * 24

    def test_s05_no_secret_is_in_arguments_environments_or_on_a_disk(self) -> None:
        self.between(moto().bucket(), moto().bucket())
        seed_k8(self.source)
        self.list_source()
        (self.secrets / "storage_secret_key").write_text(self.CANARY)
        storage = {**self.credential["storage"], "secret_access_key": self.CANARY}
        self.write_credential({**self.credential, "storage": storage})
        self.content("inventory")
        self.configure(bandwidth_bits_per_second=RATE)
        process = self.start("copy")
        seen: set[str] = set()
        while process.poll() is None and "rclone" not in seen:
            for pid in family(process.pid):
                name, text = told(pid)
                seen.add(name)
                self.assertNotIn(self.CANARY.encode(), text)
        process.send_signal(signal.SIGTERM)
        run = self.finish(process)
        self.assertIn("rclone", seen, "the search did look at rclone")
        self.assertNotIn(self.CANARY, run.err + json.dumps(run.document))

        found = [path for path in self.folder.rglob("*") if path.is_file() and self.CANARY in read(path)]

        # The planted ones are found, so the search finds.
        self.assertEqual({path.name for path in found}, {"storage_secret_key", "source_read"})

    def test_s04_a_failing_run_tells_no_secret(self) -> None:
        self.between(moto().bucket(), moto().bucket())
        self.source.seed("a", b"a")
        self.list_source()
        self.content("inventory")
        (self.secrets / "storage_secret_key").write_text(self.CANARY)
        self.configure(target={**self.configuration["target"], "bucket": "no-such-bucket"})

        run = self.content("copy", 1)

        self.assertNotIn(self.CANARY, run.err + json.dumps(run.document))
        for path in self.state.rglob("*"):
            self.assertNotIn(self.CANARY, read(path))


def read(path: Path) -> str:
    return path.read_bytes().decode("latin-1")


def family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(member for child in children for member in family(int(child)))]


def told(pid: int) -> tuple[str, bytes]:
    """Name, arguments and environment of a process."""
    try:
        folder = Path("/proc", str(pid))
        return (folder / "comm").read_text().strip(), (folder / "cmdline").read_bytes() + (
            folder / "environ"
        ).read_bytes()
    except OSError:
        return "", b""
