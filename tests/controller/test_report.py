"""A phase that checks leaves a report whose verdict follows from what was seen, and pages that hold text only."""

import html.parser
import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

import sample_reports
from fixture import Package, Story

CHECK = {"id": "sign-in/first", "verdict": "pass", "expected": "tokens", "observed": "tokens", "why": None,
         "required": True, "ran_at": "2026-11-21T00:00:00Z"}  # fmt: skip
FAILS = {"exit": 2, "result": {"hosts": {"target": {"ok": 1, "failed": 1}}, "failures": ["a task: no"]}}


class Reports(Story):
    def verify(self, code: int, **orders: Any) -> tuple[dict[str, Any], Package]:
        """Runs `verify` and returns its report."""
        package = self.ready()
        self.orders(**orders)
        self.exits(code, package, "verify")
        return json.loads((self.state / "packages/1/reports/1/verify.json").read_text()), package

    @staticmethod
    def found(report: dict[str, Any]) -> dict[str, str]:
        """Verdicts by check."""
        return {f"{check['step']}: {check['id']}": check["verdict"] for check in report["checks"]}

    def test_the_checks_of_a_step_stand_for_it_and_any_other_step_is_a_check_itself(self) -> None:
        report, package = self.verify(0, verify__sign_in={"checks": [CHECK]})

        self.assertEqual(
            self.found(report),
            {"verify/sign-in: sign-in/first": "pass", "verify/read-storage: read-storage": "pass"},
        )
        first, second = report["checks"]
        self.assertEqual(first["evidence"], ["logs/1-verify-sign-in.log", "reports/1/checks/verify-sign-in.json"])
        self.assertEqual(
            (second["expected"], second["observed"]), ("read-storage is right", "2 tasks succeeded, none failed")
        )
        self.assertEqual(
            (report["verdict"], report["plan"], report["package"], report["run"]),
            ("pass", package.digest, {"slug": "harbour", "environment": "staging", "number": 1}, 1),
        )

    def test_a_step_that_failed_beside_its_checks_is_a_failed_check(self) -> None:
        report, _ = self.verify(1, verify__sign_in=FAILS | {"checks": [CHECK]})

        self.assertEqual(
            self.found(report),
            {"verify/sign-in: sign-in/first": "pass", "verify/sign-in: sign-in": "fail",
             "verify/read-storage: read-storage": "pass"},
        )  # fmt: skip
        self.assertEqual((report["verdict"], report["checks"][1]["why"]), ("fail", "a task: no"))

    def test_a_failed_check_explains_its_step(self) -> None:
        report, _ = self.verify(1, verify__sign_in=FAILS | {"checks": [CHECK | {"verdict": "fail"}]})

        self.assertEqual(
            self.found(report), {"verify/sign-in: sign-in/first": "fail", "verify/read-storage: read-storage": "pass"}
        )

    def test_what_need_not_run_does_not_keep_a_report_from_passing(self) -> None:
        left = CHECK | {"id": "times", "verdict": "not_run", "observed": None, "ran_at": None}
        for required, verdict in ((False, "pass"), (True, "not_run")):
            with self.subTest(required=required):
                report, _ = self.verify(0, verify__sign_in={"checks": [CHECK, left | {"required": required}]})
                self.assertEqual((report["verdict"], report["counts"]["not_run"]), (verdict, 1))
                self.again()

    def test_checks_that_are_none_prove_nothing(self) -> None:
        for checks in ([{"id": "x", "verdict": "pass"}], [CHECK | {"verdict": "fine"}], 7):
            with self.subTest(checks=checks):
                report, _ = self.verify(0, verify__sign_in={"checks": checks})
                self.assertEqual(report["verdict"], "unverifiable")
                self.again()

    def test_a_step_that_never_began_has_not_run(self) -> None:
        lost = {"exit": 4, "result": {"hosts": {"target": {"unreachable": 1}}}}
        report, _ = self.verify(11, verify__sign_in=lost)

        self.assertEqual(
            self.found(report),
            {"verify/sign-in: sign-in": "unverifiable", "verify/read-storage: read-storage": "not_run"},
        )

    def test_the_end_and_the_status_name_verdict_and_page(self) -> None:
        package = self.ready()
        said = self.exits(0, package, "verify").stdout
        page = self.state / "packages/1/reports/1/verify.html"
        self.assertIn(f"report: pass, {page} (also .md and .json)\n", said)
        self.assertIn(f"  report of verify: pass, {page}\n", self.exits(0, package, "status").stdout)
        told = json.loads(self.exits(0, package, "status", "--json").stdout)["reports"]
        places = {"html": str(page), "json": str(page.with_suffix(".json"))}
        self.assertEqual(told, {"verify": {"verdict": "pass", "overtaken": None} | places})


class _Page(html.parser.HTMLParser):
    """Elements, and the text of each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


class Pages(unittest.TestCase):
    def test_a_value_in_html_is_text_whatever_it_holds(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            sample_reports.write(Path(folder))
            pages = [_Page(path.read_text()) for path in sorted(Path(folder).glob("reports/*/verify.html"))]
        shown = sample_reports.HOSTILE.replace("\x1b", r"\x1b").replace("\u202e", r"\u202e")
        self.assertEqual(len(pages), 5)
        self.assertIn(shown, pages[0].texts)
        self.assertIn(shown, pages[4].texts)
        for page in pages:
            # What could run, load or lead away is none of these.
            self.assertLessEqual(
                page.elements,
                {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "span", "dl", "dt", "dd",
                 "table", "thead", "tbody", "tr", "th", "td"},
            )  # fmt: skip
            self.assertLessEqual(
                page.attributes, {"lang", "charset", "name", "content", "http-equiv", "class", "scope", "data-label"}
            )


if __name__ == "__main__":
    unittest.main()
