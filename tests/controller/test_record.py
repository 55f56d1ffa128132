"""What a run leaves for the glass: an operation folder without secrets, and the commands that record it."""

import base64
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from fixture import CHECKLIST, TEMPLATES, Story, mode
from real import AnsibleStory

sys.path.insert(0, str(TEMPLATES / "infrastructure/controller"))
import leak  # noqa: E402
import operation  # noqa: E402
import people  # noqa: E402

FAKE = "fake-\"S3cr+t/Välue'=9?"
ADDRESS = "ada@example.org"
DIGEST = f"sha256:{'a' * 64}"
COMMIT = "c" * 40


# A machine on which one service runs.
DOCKER = f"""
import json, sys
image = {{"Config": {{"Image": "registry.example.org/stuf/api@{DIGEST}",
                     "Labels": {{"com.docker.compose.service": "api"}}}}, "Image": "id"}}
answers = {{"ps": "one", "inspect": json.dumps([image]),
           "image": json.dumps([{{"RepoDigests": ["registry.example.org/stuf/api@{DIGEST}"]}}])}}
if sys.argv[1] not in answers:
    sys.exit(1)
print(answers[sys.argv[1]])
"""


class Operations(Story):
    """Looks into operation folders."""

    def operation(self, run: int, phase: str) -> Path:
        """The operation folder of a run."""
        return self.state / f"packages/1/operations/{run}-{phase}"

    def about(self, run: int, phase: str) -> dict[str, Any]:
        """What a folder says of itself."""
        document: dict[str, Any] = json.loads((self.operation(run, phase) / "operation.json").read_bytes())
        return document

    def clear(self, run: int, phase: str) -> dict[str, str]:
        """Every file that is not personal."""
        folder, personal = self.operation(run, phase), self.about(run, phase)["personal"]
        files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
        self.assertLessEqual(set(personal), set(files))
        return {name: path.read_text() for name, path in files.items() if name not in personal}

    def secret(self, name: str, value: str) -> None:
        """A secret that the Trust Architect provided."""
        path = self.state / "secrets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)


