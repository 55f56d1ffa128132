"""`status.html` tells where the migration stands, while a run goes on and after it, and never what a tool printed."""

import html.parser
import json
import re
import signal
import sys
import unittest
from pathlib import Path
from unittest import mock

from fixture import TEMPLATES, Story, mode

sys.path.insert(0, str(TEMPLATES / "infrastructure/controller"))
import progress  # noqa: E402
import status_page  # noqa: E402

PERSON = "ada@example.org"
SECRET = "canary-3f9d8e2b71"
MARKUP = '"></dd><script>alert(1)</script>'


class _Reader(html.parser.HTMLParser):
    """Elements, attributes, and the text, one line for each element that holds one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.refresh: str | None = None
        self.lines: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if ("http-equiv", "refresh") in attrs:
            self.refresh = dict(attrs)["content"]

    def handle_data(self, data: str) -> None:
        if data.strip() and self.lasttag != "style":
            self.lines.append(re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME", data.strip()))


class StatusPage(Story):
    @property
    def file(self) -> Path:
        """Where the page lies."""
        return self.state / "status.html"

    def read(self) -> _Reader:
        """The page as it is now."""
        return _Reader(self.file.read_text(encoding="utf-8"))

    def says(self, *lines: str) -> None:
        """The page has these lines, one after the other."""
        found = self.read().lines
        places = [place for place, line in enumerate(found) if line == lines[0]]
        self.assertIn(list(lines), [found[place : place + len(lines)] for place in places], "\n".join(found))

    def test_while_a_step_runs_the_page_names_it_and_loads_itself_again(self) -> None:
        package = self.ready()
        self.exits(0, package, "preflight")
        self.orders(deploy__place_project={"waits_for": str(self.home / "go")})
        with self.running(package, "deploy") as process:
            self.until(lambda: "place-project:started" in self.journal() and "(deploy/place" in self.file.read_text())
            page = self.read()
            self.assertEqual(page.refresh, "10")
            self.says("Now", "Deploy (deploy), run 2", "place-project (deploy/place-project), since TIME")
            self.assertNotIn("Next", page.lines)
            self.says("Deploy (deploy)", "1 of 3 steps, deploy/place-project started", "TIME")
            # What looks or decides meanwhile leaves the page to the run.
            before = self.file.read_bytes()
            self.assertIn(f"  page: {self.file}\n", self.exits(0, package, "status").stdout)
            self.assertEqual(self.file.read_bytes(), before)
            (self.home / "go").touch()
            self.assertEqual(process.wait(60), 0)
        page = self.read()
        self.assertEqual((page.refresh, mode(self.file)), (None, 0o600))
        self.says("Now", "nothing runs", "Next", "./migrate prepare")
        self.says("harbour staging: 35 %")
        self.says("Deploy (deploy)", "done", "TIME")

    def test_after_a_failure_the_page_says_which_step_where_to_read_and_what_to_type(self) -> None:
        package = self.ready()
        self.exits(0, package, "preflight")
        self.orders(deploy__place_project={"exit": 2})
        run = self.migrate(package, "deploy")
        self.assertEqual((run.returncode, self.read().refresh), (1, None))
        self.says("What stopped Deploy (deploy), run 2")
        log = "packages/1/logs/2-deploy-place-project.log"
        self.says("place-project (deploy/place-project)", "failed", f"TIME\n{log}")
        self.assertTrue((self.state / log).is_file())
        self.says("Next: read the log, then", "./migrate deploy")
        self.assertTrue(run.stderr.endswith("next: read the end of the log, then: ./migrate deploy\n"))
        self.orders()
        self.exits(0, package, "deploy")
        self.assertNotIn("What stopped Deploy (deploy), run 3", self.read().lines)

    def test_each_gate_is_named_with_whom_it_waits_for_and_the_exact_command(self) -> None:
        package = self.ready()
        self.exits(0, package, "status")
        waits = "the Trust Architect"
        approve = "./migrate approve cutover --strategy immediate"
        self.says("approve-cutover", waits, f"./migrate verify, read its report, then: {approve}")
        self.exits(12, package, "cutover")
        why = "there is no report of verify yet to approve"
        self.says("cutover", "was refused before its first step", "gate.no-report", why, "TIME")
        self.says("It said what to do:", f"./migrate verify, read its report, then: {approve}")
        self.exits(0, package, "verify")
        self.says("approve-cutover", waits, f"read the report of verify, then: {approve}")
        self.exits(0, package, "approve", "cutover")
        self.says("approve-cutover", "nobody: it is open")
        self.exits(0, package, "cutover")
        self.assertNotIn("approve-cutover", self.read().lines)

    def test_a_refusal_is_told_with_its_code_its_reason_and_what_it_said_to_do(self) -> None:
        package = self.with_tools(self.package().building().seal())
        run = self.exits(12, package, "deploy", says="error[phase.too-early]")
        reason = "deploy builds on prepare, which has not come to its end"
        self.assertIn(reason, run.stderr)
        self.says("What stopped Deploy (deploy), run 1")
        self.says("deploy", "was refused before its first step", "phase.too-early", reason, "TIME")
        self.says("It said what to do:", "./migrate preflight")
        self.exits(0, package, "hold")
        self.exits(11, package, "preflight")
        held = "HOLD is set, so nothing goes forward"
        self.says("preflight", "was held before its first step", "gate.hold", held, "TIME")
        self.exits(0, package, "resume")
        # What comes next now stands at the top, and no run has told anything else since.
        self.says("Now", "nothing runs", "Next", "./migrate preflight")
        self.says("It said what to do:", "./migrate resume, then the same command again")
        self.exits(0, package, "preflight")
        self.assertNotIn("It said what to do:", self.read().lines)

    def test_between_two_steps_too(self) -> None:
        package = self.ready()
        self.orders(deploy__pull_images={"waits_for": str(self.home / "go")})
        with self.running(package, "deploy") as process:
            self.until(lambda: self.calls())
            self.exits(0, package, "hold")
            (self.home / "go").touch()
            self.assertEqual(process.wait(60), 11)
        held = "HOLD is set, so nothing goes forward"
        self.says("deploy", "stopped between two steps", "gate.hold", held, "TIME")

    def test_a_reason_names_nobody_and_shows_nothing_that_a_tool_has_told(self) -> None:
        secret = {"name": "mail_password", "origin": "provided", "needed_by": "deploy", "purpose": "sends mail"}
        person = secret | {"name": "other_password", "needed_by": "import", "purpose": f"is {PERSON}'s"}
        package = self.package(secrets=[secret, person]).building()
        package.write("configuration/api-config/users/users.json", json.dumps({"users": [{"email": PERSON}]}))
        self.with_tools(package.seal())
        for phase in ("preflight", "prepare"):
            self.exits(0, package, phase)
        # The home folder is named after somebody too; what is to be typed works all the same.
        self.exits(12, package, "deploy", says="error[secret.missing]")
        [typed] = [line for line in self.read().lines if line.startswith("give each once, then ./migrate deploy again")]
        self.assertTrue(typed.endswith(" ~/'.local/state/stufpack/harbour-staging/secrets/mail_password'"), typed)
        for name in ("mail_password", "other_password"):
            (self.state / "secrets" / name).write_text(SECRET)
        self.exits(0, package, "deploy")
        (self.state / "secrets/other_password").unlink()
        self.exits(12, package, "import", says=PERSON)
        hidden = "what it said names a person or a secret, so it stands in the terminal alone"
        self.says("import", "was refused before its first step", "secret.missing", hidden, "TIME")
        self.assertNotIn("It said what to do:", self.read().lines)
        (self.state / "secrets/other_password").write_text(SECRET)
        self.exits(0, package, "import")

        checks = [{"id": "times", "verdict": "warn", "expected": "fast", "observed": SECRET, "why": MARKUP,
                   "required": True, "ran_at": None}]  # fmt: skip
        self.orders(verify__sign_in={"checks": checks})
        self.exits(0, package, "verify")
        self.exits(0, package, "approve", "cutover", "--accept", "times")
        (self.state / "approve-cutover").write_text(
            re.sub("(?m)^accepts: .*$", "", (self.state / "approve-cutover").read_text())
        )
        self.exits(12, package, "cutover", says="error[gate.warning]")
        warned = "nobody has accepted what the report of verify warns of: times"
        self.says("cutover", "was refused before its first step", "gate.warning", warned, "TIME")
        filled = self.home / "filled.md"
        filled.write_text("- [x] I signed in.\n- [-] I uploaded `a file`.\n")
        self.exits(0, package, "sign-off", str(filled), "--by", "Grace Hopper")
        wrong = "a user's checklist says that something is wrong"
        self.exits(12, package, "cutover", says=f"error[gate.sign-off]: {wrong}: Grace Hopper, ")
        [told] = [line for line in self.read().lines if line.startswith(wrong)]
        self.assertRegex(told, r"wrong: a user, \S+: fail; I uploaded `a file`\.$")
        for kept in (self.file, *(self.state / "packages/1/logs").glob("*-stopped.json")):
            for canary in (PERSON, SECRET, "Grace", "Hopper", str(self.home)):
                self.assertNotIn(canary, kept.read_text(), kept)

    def test_a_stop_is_named_with_what_takes_it_away(self) -> None:
        package = self.ready()
        self.exits(0, package, "hold")
        self.says("HOLD", "whoever set it", "./migrate resume")
        self.says("Now", "nothing runs", "Next", "./migrate resume")
        self.exits(0, package, "resume")
        self.assertNotIn("HOLD", self.read().lines)
        self.exits(0, package, "deploy")
        self.exits(0, package, "panic")
        self.says("PANIC", "whoever set it", "./migrate abort")

    def test_a_run_that_was_killed_is_told_as_soon_as_somebody_asks(self) -> None:
        package = self.ready()
        self.orders(deploy__pull_images={"waits_for": str(self.home / "go")})
        with self.running(package, "deploy") as process:
            self.until(lambda: self.calls() and "(deploy/pull-images)" in self.file.read_text())
            process.send_signal(signal.SIGKILL)
            process.wait(60)
            self.assertEqual(self.read().refresh, "10", "nobody was left to say that it is over")
            (self.home / "go").touch()
            self.until(lambda: "another run" not in self.migrate(package, "sign-off", "/x", "--by", "A").stderr)
        self.exits(0, package, "status")
        self.says("pull-images (deploy/pull-images)", "is not known, since the run was killed")

    def test_a_check_leaves_no_page(self) -> None:
        package = self.ready()
        self.exits(0, package, "deploy", "--check")
        self.assertFalse(self.file.exists())

    def test_a_page_that_cannot_be_written_stops_nothing(self) -> None:
        package = self.ready()
        self.file.mkdir(parents=True)
        self.exits(0, package, "deploy")
        self.assertNotIn("page:", self.exits(0, package, "status").stdout)

    def test_status_says_where_the_page_is_and_the_page_leads_to_the_reports(self) -> None:
        package = self.ready()
        self.exits(0, package, "verify")
        self.assertIn(f"  page: {self.file}\n", self.exits(0, package, "status").stdout)
        self.assertEqual(json.loads(self.exits(0, package, "status", "--json").stdout)["page"], str(self.file))
        [link] = re.findall(r'href="([^"]*)"', self.file.read_text())
        self.assertEqual(link, "packages/1/reports/1/verify.html")
        self.assertTrue((self.state / link).is_file())

    def test_nothing_of_a_user_or_a_secret_is_in_it_whatever_the_tools_say(self) -> None:
        package = self.package(secrets=[
            {"name": "mail_password", "origin": "provided", "needed_by": "deploy", "purpose": "sends mail"}
        ])  # fmt: skip
        package.write("configuration/api-config/users/users.json", json.dumps({"users": [PERSON]}))
        self.with_tools(package.seal())
        self.exits(0, package, "preflight")
        self.says("secret mail_password", "the Trust Architect, before deploy", "./migrate deploy says how to give it")
        (self.state / "secrets/mail_password").write_text(SECRET)
        (self.state / "secrets/mail_password").chmod(0o600)
        self.assertNotIn("sends mail", self.file.read_text())
        told = {
            "hosts": {"target": {"ok": 1, "failed": 1}}, "failures": [f"{PERSON}: {SECRET} {MARKUP}"],
            "lines": [f"{PERSON} {SECRET}"], "said": 12, "next": f"mail {PERSON}",
        }  # fmt: skip
        figures = {"objects_done": 1, "objects": 2, "phase": PERSON, "state": SECRET, "key": PERSON}
        moves = {"running": True, "line": f"copy {PERSON}", "progress": figures}
        self.orders(deploy__pull_images={
            "exit": 2, "result": told, "prints": SECRET, "progress": [moves], "leaves": f"{PERSON}.txt",
        })  # fmt: skip
        run = self.exits(12, package, "deploy")
        self.assertIn(PERSON, run.stdout)
        checks = [{"id": "times", "verdict": "warn", "expected": PERSON, "observed": SECRET, "why": MARKUP,
                   "required": True, "ran_at": None}]  # fmt: skip
        self.orders(verify__sign_in={"checks": checks})
        self.exits(0, package, "verify")
        self.says("approve-cutover", "the Trust Architect")
        filled = self.home / "filled.md"
        filled.write_text("- [x] I signed in.\n- [-] I uploaded `a file`.\n")
        self.exits(0, package, "sign-off", str(filled), "--by", "Grace Hopper")
        for text in (self.file.read_text(), status_page.html(_document(MARKUP))):
            page = _Reader(text)
            for canary in (PERSON, SECRET, "Grace", "Hopper", "alert(1)</script>", str(self.home)):
                self.assertNotIn(canary, text)
            # What could run, load or lead elsewhere is none of these.
            self.assertLessEqual(
                page.elements,
                {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "progress", "dl", "dt",
                 "dd", "span", "code", "a", "table", "thead", "tbody", "tr", "th", "td"},
            )  # fmt: skip
            self.assertLessEqual(
                page.attributes,
                {"lang", "charset", "name", "content", "http-equiv", "class", "scope", "data-label", "max", "value",
                 "aria-label", "href"},
            )  # fmt: skip


def _document(value: str) -> dict[str, object]:
    """An overview in which everything that is a text is this one."""
    step = {"step": value, "how": value, "at": value, "log": value, "why": {"code": value, "what": value}}
    return {
        "slug": value, "environment": value, "number": 1, "percent": 3, "written": value, "begun": value,
        "expires": value, "expired": True, "left": value, "next": value, "unrecorded": 2, "absent": [value],
        "running": {"phase": value, "step": value, "since": value, "told": value},
        "trouble": {"phase": value, "steps": [step], "next": value, "repeat": False},
        "waits": [{"what": value, "whom": value, "command": value}], "made": value,
        "phases": [{"title": value, "standing": value, "at": value}],
        "reports": [{"phase": value, "verdict": value, "path": value, "overtaken": value}],
    }  # fmt: skip


class Pace(unittest.TestCase):
    def test_what_moves_is_written_every_few_seconds_and_what_does_not_twice_a_minute(self) -> None:
        moving = mock.Mock(spec=progress.Progress, step="content/copy-batches", figures={})
        page = status_page.Page(mock.Mock(), mock.MagicMock(), mock.Mock(), moving)
        written = []
        with (
            mock.patch.object(status_page.time, "monotonic") as clock,
            mock.patch.object(status_page.overview, "document"),
            mock.patch.object(status_page, "html"),
            mock.patch.object(status_page, "replace", lambda *_: written.append(clock())),
        ):
            for half_seconds in range(200):
                clock.return_value = 1000 + half_seconds / 2
                moving.figures = {"objects_done": min(half_seconds, 20)}
                page.keep()
        self.assertEqual(written, [1000, 1003, 1006, 1009, 1012, 1042, 1072])

    def test_how_far_it_is_is_told_by_numbers_alone(self) -> None:
        figures = {"objects_done": 3, "objects": 8, "bytes_done": 3_500_000, "bytes": 13_300_000, "rate": 5,
                   "remaining_seconds": 90}  # fmt: skip
        self.assertEqual(progress.in_words(figures), "3 of 8 objects, 3.5 of 13.3 MB, 1 min 30 s left")
        waits = figures | {"state": "waiting", "waits_until": PERSON}
        self.assertEqual(progress.in_words(waits), "3 of 8 objects, 3.5 of 13.3 MB, waits for its window")
        silent = figures | {"state": "waiting", "waits_for": "target", "waits_since": "2026-11-23T12:00:12Z"}
        told = "3 of 8 objects, 3.5 of 13.3 MB, waits for the target's store"
        self.assertEqual(progress.in_words(silent), f"{told} since 2026-11-23T12:00:12Z")
        self.assertEqual(progress.in_words(silent | {"waits_since": PERSON}), told)
        self.assertEqual(progress.in_words(silent | {"waits_for": PERSON}), progress.in_words(waits))
        self.assertEqual(progress.in_words({"objects_done": PERSON, "objects": 8, "bytes_done": True, "bytes": -1}), "")


if __name__ == "__main__":
    unittest.main()
