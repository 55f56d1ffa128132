"""The modules around the copying program, and how big trees of files are sent, without a machine."""

from __future__ import annotations

import ast
import base64
import json
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from modules import ROOT, action, module

content = module("stuf_content")
follow = action("stuf_content")
place = action("stuf_place")

FIGURES = {"phase": "copy", "objects_done": 30, "objects": 384, "state": "running"}
LINE = "copy: 30 of 384 objects, 2 of 8 batches, 1.2 of 525.5 MB, 98.4 Mbit/s, 2 min 5 s left (running)"


class Machine(content.Machine):  # type: ignore[name-defined, misc]
    """A machine on which a verb is in these states, one a look, and then ends as told."""

    def __init__(self, *states: str, status: int = 0, answer: str | None = None, said: str = "") -> None:
        self.states, self.status = list(states), status
        self.answer, self.said = answer, said
        self.called: list[str] = []

    def run(self, *words: str) -> tuple[int, str, str]:
        self.called.append(" ".join(words[:2]))
        if "--property=SubState" in words:
            return 0, f"{self.states.pop(0) if self.states else 'dead'}\n", ""
        if words[:2] == ("systemctl", "show"):
            return 0, f"Result={'exit-code' if self.status else 'success'}\nExecMainStatus={self.status}\n", ""
        if words[:2] == ("systemctl", "reset-failed"):
            self.status = 0  # the unit is unloaded, and how it ended is forgotten with it
        return 0, "", ""

    def start(self, unit: str, verb: str, configuration: dict[str, Any]) -> None:
        self.called.append(f"start {unit}")
        (content.OUTPUT / f"{verb}.txt").write_text(self.said)
        if self.answer is not None:
            (content.OUTPUT / f"{verb}.json").write_text(self.answer)

    def call(self, verb: str) -> tuple[int, dict[str, Any]]:
        self.called.append(verb)
        return 0, {"message": LINE, "progress": FIGURES, "verdict": "pass", "counts": {"verified": 30}}


