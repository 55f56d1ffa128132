"""S03: what Terraform's state and plans mark as sensitive is known, and no run that shows any of it is recorded."""

import base64
import json
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from fixture import PROVISION, TEMPLATES, Package
from test_provision import INVENTORY, Provision, applies, shows

sys.path.insert(0, str(TEMPLATES / "infrastructure/controller"))
import leak  # noqa: E402
import sensitive  # noqa: E402

# What `stufpack glass record` finds too, whose tests read the same.
TABLE = json.loads((Path(__file__).parents[1] / "glass/leaks.json").read_bytes())
# What somebody marks: a text, one deep in a list, and a document whose parts are secret too.
HELD = "held-description-01"
INNER = "held-header-value-02"
PASSWORD = "held-password-000-03"
DOCUMENT = json.dumps({"username": "stuf", "password": PASSWORD})
OUTPUT = "held-output-0000-04"
GIVEN = "held-variable-00-05"
# Before and after a plan, and what a provider itself marks.
OLD, NEW, THEIRS = "held-before-00-06", "held-after-000-07", "held-by-the-provider-08"
# Marked as well, and as short as words are.
WORD = "eu-west-1"
RESOURCES = ["aws_a.one", "aws_b.two", "aws_c.three"]


def resource(address: str, ways: list[Any], **attributes: Any) -> dict[str, Any]:
    """One object of a state as Terraform keeps it."""
    kind, name = address.split(".")
    one = {"schema_version": 0, "attributes": attributes, "sensitive_attributes": ways, "private": "bm8="}
    return {"mode": "managed", "type": kind, "name": name, "provider": "p", "instances": [one]}


def way(*steps: str | int) -> list[dict[str, Any]]:
    """A way into an object as Terraform writes it."""
    return [
        {"type": "index", "value": {"value": step, "type": "number"}} if isinstance(step, int)
        else {"type": "get_attr", "value": step}
        for step in steps
    ]  # fmt: skip


def state() -> dict[str, Any]:
    """Three resources mark something, and so does an output."""
    return {
        "version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "x",
        "outputs": {
            "secret": {"value": {"of": [OUTPUT]}, "type": "string", "sensitive": True},
            "address": {"value": "192.0.2.10-is-clear", "type": "string"},
        },
        "resources": [
            resource("aws_a.one", [way("description"), way("region")], description=HELD, region=WORD, id="clear-id"),
            resource("aws_b.two", [way("headers", 1, "value")], headers=[{"value": "clear-header"}, {"value": INNER}]),
            resource("aws_c.three", [way("document")], document=DOCUMENT, name="clear-name-of-three"),
            resource("aws_d.four", [], description="clear-description"),
        ],
    }  # fmt: skip


def plan() -> dict[str, Any]:
    """What `terraform show -json` tells of a plan that changes something which is marked."""

    def module(text: str) -> dict[str, Any]:
        there = {"address": "aws_a.one", "type": "aws_a", "name": "one"}
        inner = {"address": "module.m.aws_e.five", "type": "aws_e", "name": "five"}
        marked = {"description": True, "tags": {}, "rules": [{}, {"text": True}]}
        values = {"description": text, "tags": {"of": "clear-tag-of-one"}, "rules": [{}, {"text": THEIRS}]}
        below = {"resources": [inner | {"values": {"all": [THEIRS]}, "sensitive_values": {"all": True}}]}
        return {"resources": [there | {"values": values, "sensitive_values": marked}], "child_modules": [below]}

    return {
        "format_version": "1.2",
        "variables": {"given": {"value": GIVEN}, "clear": {"value": "clear-variable-value"}},
        "configuration": {"root_module": {"variables": {"given": {"sensitive": True}, "clear": {}}}},
        "planned_values": {"root_module": module(NEW), "outputs": {"address": {"sensitive": False, "value": "x" * 20}}},
        "prior_state": {"values": {"root_module": module(OLD)}},
        "resource_changes": [],
    }