class Records(Operations):
    def test_a_finished_run_leaves_its_folder_whole(self) -> None:
        package = self.ready()
        images = {"api": f"registry.example.org/stuf/api@{DIGEST}", "who": ADDRESS, "x": {"y": ADDRESS}}
        self.orders(
            deploy__pull_images={"prints": f"{ADDRESS} signed in", "changed": 1},
            deploy__start_api={"leaves": "images.json", "content": json.dumps(images)},
        )
        run = self.exits(0, package, "deploy")

        folder = self.operation(1, "deploy")
        journal = (self.state / "packages/1/journal.jsonl").read_bytes()
        self.assertEqual((folder / "journal.jsonl").read_bytes(), journal)
        about = self.about(1, "deploy")
        sums = hashlib.sha256((package.root / "SHA256SUMS").read_bytes()).hexdigest()
        last = hashlib.sha256(journal.splitlines(keepends=True)[-1]).hexdigest()
        times = [json.loads(line)["at"] for line in journal.splitlines()]
        self.assertEqual((about["started"], about["ended"]), (times[0], times[-1]))
        self.assertEqual(
            {name: about[name] for name in about.keys() - {"started", "ended", "requested_by"}},
            {
                "schema": 1, "event": "deployment", "slug": "harbour", "phase": "deploy", "run": 1,
                "package": {"number": 1, "sha256": f"sha256:{sums}", "plan": package.digest},
                "result": "finished", "validation": "not_run",
                "journal": {"lines": journal.count(b"\n"), "sha256": last},
                "personal": [
                    "evidence/logs/1-deploy-place-project.log", "evidence/logs/1-deploy-pull-images.log",
                    "evidence/logs/1-deploy-start-api.log",
                ],
            },
        )  # fmt: skip
        clear = self.clear(1, "deploy")
        self.assertEqual(set(clear), {"operation.json", "journal.jsonl", "logs/steps.log", "images.json"})
        self.assertEqual(json.loads(clear["images.json"]), {"api": images["api"]})
        self.assertNotIn(ADDRESS, "".join(clear.values()))
        self.assertRegex(clear["logs/steps.log"], r"(?m)^deploy/pull-images +done +1 change ")
        self.assertEqual({mode(path) for path in folder.rglob("*")}, {0o600, 0o700})
        for command in (f"stufpack glass record GLASS {folder} --sign-key KEY", f"sh {folder}.sh GLASS KEY SIGNERS"):
            self.assertIn(command, run.stdout)

    def test_failed_rolled_back_and_paused_runs_are_told_alike(self) -> None:
        package = self.ready()
        undone = {"hosts": {"target": {"ok": 1, "failed": 1}}, "rolled_back": True}
        half = {"hosts": {"target": {"ok": 1, "failed": 1, "rescued": 1}}, "undo_failed": True}
        failed = {"hosts": {"target": {"failed": 1}}, "failures": [f"Copy: {ADDRESS}"]}
        ends = {
            "failed": (1, {"exit": 2, "result": failed}),
            "rolled_back": (10, {"exit": 2, "result": undone}),
            "paused": (11, {"exit": 4, "result": {"hosts": {"target": {"unreachable": 1}}}}),
        }
        ends["put back by halves"] = (1, {"exit": 2, "result": half})
        for run, (word, (code, order)) in enumerate(ends.items(), start=1):
            with self.subTest(word):
                self.orders(import__save_before_state=order)
                self.exits(code, package, "import")
                word = "failed" if word == "put back by halves" else word
                about = self.about(run, "import")
                self.assertEqual((about["result"], about["event"]), (word, "configuration"))
                self.assertNotIn(ADDRESS, "".join(self.clear(run, "import").values()))
        self.assertIn("    failed   Copy\n", self.clear(1, "import")["logs/steps.log"])

    def test_a_verify_that_is_held_after_a_failure_leaves_the_report_of_it(self) -> None:
        package = self.ready()
        failed = {"exit": 2, "result": {"hosts": {"target": {"failed": 1}}}, "files": {"HOLD": "by: ada\n"}}
        self.orders(verify__sign_in=failed)
        self.exits(11, package, "verify")
        self.assertEqual(self.journal()[-2:], ["sign-in:failed", "hold:paused"])
        about = self.about(1, "verify")
        self.assertEqual((about["result"], about["validation"]), ("failed", "fail"))
        checks = json.loads(self.clear(1, "verify")["reports/verify.json"])["checks"]
        self.assertEqual([check["verdict"] for check in checks], ["fail", "not_run"])

    def test_what_changed_nothing_leaves_none(self) -> None:
        package = self.ready()
        self.exits(0, package, "preflight")
        self.exits(0, package, "deploy", "--check")
        self.exits(12, package, "cutover")
        self.exits(0, package, "status")
        self.assertFalse((self.state / "packages/1/operations").exists())

    def test_verdicts_and_the_approval_are_clear_and_what_was_seen_is_not(self) -> None:
        package = self.ready()
        self.orders(verify__sign_in={"result": {"hosts": {"target": {"ok": 1}}, "lines": [f"{ADDRESS} signed in"]}})
        self.exits(0, package, "verify")
        self.exits(0, package, "approve", "cutover", "--by", "Ada (TA)", "--strategy", "immediate")
        self.exits(0, package, "cutover")

        clear = self.clear(1, "verify")
        self.assertEqual(self.about(1, "verify")["validation"], "pass")
        report = json.loads(clear["reports/verify.json"])
        self.assertEqual([check["verdict"] for check in report["checks"]], ["pass", "pass"])
        self.assertNotIn(ADDRESS, "".join(clear.values()))
        whole = self.operation(1, "verify") / "evidence/reports/verify.json"
        self.assertIn(ADDRESS, whole.read_text())
        about, approval = self.about(2, "cutover"), json.loads(self.clear(2, "cutover")["approval.json"])
        self.assertEqual((about["event"], about["approved_by"]), ("cutover", "Ada (TA)"))
        self.assertEqual((approval["gate"], approval["strategy"]), ("approve-cutover", "immediate"))
        self.assertEqual(approval["report"]["sha256"], hashlib.sha256(whole.read_bytes()).hexdigest())

    def test_a_sign_off_is_an_operation_that_tells_who_signed_what(self) -> None:
        package = self.ready()
        self.exits(0, package, "verify")
        for name, marks in (("Bob", "-x"), ("Ada Lovelace", "xx")):
            text = CHECKLIST
            for mark in marks:
                text = text.replace("- [ ]", f"- [{mark}]", 1)
            filled = self.home / "filled.md"
            filled.write_text(f"{text}Mail went to {ADDRESS}.\n")
            run = self.exits(0, package, "sign-off", str(filled), "--by", name)
        about, clear = self.about(3, "sign-off"), self.clear(3, "sign-off")
        self.assertEqual(
            (about["event"], about["validation"], about["approved_by"], about["personal"]),
            ("deployment", "pass", "Ada Lovelace", ["evidence/sign-off.md"]),
        )
        self.assertEqual(set(clear), {"operation.json", "journal.jsonl", "sign-off.json", "reports/sign-off.json"})
        self.assertEqual(json.loads(clear["sign-off.json"])["by"], "Ada Lovelace")
        standing = [{"id": "Bob", "verdict": "fail"}, {"id": "Ada Lovelace", "verdict": "pass"}]
        self.assertEqual(json.loads(clear["reports/sign-off.json"])["checks"], standing)
        self.assertNotIn(ADDRESS, "".join(clear.values()))
        self.assertIn(f"sh {self.operation(3, 'sign-off')}.sh GLASS KEY SIGNERS", run.stdout)
        # One that found something wrong approves nothing.
        self.assertNotIn("approved_by", self.about(2, "sign-off"))
        self.assertEqual(self.about(2, "sign-off")["validation"], "fail")

        records = json.loads(self.exits(0, package, "status", "--json").stdout)["records"]
        waiting = [str(self.operation(*of)) for of in ((1, "verify"), (2, "sign-off"), (3, "sign-off"))]
        self.assertEqual((records["not_run"], records["missing"]), (waiting, []))

    def test_a_secret_in_a_checklist_keeps_its_sign_off_from_being_recorded_and_no_more(self) -> None:
        package = self.ready()
        self.exits(0, package, "verify")
        self.secret("mail_password", FAKE)
        filled = self.home / "filled.md"
        filled.write_text(f"{CHECKLIST.replace('[ ]', '[x]')}The password was {FAKE}.\n")
        run = self.exits(0, package, "sign-off", str(filled), "--by", "Ada", says="not recorded: a secret stands")
        self.assertIn("evidence/sign-off.md, line 5", run.stdout)
        self.assertIn("signed off by Ada, ", self.exits(0, package, "status").stdout)

    def test_a_secret_in_any_encoding_keeps_the_folder_from_being_written(self) -> None:
        key = "\n".join(["-----BEGIN " + "PRIVATE KEY-----", *(f"{n}FAKE" * 9 for n in range(3)), "-----END"])
        credential = {"ssh": {"host": "target", "private_key": key}, "storage": {"secret_access_key": FAKE}}
        raw = FAKE.encode()
        written = {
            "plain": FAKE,
            "hexadecimal": raw.hex(),
            "base64, wrapped": base64.encodebytes(b"user:" + raw * 3).decode(),
            "base64url at 1": base64.urlsafe_b64encode(b"x" + raw).decode(),
            "base64 at 2": base64.b64encode(b"xy" + raw + b"z").decode(),
            "JSON in JSON": json.dumps(json.dumps({"msg": FAKE})),
            "URL": urllib.parse.quote(FAKE, safe=""),
            "one user's password": "K3y-FAKE-FAKEaA1!",
            "a line of a key": "1FAKE" * 9,
            "another's key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
        }
        for name, text in written.items():
            with self.subTest(name):
                self.again()
                package = self.ready()
                self.secret("source_read", json.dumps(credential))
                self.secret("one-time-passwords.csv", f'"ada","{ADDRESS}","K3y-FAKE-FAKEaA1!"\n')
                self.orders(deploy__start_api={"prints": f"first\nsecond {text}"})
                run = self.exits(0, package, "deploy", says="not recorded: a secret stands where it must not")
                self.assertIn("evidence/logs/1-deploy-start-api.log, ", run.stdout)
                self.assertNotIn(text.split("\n")[0], run.stdout + run.stderr)
                folder = self.operation(1, "deploy")
                self.assertEqual([path.name for path in folder.parent.iterdir()], ["1-deploy.refused"])
                said = self.migrate(package, "status").stdout
                self.assertIn("not recorded: 1-deploy, no operation folder, since a secret", said)

    def test_what_only_looks_like_a_secret_is_recorded(self) -> None:
        package = self.ready()
        # A host's name in a credential is none, and neither is what is too short to be searched for.
        self.secret("source_read", json.dumps({"ssh": {"host": "harbour.example.org"}, "token": "deploy"}))
        self.secret("one-time-passwords.csv", f'"ada","{ADDRESS}","K3y-FAKE-FAKEaA1!"\n')
        self.orders(deploy__start_api={"prints": f"harbour.example.org deploy {ADDRESS}"})
        self.exits(0, package, "deploy")
        self.assertTrue(self.operation(1, "deploy").is_dir())

    def test_status_says_what_is_not_recorded(self) -> None:
        package = self.ready()
        self.exits(0, package, "prepare")
        self.exits(0, package, "deploy")
        self.operation(1, "prepare").with_name("1-prepare.recorded").write_text(f"{COMMIT}\n")
        run = self.exits(0, package, "status", "--json")
        records = json.loads(run.stdout)["records"]
        self.assertEqual(records["recorded"], [str(self.operation(1, "prepare"))])
        self.assertEqual(records["not_run"], [str(self.operation(2, "deploy"))])
        self.assertIn("not recorded: 2-deploy", run.stderr)

    def test_runs_are_recorded_in_their_order_and_what_came_too_late_is_told_as_such(self) -> None:
        package = self.ready()
        self.assertIn("GLASS is yours. One of:\n", self.exits(0, package, "prepare").stdout)
        run = self.exits(0, package, "deploy")
        self.assertIn(
            "not recorded yet; GLASS is yours. A glass takes runs in their order: first 1-prepare (./migrate status "
            "prints how). Then one of:\n", run.stdout,
        )  # fmt: skip
        script = self.operation(2, "deploy").with_name("2-deploy.sh").read_text()
        self.assertIn("\nearlier=1-prepare\n", script)
        self.operation(2, "deploy").with_name("2-deploy.recorded").write_text(f"{COMMIT}\n")
        self.assertIn("GLASS is yours. One of:\n", self.exits(0, package, "import").stdout)
        records = json.loads(self.exits(0, package, "status", "--json").stdout)["records"]
        self.assertEqual(records["not_run"], [str(self.operation(3, "import"))])
        late = "1-prepare: a later run is recorded, so a glass has its lines of the journal and no more"
        self.assertEqual(records["missing"], [late])

    def test_the_report_of_verify_says_which_runs_no_glass_has(self) -> None:
        package = self.ready()
        for phase in ("prepare", "deploy", "import"):
            self.exits(0, package, phase)
        self.operation(1, "prepare").with_name("1-prepare.recorded").write_text(f"{COMMIT}\n")
        shutil.rmtree(self.operation(2, "deploy"))
        self.exits(0, package, "verify")

        folder = self.state / "packages/1/reports/4"
        report = json.loads((folder / "verify.json").read_bytes())
        found = {check["id"]: check for check in report["checks"] if check["step"] == "verify/record"}
        gone = "no operation folder, since it was taken away, or could not be written"
        self.assertEqual(
            {name: (check["verdict"], check["why"]) for name, check in found.items()},
            {"record/1-prepare": ("pass", None),
             "record/2-deploy": ("not_run", f"not recorded: {gone}"),
             "record/3-import": ("not_run", "not recorded: ./migrate status prints the commands that record it")},
        )  # fmt: skip
        # What nobody recorded may be recorded later: it keeps nothing from passing.
        self.assertEqual((report["verdict"], report["counts"]["not_run"]), ("pass", 2))
        self.assertIn("What a glass has of this migration", (folder / "verify.md").read_text())

    def test_a_note_that_names_no_commit_records_nothing(self) -> None:
        package = self.ready()
        self.exits(0, package, "deploy")
        note = self.operation(1, "deploy").with_name("1-deploy.recorded")
        for text in ("", "\n", "commit\n", f"{COMMIT}\n{COMMIT}\n", COMMIT[1:]):
            with self.subTest(text):
                note.write_text(text)
                records = json.loads(self.exits(0, package, "status", "--json").stdout)["records"]
                self.assertEqual((records["recorded"], len(records["not_run"])), ([], 1))
        note.write_text(f"{COMMIT}\n")
        records = json.loads(self.exits(0, package, "status", "--json").stdout)["records"]
        self.assertEqual((len(records["recorded"]), records["not_run"]), (1, []))

    def test_only_a_run_that_was_killed_is_said_not_to_have_come_to_its_end(self) -> None:
        package = self.ready()
        failed = {"exit": 2, "result": {"hosts": {"target": {"failed": 1}}}}
        self.orders(deploy__place_project=failed, verify__sign_in=failed)
        self.exits(0, package, "prepare")
        self.exits(1, package, "deploy")
        self.exits(1, package, "verify")
        self.orders()
        self.exits(0, package, "verify")
        filled = self.home / "filled.md"
        filled.write_text(CHECKLIST.replace("[ ]", "[x]"))
        self.exits(0, package, "sign-off", str(filled), "--by", "Ada")
        self.orders(deploy__place_project={"waits_for": str(self.home / "go")})
        with self.running(package, "deploy") as process:
            self.until(lambda: self.journal()[-1] == "place-project:started")
            process.kill()
            process.wait(60)
            (self.home / "go").touch()
            self.until(lambda: "running" not in json.loads(self.migrate(package, "status", "--json").stdout))
        shutil.rmtree(self.state / "packages/1/operations")
        missing = json.loads(self.exits(0, package, "status", "--json").stdout)["records"]["missing"]
        gone = "no operation folder, since it was taken away, or could not be written"
        ended = ("1-prepare", "2-deploy", "3-verify", "4-verify", "5-sign-off")
        killed = "6-deploy: no operation folder, since the run has not come to its end"
        self.assertEqual(missing, [*(f"{run}: {gone}" for run in ended), killed])

    def test_a_state_folder_that_takes_no_more_does_not_undo_the_phase(self) -> None:
        package = self.ready()
        (self.state / "packages/1").mkdir(parents=True)
        (self.state / "packages/1/operations").write_text("in the way")
        self.exits(0, package, "deploy", says="not recorded: the operation folder could not be written")