class Verbs(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="stufpack-test-")
        self.addCleanup(folder.cleanup)
        self.addCleanup(setattr, content, "OUTPUT", content.OUTPUT)
        self.addCleanup(setattr, content, "CONFIGURATION", content.CONFIGURATION)
        content.OUTPUT = Path(folder.name)
        content.CONFIGURATION = Path(folder.name, "content.json")
        content.CONFIGURATION.touch()

    def ask(self, machine: Machine, **given: Any) -> dict[str, Any]:
        """One call of the module."""
        asked = {"verb": "copy", "configuration": {}, "start": True, "held": False, "wait": 0.0} | given
        found: dict[str, Any] = content.follow(machine, asked)
        return found

    def test_a_verb_is_started_once_and_followed_until_it_ends(self) -> None:
        machine = Machine("dead", answer='{"exit": 0, "message": "copied", "by_rclone": 7, "one_by_one": 1}')
        found = self.ask(machine)
        self.assertEqual((found["ended"], found["status"], found["sent"]), (True, 0, 8))
        self.assertEqual((found["lines"], found["progress"]), (["copied"], FIGURES))
        self.assertEqual(machine.called[1], "start stuf-content@copy.service")

    def test_one_that_runs_already_is_followed_and_not_started_again(self) -> None:
        machine = Machine("running", "running", "running")
        found = self.ask(machine, held=True)
        self.assertEqual((found["ended"], found["status"]), (False, None))
        self.assertEqual(found["lines"], [f"content: {LINE}", "content, last proof: pass; verified 30"])
        self.assertIn("hold", machine.called)
        self.assertNotIn("start stuf-content@copy.service", machine.called)

    def test_a_proof_that_runs_is_followed_and_no_delta_is_started_beside_it(self) -> None:
        machine = Machine("running", "running", "running")
        found = self.ask(machine, verb="reconcile")
        self.assertEqual((found["ended"], found["status"]), (False, None))
        self.assertEqual([call for call in machine.called if call.startswith("start")], [])
        # A hold that was taken back before the proof met it must not end it now.
        self.assertIn("release", machine.called)
        held = Machine("running", "running", "running")
        self.ask(held, verb="reconcile", held=True)
        self.assertIn("hold", held.called)
        self.assertNotIn("release", held.called)

    def test_one_that_ended_with_nobody_there_is_asked_again_and_its_report_counts_as_seen_only_then(self) -> None:
        for verdict, status, seen in (("pass", 0, True), ("fail", 1, True), ("unverifiable", 2, False)):
            counts = {"verified": 7, "unverifiable": 0, "differs": 0, "missing": 0, "unexpected": 0}
            proof = {"exit": status, "message": "proof", "verdict": verdict, "expected": 7, "counts": counts}
            machine = Machine("dead", status=status, answer=json.dumps(proof))
            self.ask(machine, verb="reconcile")
            self.assertEqual(machine.called.count("start stuf-content@reconcile.service"), 1)
            self.assertEqual("seen" in machine.called, seen, verdict)
        stopped = Machine("dead", status=11, answer='{"exit": 11, "message": "HOLD is set"}')
        self.ask(stopped, verb="reconcile")
        self.assertNotIn("seen", stopped.called)

    def test_what_was_carried_before_a_proof_is_told_first_and_is_a_change(self) -> None:
        carried = {"message": "delta: 2 objects added or changed", "by_rclone": 1, "one_by_one": 1, "deleted": 3}
        answer = json.dumps({"exit": 0, "message": "proof: pass", "carried": carried})
        found = self.ask(Machine("dead", answer=answer), verb="reconcile")
        self.assertEqual((found["lines"], found["sent"]), (["delta: 2 objects added or changed", "proof: pass"], 5))

    def test_without_an_answer_a_verb_has_failed_whatever_systemd_says(self) -> None:
        for answer in (None, "", "[]", "half of {"):
            found = self.ask(Machine("dead", answer=answer, said="Traceback\nit broke\n"))
            self.assertEqual((found["status"], found["lines"]), (1, ["it broke"]))
        for answer in ('{"message": "proof: pass"}', '{"message": "proof: pass", "exit": null}'):
            self.assertEqual(self.ask(Machine("dead", answer=answer), verb="reconcile")["status"], 1)

    def test_a_failed_proof_stays_one_when_ansible_asks_again_after_a_broken_connection(self) -> None:
        answer = json.dumps({"exit": 1, "message": "proof: fail", "findings": []})
        machine = Machine("dead", status=1, answer=answer)
        first = self.ask(machine, verb="reconcile")
        again = self.ask(machine, verb="reconcile", start=False)
        self.assertEqual((machine.status, first["status"], first["lines"]), (0, 1, ["proof: fail"]))
        self.assertEqual(again, first)

    def test_a_verb_that_was_killed_has_failed_whatever_it_wrote_before(self) -> None:
        machine = Machine("dead", status=1, answer='{"exit": 0, "message": "proof: pass"}')
        self.assertEqual(self.ask(machine, verb="reconcile")["status"], 1)

    def test_why_it_stopped_and_what_it_found_is_told(self) -> None:
        found_nothing = {"message": "expected 8, found 0", "findings": []}
        refusal = {"exit": 12, **found_nothing, "error": {"next": "look at the bucket"}}
        found = self.ask(Machine("dead", status=12, answer=json.dumps(refusal)))
        self.assertEqual((found["status"], found["lines"]), (12, ["expected 8, found 0", "next: look at the bucket"]))
        findings = [{"key": f"a\n{number}", "verdict": "differs", "why": "other bytes"} for number in range(20)]
        answer = json.dumps({"exit": 1, "message": "proof: fail", "findings": findings})
        failed = json.dumps({"exit": 1, "message": "proof: fail", "findings": findings[:1], "next": "look at it"})
        found = self.ask(Machine("dead", status=1, answer=failed), verb="reconcile")
        self.assertEqual(found["lines"][-1], "next: look at it")
        found = self.ask(Machine("dead", status=1, answer=answer), verb="reconcile")
        self.assertEqual(found["lines"][:2], ["proof: fail", 'differs: "a\\n0", other bytes'])
        self.assertEqual((len(found["lines"]), found["lines"][-1]), (17, "… and 5 more"))
        self.assertEqual(found["checks"], [], "no counts, so it came to no verdict")

    def test_what_stays_behind_for_its_name_is_told_by_its_name(self) -> None:
        counts = {"verified": 7, "unverifiable": 0, "differs": 0, "missing": 0, "unexpected": 0}
        proof = {"message": "proof", "verdict": "pass", "expected": 7, "counts": counts, "left_out": ["users/a\n.pdf"]}
        found = self.ask(Machine("dead", answer=json.dumps(proof)), verb="reconcile")
        self.assertIn('left out: "users/a\\n.pdf", its name', found["lines"][1])
        self.assertEqual(found["checks"][0]["observed"][-12:], "; 1 left out")
        proof["beside"] = {"tags": 3, "redirect": 0}
        found = self.ask(Machine("dead", answer=json.dumps(proof)), verb="reconcile")
        self.assertEqual(found["checks"][0]["observed"].partition("0 gone")[2], "; 1 left out; 3 without their tags")

    def test_what_content_remove_named_in_vain_is_told_by_its_name(self) -> None:
        removed = {"taken_away": ["gone"], "left": ["c/1"], "not_there": ["c/ty\npo"]}
        answer = json.dumps({"exit": 0, "message": "proof", "carried": {"message": "delta", "removed": removed}})
        found = self.ask(Machine("dead", answer=answer), verb="reconcile")
        left, absent = ('"c/1", the source has it, so it was left', '"c/ty\\npo", not at the target')
        wanted = ["delta", "proof", f"content_remove: {left}", f"content_remove: {absent}"]
        self.assertEqual(found["lines"], wanted)

    def test_what_a_proof_came_to_is_a_check_with_its_verdict(self) -> None:
        for verdict, status in (("pass", 0), ("fail", 1), ("unverifiable", 2), ("not_run", 3)):
            counts = {"verified": 7, "unverifiable": 0, "differs": 1, "missing": 0, "unexpected": 0}
            proof = {"message": "proof", "verdict": verdict, "expected": 8, "counts": counts}
            proof |= {"new_since_export": 2, "changed_since_export": 1, "gone_since_export": 5}
            found = self.ask(Machine("dead", status=status, answer=json.dumps(proof)), verb="reconcile")
            (check,) = found["checks"]
            self.assertEqual(check["verdict"], verdict)
            self.assertIn("each of 8 objects", check["expected"])
            told = "verified 7, unverifiable 0, differs 1, missing 0, unexpected 0"
            self.assertEqual(check["observed"], f"{told}; since the export: 2 new, 1 changed, 5 gone")
        alone = json.dumps(proof | {"expected": 1})
        (check,) = self.ask(Machine("dead", answer=alone), verb="reconcile")["checks"]
        self.assertIn("each of 1 object reads back", check["expected"])
        # Only the proof proves: another verb may answer with counts too.
        self.assertEqual(self.ask(Machine("dead", answer=json.dumps(proof)))["checks"], [])

    def test_hold_says_whether_there_was_anything_to_stop(self) -> None:
        cases: dict[tuple[str, ...], str] = {
            (): "nothing is copied or proven",
            ("running",): "the inventory stops",
            ("dead", "running"): "the copy at the target stops at the end of its batch",
            ("dead", "dead", "running"): "delta and proof stop",
        }
        for states, says in cases.items():
            machine = Machine(*states)
            self.assertIn(says, content.hold(machine)["lines"][0])
            self.assertEqual("hold" in machine.called, bool(states))


