"""`./migrate support`, and what each failure leaves: a bundle that others may read, without names and secrets."""

import hashlib
import json
import os
import re
import signal
import sys
import tarfile
import unittest
from pathlib import Path

from fixture import TEMPLATES, Package, Story, mode

sys.path.insert(0, str(TEMPLATES / "infrastructure/controller"))
import leak  # noqa: E402
import people  # noqa: E402
import redaction  # noqa: E402

# Nobody has told these to the controller: a user who was added yesterday, an object's name, a token of some tool.
STRANGERS = (
    "zebulon",
    "quagmire@nirvana.example",
    "Kündigung-Brzezinski.pdf",
    "tOk3nF4ke9",
    "203.0.113.77",
    "482913",
)
USERS = '{"users": [{"username": "ada", "email": "ada@harbour.example", "firstName": "Grace", "lastName": "Port"}]}\n'
SECRET = "canary/mail+password 1"
FAILED = {"ok": 1, "failed": 1}


class Support(Story):
    def with_people(self) -> Package:
        """A package with a user, whose name is made of words that stand in every package, and a secret beside it."""
        mail = {"name": "mail_password", "origin": "provided", "needed_by": "watch", "purpose": "sends mail"}
        package = self.package(secrets=[mail])
        package.write("configuration/api-config/users/users.json", USERS)
        self.with_tools(package.seal())
        self.exits(0, package, "status")
        (self.state / "secrets/mail_password").write_text(SECRET + "\n")
        return package

    def fails(self, step: str, *said: str) -> None:
        """Has a step print lines and fail."""
        result = {"hosts": {"target": FAILED}, "failures": [f"Start: {said[0]}"]}
        self.orders(**{step: {"exit": 2, "prints": "\n".join(said), "result": result}})

    def bundle(self, number: int = -1) -> dict[str, str]:
        """The files of a bundle by name; it unpacks into one folder, and is for its owner alone."""
        place = self.bundles()[number]
        self.assertEqual(mode(place), 0o600)
        with tarfile.open(place) as bundle:
            folders = {name.partition("/")[0] for name in bundle.getnames()}
            self.assertEqual(folders, {place.name.removesuffix(".tar.gz")})
            found = {entry.name.partition("/")[2]: bundle.extractfile(entry) for entry in bundle}
            return {name: file.read().decode() for name, file in found.items() if file is not None}

    def bundles(self) -> list[Path]:
        return sorted((self.state / "packages/1/support").glob("*.tar.gz"))

    def test_a_failure_leaves_a_bundle_and_its_message_says_where(self) -> None:
        package = self.with_people()
        self.fails("deploy__start_api", "12:00:00  FAILED   Start [target]", "12:00:00           Connection refused")

        run = self.exits(1, package, "deploy", says="error[step.failed]: deploy/start-api failed")

        [place] = self.bundles()
        said = f"\nFor support, redacted: {place}; README.txt in it tells what it holds.\nnext: "
        self.assertIn(said, run.stderr)
        files = self.bundle()
        self.assertEqual(next(iter(files)), "README.txt")
        self.assertIn("typed        ./migrate deploy\n", files["about.txt"])
        self.assertIn("\nexit 1\nerror[step.failed]: deploy/start-api failed\n", files["about.txt"])
        self.assertIn("Connection refused\n", files["logs/1-deploy-start-api.log"])
        # The digests that two sides compare stand there in full.
        line = (self.state / "packages/1/journal.jsonl").read_bytes().splitlines(keepends=True)[5]
        told = rf"(?m)^6 \S+ 1 deploy/start-api failed .*{hashlib.sha256(line).hexdigest()}$"
        self.assertRegex(files["journal.txt"], told)
        sums = hashlib.sha256((package.root / "SHA256SUMS").read_bytes()).hexdigest()
        self.assertIn(f"SHA256SUMS   sha256:{sums}\n", files["about.txt"])
        self.assertRegex(files["state.txt"], r"(?m)^0600 +\d+ packages/1/journal.jsonl$")
        self.assertIn(" secrets/mail_password\n", files["state.txt"])
        self.assertIn("deploy/start-api", json.loads(files["status.json"])["trouble"]["steps"][0]["step"])

    def test_the_document_of_a_failure_names_its_bundle_and_that_of_a_refusal_none(self) -> None:
        package = self.with_people()
        self.fails("deploy__start_api", "no")
        told = json.loads(self.migrate(package, "deploy", "--json").stdout)["error"]["support"]
        self.assertIn(str(self.bundles()[0]), told)
        refused = json.loads(self.migrate(package, "cutover", "--json").stdout)["error"]["support"]
        self.assertIsNone(refused)

    def test_what_is_no_failure_leaves_none(self) -> None:
        package = self.with_people()
        self.exits(12, package, "cutover")
        self.exits(2, package, "deploy", "--delete-data")
        self.exits(11, package, "content")
        self.exits(0, package, "hold")
        self.exits(11, package, "deploy")
        self.assertEqual(self.bundles(), [])

    def test_a_target_that_does_not_answer_and_a_step_that_was_taken_back_leave_one(self) -> None:
        package = self.with_people()
        lost = {"hosts": {"target": {"unreachable": 1}}, "failures": ["Gathering Facts: No route to host"]}
        self.orders(deploy__pull_images={"exit": 4, "result": lost})
        self.exits(11, package, "deploy", says="For support, redacted: ")
        back = {"hosts": {"target": {"ok": 2, "rescued": 1}}, "rolled_back": True}
        self.orders(deploy__pull_images={"exit": 2, "result": back})
        self.exits(10, package, "deploy", says="For support, redacted: ")
        self.assertEqual(len(self.bundles()), 2)

    def test_nobody_and_no_secret_is_in_it_whoever_printed_them(self) -> None:
        package = self.with_people()
        known = ("ada@harbour.example", "Grace Port", SECRET)
        lines = [f"12:00:00           could not read {word} at line 443" for word in (*STRANGERS, *known)]
        self.fails("deploy__start_api", *lines)
        self.exits(1, package, "deploy")

        files = self.bundle()
        del files["README.txt"]
        # The control: the log in the state folder, which stays here, does hold every one of them.
        log = (self.state / "packages/1/logs/1-deploy-start-api.log").read_text()
        for word in (*STRANGERS, *known):
            self.assertIn(word, log)
            for name, text in files.items():
                for part in filter(lambda part: len(part) > 3, re.split(r"[@.\s/+-]", word)):
                    if part not in ("Grace", "Port", "mail", "password", "harbour", "example"):
                        self.assertNotIn(part.casefold(), text.casefold(), name)
        log = files["logs/1-deploy-start-api.log"]
        self.assertRegex(log, r"(?m)^12:00:00           could not read ‹\d+› at line 443$")
        self.assertEqual(log.count(redaction.LEFT_OUT), 1)
        self.assertEqual(log.count(redaction.LEFT_OUT_USER), 2)
        self.assertNotIn("Grace Port", "".join(files.values()))
        self.assertIn("a user of the package stood there: 3.", self.bundle()["README.txt"])

    def test_words_of_its_users_names_are_harmless_in_no_file(self) -> None:
        package = self.with_people()
        package.write("docs/told.md", "Grace. Port! See grace/port, Grace Hopper.\n")
        self.with_tools(package.seal())
        redactor = redaction.of_package(package.root, self.state)
        line = redactor.line("Grace and port, see told.md", redaction.Said.TOOLS)
        self.assertRegex(line, r"^‹\d+› and ‹\d+›, see told.md$")

    def test_its_documents_are_json_whatever_users_are_called(self) -> None:
        package = self.package()
        words = ({"username": word, "email": f"{word}@harbour.example", "lastName": word.title()} for word in
                 ("null", "true", "false"))  # fmt: skip
        package.write("configuration/api-config/users/users.json", json.dumps({"users": [*words]}))
        self.with_tools(package.seal())
        self.exits(0, package, "preflight")
        self.exits(0, package, "support")
        files = self.bundle()
        self.assertIn(": null", files["status.json"])
        for name in [name for name in files if name.endswith(".json")]:
            with self.subTest(name):
                json.loads(files[name])

    def test_the_same_word_is_the_same_number_in_every_file(self) -> None:
        package = self.with_people()
        self.fails("deploy__pull_images", "zebulon is here", "and quagmire", "zebulon again")
        self.exits(1, package, "deploy")
        self.fails("deploy__pull_images", "Zebulon once more")
        self.exits(1, package, "deploy")
        files = self.bundle()
        first = files["logs/1-deploy-pull-images.log"].splitlines()
        second = files["logs/2-deploy-pull-images.log"].splitlines()
        number = first[0].split()[0]
        self.assertEqual((first[2].split()[0], second[0].split()[0]), (number, number))
        self.assertNotEqual(first[1].split()[1], number)

    def test_of_steps_that_name_files_the_tasks_alone_are_there(self) -> None:
        package = self.with_tools(self.package().copying().seal())
        self.exits(0, package, "status")
        said = (
            "12:00:00  play     Content", "12:00:01  ok       Make the folders [target]",
            "12:00:02  LOST     Copy batch by batch [target]: board", "12:00:03           board",
            "12:00:04  sum      target: 1 ok",
        )  # fmt: skip
        logs = self.state / "packages/1/logs"
        (logs / "7-content-copy-batches.log").write_text("\n".join(said) + "\n")
        self.exits(0, package, "support", says="bundle: ")
        kept = self.bundle()["logs/7-content-copy-batches.log"].splitlines()
        self.assertEqual([line[:19] for line in kept], [line[:19] for line in said if line != said[3]])
        self.assertNotIn("board", "".join(kept))

    def test_it_answers_before_bootstrap_beside_a_run_and_with_a_journal_that_cannot_be_read(self) -> None:
        package = self.package().seal()
        run = self.exits(0, package, "support", says="read it before you send it: tar -xzOf ")
        self.assertIn("next: send it to whoever helps", run.stdout)
        self.assertIn("tools        not installed", self.bundle()["about.txt"])

        self.with_tools(package)
        go = self.home / "go"
        self.orders(deploy__pull_images={"waits_for": str(go)})
        with self.running(package, "deploy") as process:
            self.until(lambda: self.calls())
            self.exits(0, package, "support")
            go.touch()
            self.assertEqual(process.wait(60), 0)
        self.assertIn("deploy", json.loads(self.bundle()["status.json"])["running"]["phase"])
        self.assertNotIn("support", "".join(self.journal()))

        journal = self.state / "packages/1/journal.jsonl"
        journal.write_bytes(journal.read_bytes() + b"\0\0\n")
        self.exits(0, package, "support")
        files = self.bundle()
        self.assertNotIn("status.json", files)
        self.assertRegex(files["journal.txt"].splitlines()[-1], r"^unreadable ")

    def test_the_verb_asks_the_target_too_and_keeps_no_answer_beside_the_bundle(self) -> None:
        package = self.package()
        package.write("infrastructure/ansible/playbooks/support.yml", "---\n")
        self.with_tools(package.seal())
        said = "GET /board-report.pdf\ncould not start deploy after 0.5 s\n"
        self.orders(support={"leaves": "stuf-api-1.txt", "content": said})
        self.exits(0, package, "support", says="1 in target/")
        answer = self.bundle()["target/stuf-api-1.txt"]
        self.assertRegex(answer, r"^GET ‹\d+›\ncould not start deploy after 0\.5 s\n$")
        self.assertFalse((self.state / "packages/1/reports/support").exists())
        self.assertEqual(self.journal(), [])

        self.orders(support={"exit": 4, "result": {"hosts": {"target": {"unreachable": 1}}}})
        run = self.exits(0, package, "support", says="without what the target says: it could not be asked, see ")
        self.assertNotIn("in target/", run.stdout)

    def test_only_the_newest_of_each_kind_are_kept_whatever_the_clock_says(self) -> None:
        package = self.with_people()
        self.fails("deploy__start_api", "no")
        self.exits(1, package, "deploy")
        failure = self.bundles()
        for day in range(1, 8):
            ahead = failure[0].with_name(f"harbour-staging-1-2999010{day}T000000.000000Z-asked.tar.gz")
            ahead.write_text("made while the clock was wrong\n")
            os.utime(ahead, (day, day))
        document = json.loads(self.exits(0, package, "support", "--json").stdout)
        self.assertTrue(Path(document["bundle"]).is_file())
        self.assertEqual(len(self.bundles()), 1 + 5)
        self.assertEqual([place for place in self.bundles() if "failure" in place.name], failure)

    def test_odd_files_of_the_state_folder_keep_no_bundle_from_being_made(self) -> None:
        package = self.with_people()
        self.exits(0, package, "deploy")
        logs = self.state / "packages/1/logs"
        (logs / "9-deploy-binary.log").write_bytes(bytes(range(256)) * 4000)
        (logs / "9-deploy-huge.log").write_text("could not reach the registry at port 443\n" * 500_000)
        (logs / "9-deploy-long.log").write_text("a." * 500_000)
        (logs / "9-deploy-link.log").symlink_to("/etc/hostname")
        os.mkfifo(logs / "9-deploy-pipe.log")
        os.mkfifo(self.state / "packages/1/pipe")
        (Path(os.fsencode(self.state).decode()) / "packages/1" / os.fsdecode(b"latin-\xe9")).write_text("x")
        report = self.state / "packages/1/reports/9/verify.json"
        report.parent.mkdir()
        report.write_text("[" * 100_000)
        journal = self.state / "packages/1/journal.jsonl"
        with journal.open("a") as file:
            file.write('{"n":"\\ud800","evidence":[1,{"path":null}]}\n' + "[" * 100_000 + "\n")
        self.exits(0, package, "support")
        files = self.bundle()
        self.assertTrue({"logs/9-deploy-binary.log", "logs/9-deploy-huge.log"} <= set(files))
        self.assertTrue({"logs/9-deploy-link.log", "logs/9-deploy-pipe.log"}.isdisjoint(files))
        self.assertEqual(files["reports/verify.json"], "unreadable\n")
        self.assertEqual(files["journal.txt"].count("unreadable "), 2)

    def test_what_nobody_expected_is_a_failure_like_any_other(self) -> None:
        package = self.with_people()
        controller = package.root / "infrastructure/controller/status.py"
        broken = controller.read_text().replace(
            "    share = ", "    raise ValueError(chr(122) + 'ebulon')\n    share = ", 1
        )
        controller.write_text(broken)
        self.with_tools(package.seal())
        run = self.exits(1, package, "status", says="error[controller.defect]: the controller itself is wrong here")
        self.assertNotIn("zebulon", run.stderr + run.stdout)
        self.assertIn("For support, redacted: ", run.stderr)
        trace = self.bundle()["logs/defect.log"]
        self.assertRegex(trace, r"(?m)^ValueError: ‹\d+›$")
        self.assertIn("status.py", trace)

    def test_it_tells_the_options_that_were_typed_and_no_name(self) -> None:
        package = self.with_people()
        self.fails("abort__stop_services", "no")
        self.exits(1, package, "abort", "--delete-data")
        self.assertIn("typed        ./migrate abort --delete-data\n", self.bundle()["about.txt"])

    def test_ctrl_c_while_the_target_is_asked_ends_it_and_leaves_no_answer(self) -> None:
        package = self.package()
        package.write("infrastructure/ansible/playbooks/support.yml", "---\n")
        self.with_tools(package.seal())
        self.orders(support={"waits_for": str(self.home / "never")})
        with self.running(package, "support") as process:
            self.until(lambda: self.calls())
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(60), 11)
        self.assertEqual((self.bundles(), (self.state / "packages/1/reports/support").exists()), ([], False))

    def test_that_no_bundle_could_be_made_hides_no_failure(self) -> None:
        package = self.with_people()
        (self.state / "packages/1/support").write_text("in the way\n")
        self.fails("deploy__start_api", "no")
        run = self.exits(1, package, "deploy", says="error[step.failed]: deploy/start-api failed")
        self.assertRegex(run.stderr, r"\nNo bundle for support could be made \([^)]+\); \./migrate support tries again")
        self.exits(1, package, "support", says="error[io]")

    def test_nothing_of_the_tools_is_in_it_and_json_tells_its_files(self) -> None:
        package = self.with_people()
        document = json.loads(self.exits(0, package, "support", "--json").stdout)
        self.assertEqual(document["bundle"], str(self.bundles()[0]))
        self.assertEqual(set(document["files"]), set(self.bundle()))
        self.assertNotIn("venv", self.bundle()["state.txt"])