class BeforeAndAfter(AnsibleStory, Operations):
    """What stood there before, what stands now, and the inventory: by the very tasks that the phases have for it."""

    def task(self, role: str, file: str, **variables: Any) -> str:
        """The tasks of a role's file, for one step, with places that this machine has."""
        tasks = yaml.safe_load((TEMPLATES / f"infrastructure/ansible/roles/{role}/tasks/{file}.yml").read_text())
        step = {"tags": ["deploy/pull-images"], "vars": {"stuf_work_dir": str(self.home), **variables}}
        return "".join(f"    - {json.dumps(task | step)}\n" for task in tasks)

    def test_an_operation_holds_before_after_and_inventory_and_only_images_in_clear(self) -> None:
        entries = json.dumps({"key": f"as built/{ADDRESS}.pdf", "size": 7}) + "\n"
        (self.home / "source.jsonl").write_text(entries)
        for moment in ("before", "after"):
            (self.home / moment).mkdir()
            for name in ("users", "documents"):
                (self.home / moment / f"{name}.json").write_text(f'["{name} {moment}, {ADDRESS}"]')
        docker = self.home / "bin/docker"
        docker.parent.mkdir()
        docker.write_text(f"#!{sys.executable}\n{DOCKER}")
        docker.chmod(0o700)
        self.environment["PATH"] = f"{docker.parent}{os.pathsep}{os.environ['PATH']}"
        role = yaml.safe_load((TEMPLATES / "infrastructure/ansible/roles/content/vars/main.yml").read_text())
        package = self.real(
            self.task("stuf", "keep_state", stuf_moment="before"),
            self.task("stuf", "keep_state", stuf_moment="after"),
            self.task(
                "content", "keep_inventory", content_inventory_file=f"{self.home}/source.jsonl",
                content_largest_evidence=role["content_largest_evidence"],
            ),
            self.task("stuf", "read_images_before"),
            *(f"    - {{ansible.builtin.debug: {{msg: x}}, tags: [deploy/{step}]}}\n" for step in
              ("place-project", "start-api")),
        )  # fmt: skip
        run = self.exits(0, package, "deploy")

        self.assertIn("0 changes", run.stdout)
        evidence = self.operation(1, "deploy") / "evidence/reports"
        for moment in ("before", "after"):
            for name in ("users", "documents"):
                self.assertEqual((evidence / moment / f"{name}.json").read_text(), f'["{name} {moment}, {ADDRESS}"]')
        packed = (evidence / "content-inventory.jsonl.gz").read_bytes()
        self.assertEqual(gzip.decompress(packed).decode(), entries)
        clear = self.clear(1, "deploy")
        self.assertEqual(set(clear), {"operation.json", "journal.jsonl", "logs/steps.log", "images-before.json"})
        self.assertEqual(json.loads(clear["images-before.json"]), {"api": f"registry.example.org/stuf/api@{DIGEST}"})
        self.assertNotIn(ADDRESS, "".join(clear.values()))

    def test_an_inventory_larger_than_an_operation_takes_stays_at_the_target(self) -> None:
        (self.home / "source.jsonl").write_bytes(os.urandom(4096))
        inventory = {"content_inventory_file": f"{self.home}/source.jsonl", "content_largest_evidence": 4000}
        package = self.real(
            self.task("content", "keep_inventory", **inventory),
            *(f"    - {{ansible.builtin.debug: {{msg: x}}, tags: [deploy/{step}]}}\n" for step in
              ("place-project", "start-api")),
        )  # fmt: skip
        self.exits(0, package, "deploy")
        self.assertFalse((self.operation(1, "deploy") / "evidence/reports").exists())

    def test_no_task_keeps_more_than_an_operation_takes(self) -> None:
        role = yaml.safe_load((TEMPLATES / "infrastructure/ansible/roles/content/vars/main.yml").read_text())
        text = (TEMPLATES / "infrastructure/controller/operation.py").read_text()
        self.assertIn("LARGEST = 32 << 20\n", text)
        self.assertEqual(role["content_largest_evidence"], 32 << 20)