class Endpoint(unittest.TestCase):
    def test_the_storage_is_where_the_package_says_or_else_garage_where_it_listens_now(self) -> None:
        with tempfile.TemporaryDirectory(prefix="stufpack-test-") as folder:
            for name in ("CONFIGURATION", "OUTPUT"):
                self.addCleanup(setattr, content, name, getattr(content, name))
            content.OUTPUT, content.CONFIGURATION = Path(folder), Path(folder, "content.json")

            def run(command: list[str], **_: Any) -> tuple[int, str, str]:
                answers = {"ps": "one\n", "inspect": '{"stuf_data": {"IPAddress": "192.0.2.7"}}'}
                return 0, answers.get(command[1], ""), ""

            machine = content.Machine(SimpleNamespace(run_command=run))
            for given, wanted in (
                ({}, "http://192.0.2.7:3900"),
                ({"endpoint": ""}, "http://192.0.2.7:3900"),
                ({"endpoint": "https://s3.eu-west-1.amazonaws.com"}, "https://s3.eu-west-1.amazonaws.com"),
            ):
                machine.start("stuf-content@copy.service", "copy", {"target": {"bucket": "b", **given}})
                written = json.loads(content.CONFIGURATION.read_text())
                self.assertEqual(written, {"target": {"bucket": "b", "endpoint": wanted}})


