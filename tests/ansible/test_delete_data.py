"""What is said where data is deleted: what stays elsewhere, and what of it nothing puts back any more."""

from __future__ import annotations

import unittest
from typing import Any

import jinja2
import yaml
from modules import ROOT

TASKS: list[dict[str, Any]] = yaml.safe_load((ROOT / "roles/stuf/tasks/delete_data.yml").read_text())
HERE: dict[str, Any] = {"storage_kind": "garage", "database": None}
ELSEWHERE: dict[str, Any] = {"storage_kind": "s3", "database": {"host": "db.example"}}


def said(target: dict[str, Any], *notes: str, delete: bool = True) -> list[str]:
    """The names of the tasks that say something, where these notes of an import lay."""
    files = [{"path": f"/var/lib/stufpack/before/{note}"} for note in notes]
    # Without the option the look is left out, and what it registers has no files.
    values = {**target, "stufpack_delete_data": delete, "stuf_begun": {"files": files} if delete else {}}
    engine = jinja2.Environment(undefined=jinja2.StrictUndefined)
    engine.filters["basename"] = lambda path: path.rpartition("/")[2]
    engine.tests["mapping"] = lambda value: isinstance(value, dict)
    return [
        task["name"] for task in TASKS
        if "ansible.builtin.debug" in task
        and all(engine.compile_expression(str(one), undefined_to_none=False)(**values) for one in task["when"])
    ]  # fmt: skip


class Said(unittest.TestCase):
    def test_half_of_an_import_is_told_of_what_stays_and_of_nothing_that_is_deleted_too(self) -> None:
        bucket, database = "Say what is not deleted", "Say that the database is not deleted"
        documents, users = "Say that nothing puts back its documents", "Say that nothing puts back its users"
        both = ("documents.begun", "users.begun")
        self.assertEqual(said(ELSEWHERE), [bucket, database])
        self.assertEqual(said(ELSEWHERE, *both), [bucket, documents, database, users])
        self.assertEqual(said(ELSEWHERE, "users.begun"), [bucket, database, users])
        self.assertEqual(said(ELSEWHERE | {"database": None}, *both), [bucket, documents])
        self.assertEqual(said(HERE, *both), [])
        self.assertEqual(said(ELSEWHERE, *both, delete=False), [])

    def test_the_notes_are_looked_for_before_they_are_deleted(self) -> None:
        names = [task["name"] for task in TASKS]
        looks, deletes = names.index("Look for an import that has come to no end"), "Delete secrets and saved states"
        self.assertLess(looks, names.index(deletes))
        ends = yaml.safe_load((ROOT / "roles/stuf/tasks/end_import.yml").read_text())
        (notes,) = (task["loop"] for task in ends if "begun" in str(task))
        self.assertEqual(set(notes), {"documents.begun", "users.begun"})


if __name__ == "__main__":
    unittest.main()