class Known(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def write(self, name: str, text: str) -> Path:
        """A file of the state folder."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def known(self) -> dict[str, list[bytes]]:
        """What is searched for."""
        return leak.known(self.root)

    def test_a_list_of_one_time_passwords_is_known_however_a_table_program_has_saved_it(self) -> None:
        saved = {
            "as it was": b'"ada","ada@example.org","0ne-time-FAKE"\n',
            "with semicolons": b"ada;ada@example.org;0ne-time-FAKE\r\n",
            "of another alphabet": "zoë\tzoe@example.org\t0ne-time-FAKE\n".encode("cp1252"),
            "in UTF-16": "ada,ada@example.org,0ne-time-FAKE\n".encode("utf-16"),
        }
        for how, held in saved.items():
            with self.subTest(how), tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "secrets").mkdir()
                (Path(folder) / "secrets/one-time-passwords.csv").write_bytes(held)
                self.assertEqual(leak.known(Path(folder)), {"secrets/one-time-passwords.csv": [b"0ne-time-FAKE"]})

    def test_of_a_state_it_is_what_is_marked_and_no_more(self) -> None:
        expected = {
            "Terraform's output.secret": [OUTPUT.encode()],
            "Terraform's aws_a.one": [HELD.encode()],
            "Terraform's aws_b.two": [INNER.encode()],
            "Terraform's aws_c.three": [DOCUMENT.encode(), PASSWORD.encode()],
        }
        for name in ("terraform.tfstate", "terraform.tfstate.backup", "archive/1-2.tfstate", "code/errored.tfstate"):
            with self.subTest(name):
                path = self.write(f"terraform/{name}", json.dumps(state()))
                self.assertEqual(self.known(), expected)
                # Each copy says the same again.
                self.write("terraform/archive/1-9.tfstate", json.dumps(state()))
                self.assertEqual(self.known(), expected)
                path.unlink()
                (self.root / "terraform/archive/1-9.tfstate").unlink()

    def test_of_a_plan_it_is_what_was_there_what_will_be_and_what_was_given(self) -> None:
        self.write("packages/7/terraform/plan.json", json.dumps(plan()))
        self.assertEqual(
            self.known(),
            {
                "Terraform's aws_a.one": [NEW.encode(), THEIRS.encode(), OLD.encode()],
                "Terraform's aws_e.five": [THEIRS.encode()],
                "Terraform's var.given": [GIVEN.encode()],
            },
        )

    def test_a_mark_that_leads_nowhere_marks_everything_that_it_reaches(self) -> None:
        # The elements of a set have no place.
        element = {"type": "index", "value": {"value": {"text": HELD}, "type": ["object", {"text": "string"}]}}
        for one_way in (way("rules"), [*way("rules"), element, *way("text")], way("rules", "text"), way("gone")):
            one = resource("aws_a.one", [one_way], rules=[{"text": HELD, "number": 7, "on": True, "none": None}])
            self.write("terraform/terraform.tfstate", json.dumps({"version": 4, "resources": [one]}))
            self.assertEqual(self.known(), {"Terraform's aws_a.one": [HELD.encode()]})
        # What may be of any type has its own beside it.
        one = resource("aws_a.one", [way("any", "of", 1)], any={"value": {"of": ["clear-text", HELD]}, "type": []})
        self.write("terraform/terraform.tfstate", json.dumps({"version": 4, "resources": [one]}))
        self.assertEqual(self.known(), {"Terraform's aws_a.one": [HELD.encode()]})
        self.assertEqual(list(sensitive._marked({"a": [HELD, INNER]}, {"a": [True]})), [HELD, INNER])

    def test_it_is_what_glass_record_knows_and_found_where_that_finds_it(self) -> None:
        for name, document in TABLE["files"].items():
            self.write(name, json.dumps(document))
        told = {value.decode() for values in self.known().values() for value in values}
        self.assertEqual(sorted(told), TABLE["told"])
        values = {"a password": [TABLE["value"].encode()]}
        for name, text in TABLE["written"].items():
            with self.subTest(name):
                self.assertNotEqual(leak.search({"x": text.encode()}, values), [])
        for text in TABLE["not_written"]:
            self.assertEqual(leak.search({"x": text.encode()}, values), [])

    def test_an_empty_state_has_nothing_and_one_that_is_not_understood_is_an_error_without_its_text(self) -> None:
        for text in ("", "\n", "{}", '{"version": 4, "resources": null, "outputs": null}'):
            self.write("terraform/terraform.tfstate", text)
            self.assertEqual(self.known(), {})
        broken = (HELD, json.dumps(state())[:-40], '{"resources": [{}]}', "[]", '{"outputs": {"a": 1}}')
        for text in broken:
            path = self.write("terraform/terraform.tfstate", text)
            with self.subTest(text[:20]), self.assertRaises(ValueError) as told:
                self.known()
            self.assertEqual(
                str(told.exception), f"{path} is not of the form in which Terraform tells what is sensitive"
            )


class Recorded(Provision):
    """A whole `./migrate provision` whose state and plan mark values, as its operation folder tells of it."""

    # The projection of a plan: how much, and the names of what is lost.
    PROJECTION = {"made": 1, "changed": 2, "destroyed": 0, "lost": [], "applies": True}
    EVIDENCE = {f"evidence/logs/2-provision-{step}.log" for step in PROVISION[3:]}
    CLEAR = {"operation.json", "approval.json", "journal.jsonl", "logs/steps.log"}

    def provision(self, **more: Any) -> Package:
        """Shows, is approved, makes; `more` are orders for the steps of the second call."""
        package = self.provisioned()
        show = shows("one", made=1, changed=2)
        show["files"]["packages/1/terraform/plan.json"] = json.dumps(plan())
        self.makes(show | {"leaves": "terraform-plan.json", "content": json.dumps(self.PROJECTION)})
        self.exits(12, package, "provision")
        self.exits(0, package, "approve", "provision", "--by", "Ada")
        apply = applies(*RESOURCES)
        apply["files"]["terraform/terraform.tfstate"] = json.dumps(state())
        archive = {"files": {"terraform/archive/1-2.tfstate": json.dumps(state())}}
        orders = {
            "provision__apply_plan": apply,
            "provision__write_inventory": INVENTORY,
            "provision__archive_state": archive,
        }
        self.orders(**{name: order | more.get(name, {}) for name, order in orders.items()})
        self.exits(0, package, "provision", says=more.get("says", "operation: "))
        return package

    def test_s03_of_a_state_that_marks_values_counts_and_names_are_recorded_and_nothing_else(self) -> None:
        self.provision()
        folders = {path.name: path for path in (self.state / "packages/1/operations").iterdir() if path.is_dir()}
        self.assertEqual(set(folders), {"1-provision", "2-provision"})
        files = {
            name: {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
            for name, folder in folders.items()
        }
        shown = {"evidence/reports/terraform-plan.json"}
        logs = {f"evidence/logs/1-provision-{step}.log" for step in PROVISION[:3]}
        self.assertEqual(set(files["1-provision"]), (self.CLEAR - {"approval.json"}) | logs | shown)
        self.assertEqual(json.loads(files["1-provision"][shown.pop()]), self.PROJECTION)
        self.assertEqual(set(files["2-provision"]), self.CLEAR | self.EVIDENCE)
        # Everything that is known was looked for, with nothing found; `held` begins each of the values.
        known = leak.known(self.state)
        self.assertEqual(sum(map(len, known.values())), 10)
        for name, texts in files.items():
            self.assertEqual(leak.search({path: text.encode() for path, text in texts.items()}, known), [], name)
            self.assertNotIn("held-", "".join(texts.values()), name)

    def test_s03_a_marked_value_that_is_planted_where_something_is_recorded_leaves_no_folder(self) -> None:
        encoded = base64.b64encode(b"x" + PASSWORD.encode()).decode()
        projection = json.dumps(self.PROJECTION | {"lost": [f'aws_a.one["{HELD}"] (made anew)']})
        logged = "evidence/logs/2-provision-write-inventory.log, line 2"
        planted = {
            "a log": ({"prints": f"one\n{INNER}"}, f"aws_b.two (plain) in {logged}"),
            "in base64": ({"prints": f"one\n{encoded}"}, f"aws_c.three (base64) in {logged}"),
            "an output": ({"prints": f"one\n{OUTPUT}"}, f"output.secret (plain) in {logged}"),
            "a variable": ({"prints": f"one\n{GIVEN}"}, f"var.given (plain) in {logged}"),
            "the name of what is lost": (
                {"leaves": "terraform-plan.json", "content": projection},
                "aws_a.one (plain) in evidence/reports/terraform-plan.json, line 1",
            ),
        }  # fmt: skip
        for name, (order, hit) in planted.items():
            with self.subTest(name):
                self.again()
                package = self.provision(
                    provision__write_inventory=order, says="not recorded: a secret stands where it must not"
                )
                operations = self.state / "packages/1/operations"
                left = {path.name for path in operations.iterdir()}
                self.assertEqual(left, {"1-provision", "1-provision.sh", "2-provision.refused"})
                self.assertEqual((operations / "2-provision.refused").read_text(), f"Terraform's {hit}\n")
                status = self.exits(0, package, "status").stdout
                self.assertIn("not recorded: 2-provision, no operation folder, since a secret was found in it", status)

    def test_a_state_that_is_not_understood_leaves_no_folder_and_undoes_nothing(self) -> None:
        self.provision(
            provision__archive_state={"files": {"terraform/archive/1-2.tfstate": "no state"}},
            says="not recorded: the operation folder could not be written: ",
        )
        self.assertEqual({path.name for path in (self.state / "packages/1/operations").glob("2-*")}, set())

    def test_what_is_as_short_as_a_word_is_recorded_though_it_is_marked(self) -> None:
        self.provision(provision__write_inventory={"prints": f"in {WORD}"})
        self.assertTrue((self.state / "packages/1/operations/2-provision").is_dir())


if __name__ == "__main__":
    unittest.main()