HERE, TOOLS, SERVICES = redaction.Said.HERE, redaction.Said.TOOLS, redaction.Said.SERVICES
PEOPLE = people.People({"may@bill.example"}, {"grace brzezinski"})


class Words(unittest.TestCase):
    """What of a line stays readable, by who has said it."""

    def setUp(self) -> None:
        said = (
            "could not reach the registry at port in from for stuf api max open gate file report user username GET root"
        )
        # Words that are names elsewhere.
        words = frozenset(f"{said} Key publickey preferred May Grace Bill Price List bill grace page".split())
        compounds = frozenset({"192.0.2.10", "ops@target", "/api/port"})
        canary = leak.needles({"secrets/x": [b"open the gate 12345", b"FAKEfake" * 4]})
        self.redactor = redaction.Redactor(words, compounds, canary, PEOPLE, range(2025, 2028))

    def masked(self, line: str, said: redaction.Said) -> str:
        """The line masked, each number as `*`."""
        return re.sub("‹[0-9]+›", "*", self.redactor.text(said, line).removesuffix("\n"))

    def test_what_is_known_small_numbers_and_times_stay(self) -> None:
        for line in (
            "could not reach the registry at port 443", "stuf_api: Could not",
            "2026-11-23T04:10:00Z 12ms 30s 4GiB 0600",
            "ops@target at 192.0.2.10: /api/port", "04:10:00 2026/11/23 0.5 12.75 67%",
            "RegistryPort UnknownHostException",
            "registryUnreachable 0x1f COULD NOT",
        ):  # fmt: skip
            with self.subTest(line):
                self.assertEqual(self.masked(line, HERE), line.replace("registryUnreachable", "*"))
        self.assertEqual(self.masked("04:10:00.123456789Z", SERVICES), "04:10:00Z")

    def test_what_is_not_known_is_a_number_whoever_says_it(self) -> None:
        for line, masked in (
            ("the maximum", "the *"), ("stuf_secretly", "*"), ("Müller", "*"), ("9f8e7d6c", "*"), ("at Max Price",
            "at * Price"),
            ("api@api.example", "*"), ("max.mustermann@the.api.", "*."), ("may＠bill.stuf", "*"), ("at=\x1b[31mport",
            "at=\\x1b[*"),
            ("at 123456", "at *"), ("at 123-456", "at *"), ("1985-03-12", "*"), ("12:34:56:78:90", "*"),
            ("198.51.100.7:443", "*"), ("10.0.0.1.", "*."), ("2001:db8::1 ::1", "* *"),
            ("at +49 30 12345 678", "at *"), ("in 3704 0044 0532 0130 00", "in *"), ("١٢٣٤٥", "*"),
        ):  # fmt: skip
            with self.subTest(line):
                self.assertEqual([self.masked(line, said) for said in (HERE, TOOLS, SERVICES)], [masked] * 3)

    def test_where_tools_name_a_user_the_name_is_masked_though_it_is_a_word(self) -> None:
        for line, masked in (
            ("Key (username)=(bill) exists", "Key (username)=(*) *"), ('user "grace" from', "user * from"),
            ('"username":"11223"', '"username":*'), ("preferred_username=grace", "preferred_username=*"),
            ("user 11223 (Grace May) could", "user * could"), ("not user May Price in", "not user * in"),
            ("publickey for bill from", "publickey for * from"), ("user=bill.page", "user=*"),
            ("user root could not", "user root could not"), ("the user could not", "the user could not"),
        ):  # fmt: skip
            with self.subTest(line):
                self.assertEqual(self.masked(line, TOOLS), masked)

    def test_where_files_are_spoken_of_their_names_are_one_word(self) -> None:
        for line, masked in (
            ('could not reach "/the/registry"', 'could not reach "*"'), ("at /api/port", "at /api/port"),
            ("the.api", "*"), ("port 0.5 at 12.75", "port 0.5 at 12.75"), ("port%20the", "*"), ("could not.",
            "could not."),
            ("GET /file/report(May)", "GET *"), ('"Price List, May.xls"', '"*"'), ('"could not"', '"could not"'),
        ):  # fmt: skip
            with self.subTest(line):
                self.assertEqual(self.masked(line, SERVICES), masked)

    def test_a_line_with_a_known_secret_or_person_is_left_out(self) -> None:
        lines = "could not open the gate 12345\nuser Grace Brzezinski logged in\nat may@bill.example\nthe port"
        expected = [redaction.LEFT_OUT, redaction.LEFT_OUT_USER, redaction.LEFT_OUT_USER, "the port"]
        self.assertEqual(self.redactor.text(TOOLS, lines).splitlines(), expected)
        self.assertEqual(self.redactor.left_out, 3)
        wrapped = "the port\nopen the\\ngate 12345\nthe port"
        self.assertNotIn("gate", self.redactor.text(TOOLS, wrapped).replace(redaction.LEFT_OUT, ""))

    def test_a_text_in_which_a_secret_stands_over_several_lines_is_left_out_whole(self) -> None:
        wrapped = "the port\nFAKEfakeFAKEfake\nFAKEfakeFAKEfake\nthe port"
        self.assertEqual(self.redactor.text(TOOLS, wrapped), redaction.LEFT_OUT_WHOLE + "\n")
        self.assertEqual(self.redactor.left_out, 4)
        self.assertEqual(self.redactor.text(TOOLS, "the port"), "the port\n")

    def test_no_line_takes_long_whatever_it_is_made_of(self) -> None:
        # Each of these took minutes with an expression that goes back; here the lines are cut, and read once.
        for character in ("a.", ".", "@", "/", "%", "1.", "a@", "(", '"', ":", "=", "user ", "1 ", "+1", " "):
            for said in (HERE, TOOLS, SERVICES):
                with self.subTest(character=character, said=said):
                    self.assertLessEqual(len(self.redactor.line(character * 500_000, said)), 10_000)


if __name__ == "__main__":
    unittest.main()