class People(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        users = self.root / "configuration/integration-config/realm-users.json"
        users.parent.mkdir(parents=True)
        ada = {"username": "ada", "email": ADDRESS, "firstName": "Ada", "lastName": "Lovelace"}
        users.write_text(json.dumps({"schema": 1, "users": [ada, {"username": "bob", "firstName": "Bob"}]}))
        script = self.root / "infrastructure/controller/record.sh"
        script.parent.mkdir(parents=True)
        shutil.copy(TEMPLATES / "infrastructure/controller/record.sh", script)

    def write(self, task: str) -> Path | None:
        """The folder of a run that changed something in `task`, whose log says so in clear."""
        package: Any = SimpleNamespace(root=self.root, slug="harbour", number=1, plan_digest=DIGEST)
        state: Any = SimpleNamespace(root=self.root, here=self.root / "packages/1")
        state.here.mkdir(parents=True, exist_ok=True)
        (self.root / "journal.jsonl").write_text("{}\n")
        line = SimpleNamespace(run=1, state="done", at="2026-11-20T00:00:00Z")
        path = self.root / "journal.jsonl"
        journal: Any = SimpleNamespace(path=path, plan=DIGEST, lines=[], steps=lambda: [line])
        step = {"id": "deploy/a", "state": "done", "changed": 1, "seconds": 1, "changed_tasks": [task], "failures": []}
        phase: Any = SimpleNamespace(id="deploy")
        ran = operation.Ran(phase, 1, DIGEST, [step], None)
        return operation.write(package, state, journal, ran)[0]

    def test_a_person_in_clear_keeps_the_folder_from_being_written(self) -> None:
        for task in (f"Invite {ADDRESS.upper()}.", "Write to ada lovelace"):
            with self.assertRaisesRegex(ValueError, "a person of the package stands in logs/steps.log, line 3") as told:
                self.write(task)
            self.assertNotIn("lovelace", str(told.exception).casefold())
            left = [path.name for path in (self.root / "packages/1/operations").iterdir()]
            self.assertEqual(left, ["1-deploy.refused"])
        folder = self.write("Tell Ada, and x@example.org")
        assert folder is not None
        self.assertIn("Tell Ada", (folder / "logs/steps.log").read_text())

    def test_an_address_and_a_name_are_found_in_every_text_and_in_no_longer_one(self) -> None:
        known = people.known(self.root)
        for text in (f'["{ADDRESS}"]', f"<{ADDRESS}>", f"mailto:{ADDRESS}", f"a={ADDRESS};", f"to {ADDRESS}."):
            self.assertEqual(people.search({"x": f"one\n{text}\n".encode()}, known), ["x, line 2"], text)
        for text in (f"x{ADDRESS}", f"{ADDRESS}.uk", "ada", "Ada\nLovelace", "ada lovelaces", "Canada Lovelace"):
            self.assertEqual(people.search({"x": text.encode()}, known), [], text)


class Search(unittest.TestCase):
    def test_every_encoding_is_found_at_every_offset(self) -> None:
        for encoding, needle in leak.encodings(FAKE.encode()):
            hits = leak.search({"x.log": b"line\n..." + needle + b"..."}, {"mail": [FAKE.encode()]})
            self.assertEqual([(hit.path, hit.line, hit.name) for hit in hits], [("x.log", 2, "mail")], encoding)
        for shift in range(3):
            text = base64.b64encode(b"x" * shift + FAKE.encode() + os.urandom(5))
            self.assertEqual(len(leak.search({"x": text}, {"mail": [FAKE.encode()]})), 1)
        self.assertEqual(leak.search({"x": b"nothing of it: " + FAKE[:-1].encode()}, {"mail": [FAKE.encode()]}), [])

    def test_what_a_glass_knows_by_its_form_is_found_whosever_it_is(self) -> None:
        fake = "0Fake" * 20
        forms = {
            "private key": ["-----BEGIN " + "RSA PRIVATE KEY-----", "-----BEGIN " + "PGP PRIVATE KEY BLOCK-----",
                            "---- BEGIN " + "SSH2 ENCRYPTED PRIVATE KEY ----", "PuTTY-User-" + "Key-File-3: x"],
            "age identity": [f"AGE-SECRET-KEY-1{fake}", f"AGE-PLUGIN-YUBIKEY-1{fake}"],
            "AWS access key id": [
                f"{word}{fake[:16]}" for word in ("AKIA", "ASIA", r"\nAKIA", "%3DAKIA", r"\u003dAKIA")
            ],
            "GitHub token": [f"github_pat_{fake}", *(f"gh{kind}_{fake}" for kind in "posur")],
            "API key": [f"sk_live_{fake}"], "GitLab token": [f"glpat-{fake}"],
            "Slack token": [f"xoxb-{fake}", f"xoxp-{fake}"], "JSON Web Token": [f"eyJ{fake}.{fake}.{fake}"],
            "password in a URL": ["https://ada:fake@host.example/x", "postgres://a:b,1@[::1]/x"],
        }  # fmt: skip
        for name, texts in forms.items():
            for text in texts:
                with self.subTest(text):
                    found = leak.search({"x": f"line\na={text}".encode()}, {})
                    self.assertEqual([(hit.name, hit.line) for hit in found], [(name, 2)])
        ours = {path.name: path.read_bytes() for path in (TEMPLATES / "infrastructure/controller").glob("*.*")}
        self.assertEqual(leak.search(ours, {}), [])
        begin = "-----BEGIN " + "PRIVATE KEY-----\n"
        self.assertEqual(len(leak.search({"x": base64.b64encode(begin.encode() + os.urandom(5))}, {})), 1)
        for innocent in (
            "-----BEGIN CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----", "---- BEGIN SSH2 PUBLIC KEY ----",
            "AKIA is short",
            "xAKIA" + fake, "eyJust a word", f"eyJ{fake}.{fake}", "https://a.example:8080/ada@example.org",
            "https://a.example:8080 ada@example.org", "https://a.example:8080,ada@example.org",
            "postgres://stuf:${POSTGRES_PASSWORD}@database/stuf", "https://ada:***@host", "ssh://git@host.example:22/x",
        ):  # fmt: skip
            self.assertEqual(leak.search({"x": innocent.encode()}, {}), [], innocent)

    def test_a_key_in_a_credential_is_found_by_its_lines_and_another_key_is_not_taken_for_it(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            keys = []
            for name in ("mine", "other"):
                file = Path(folder) / name
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file], check=True)
                keys.append(file.read_text())
            (Path(folder) / "secrets").mkdir()
            credential = {"ssh": {"user": "stuf-source", "private_key": keys[0]}}
            (Path(folder) / "secrets/source_read").write_text(json.dumps(credential))
            known = leak.known(Path(folder))
        for line in keys[0].splitlines()[2:4]:
            self.assertEqual(len(leak.search({"x": b"a log with " + line.encode()}, known)), 1, line)
        self.assertEqual(leak.search({"x": "\n".join(keys[1].splitlines()[1:-1]).encode()}, known), [])


if __name__ == "__main__":
    unittest.main()