class Following(unittest.TestCase):
    def play(
        self, *answers: dict[str, Any], verb: str = "copy", hold: bool = False
    ) -> tuple[Any, list[Any], list[Any]]:
        """Runs the action; its result, the module's calls, and the lines for the controller."""
        with tempfile.TemporaryDirectory(prefix="stufpack-test-") as folder:
            if hold:
                Path(folder, "HOLD").touch()
            plugin = follow.ActionModule()
            plugin._task = SimpleNamespace(args={"verb": verb}, check_mode=False)
            calls: list[Any] = []

            def execute(module_name: str, module_args: Any, task_vars: Any) -> dict[str, Any]:
                calls.append(dict(module_args))
                return answers[len(calls) - 1]

            plugin._execute_module = execute
            file = Path(folder, "progress.jsonl")
            result = plugin.run(task_vars={"stufpack_state": folder, "stufpack_progress": str(file)})
            lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
            return result, calls, lines

    def test_it_calls_until_the_verb_has_ended_and_tells_the_controller_each_time(self) -> None:
        running = {"ended": False, "status": None, "progress": FIGURES, "lines": [LINE]}
        ended = {"ended": True, "status": 0, "sent": 8, "progress": FIGURES, "lines": ["done"]}
        result, calls, lines = self.play(running, running, ended, hold=True)
        self.assertEqual([call.get("start", True) for call in calls], [True, False, False])
        self.assertEqual([call["held"] for call in calls], [True] * 3)
        self.assertEqual([line["running"] for line in lines], [True, True, False])
        self.assertEqual((result["changed"], "failed" in result), (True, False))

    def test_a_status_that_is_no_failure_reaches_the_controller(self) -> None:
        for status in (1, 11, 12, 75):
            ended = {"ended": True, "status": status, "sent": 0, "progress": {}, "lines": ["why"]}
            result, _, _ = self.play(ended)
            self.assertEqual((result["failed"], result["stufpack_exit"]), (True, status))
            self.assertIn("why", result["msg"])
        ended = {"ended": True, "status": 2, "sent": 0, "progress": {}, "lines": ["why"]}
        result, _, _ = self.play(ended, verb="reconcile")
        self.assertEqual((result["stufpack_exit"], result["msg"]), (11, "unverifiable: why"))

    def test_where_neither_side_has_a_file_the_phase_comes_to_its_end(self) -> None:
        ended = {"ended": True, "status": 3, "sent": 0, "progress": {}, "lines": ["proof: not_run; of 0 objects"]}
        result, _, _ = self.play(ended, verb="reconcile")
        self.assertNotIn("failed", result)
        result, _, _ = self.play(ended, verb="copy")
        self.assertEqual(result["stufpack_exit"], 3)

    def test_status_tells_its_figures_for_machines_too(self) -> None:
        _, _, lines = self.play(
            {"ended": True, "status": 0, "sent": 0, "progress": FIGURES, "lines": [LINE]}, verb="status"
        )
        self.assertEqual([(line["running"], line["progress"]) for line in lines], [(False, FIGURES)])

    def test_a_lost_connection_ends_the_following_and_nothing_else(self) -> None:
        result, calls, lines = self.play({"unreachable": True, "msg": "gone"})
        self.assertEqual((result["unreachable"], len(calls), lines), (True, 1, []))


class Messages(unittest.TestCase):
    def test_what_the_copying_program_says_names_no_command_but_those_that_people_type(self) -> None:
        told = {}
        for file in sorted((ROOT / "roles/content/files/stuf_content").glob("*.py")):
            calls = (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))
            for call in calls:
                name = getattr(call.func, "id", "")
                texts = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant)]
                if name in ("Stop", "refused", "failed"):
                    told |= {text: file.name for text in texts if isinstance(text, str)}
        self.assertGreater(len(told), 40)
        self.assertIn("./migrate resume, then ./migrate content", told)
        # The program runs as a unit, and the phase above it puts its own next command below what it says.
        self.assertEqual({text: file for text, file in told.items() if "stuf_content" in text}, {})


class Portions(unittest.TestCase):
    def test_big_trees_take_several_calls_and_the_last_of_each_knows_what_stays(self) -> None:
        with tempfile.TemporaryDirectory(prefix="stufpack-test-") as folder:
            for name in ("a", "b", "c"):
                Path(folder, name).write_bytes(name.encode() * 9_000_000)
            trees = [
                {"name": "key", "text": "ü", "target": "/etc", "mode": "0600"},
                {"source": ".", "target": "/lists", "mode": "0600", "whole": True},
            ]
            found = list(place._portions(folder, trees))
        sent = [[[file["path"] for file in tree["files"]] for tree in portion] for portion in found]
        self.assertEqual(sent, [[["key"], ["a"]], [["b"]], [["c"]]])
        self.assertEqual(
            [tree.get("only") for portion in found for tree in portion], [None, None, None, ["a", "b", "c"]]
        )
        self.assertEqual(base64.b64decode(found[0][0]["files"][0]["content"]).decode(), "ü")


if __name__ == "__main__":
    unittest.main()
