"""What one call of Ansible for many steps asks of the playbooks: each step stands alone, whichever ran before it."""

import re
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ANSIBLE = Path(__file__).resolve().parents[2] / "templates/infrastructure/ansible"
KEEP = "keep-journal"
# Playbooks of no phase: the controller's own errands.
ERRANDS = (KEEP, "hold")
PHASES = sorted(path.stem for path in (ANSIBLE / "playbooks").glob("*.yml") if path.stem not in ERRANDS)


def load(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text())


def entries(phase: str) -> list[dict[str, Any]]:
    """The tasks of a playbook's one play."""
    (play,) = load(ANSIBLE / f"playbooks/{phase}.yml")
    tasks: list[dict[str, Any]] = play["tasks"]
    return tasks


def tasks_of(tasks: list[dict[str, Any]], folder: Path | None = None) -> Iterator[dict[str, Any]]:
    """Every task in order, with imports and all parts of blocks opened."""
    for task in tasks:
        role = task.get("ansible.builtin.import_role")
        file = task.get("ansible.builtin.import_tasks")
        if role:
            inside = ANSIBLE / f"roles/{role['name']}/tasks"
            yield from tasks_of(load(inside / f"{role['tasks_from']}.yml"), inside)
        elif file:
            assert folder is not None
            yield {key: value for key, value in task.items() if key == "vars"}
            yield from tasks_of(load(folder / file), folder)
        elif "block" in task:
            yield {key: value for key, value in task.items() if key in ("when", "vars")}
            for part in ("block", "rescue", "always"):
                yield from tasks_of(task.get(part, []), folder)
        else:
            yield task


def steps() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each step with its tasks in order."""
    for phase in PHASES:
        found: dict[str, list[dict[str, Any]]] = {}
        for entry in entries(phase):
            if KEEP not in entry["tags"]:
                (step,) = entry["tags"]
                found.setdefault(step, []).extend(tasks_of([entry]))
        yield from found.items()


def made_by(task: dict[str, Any]) -> set[str]:
    """Variables that a task leaves behind."""
    made = {task["register"]} if "register" in task else set()
    made |= set(task.get("ansible.builtin.set_fact", {}))
    return made | ({"ansible_facts"} if "ansible.builtin.setup" in task else set())


class Steps(unittest.TestCase):
    def test_no_step_reads_what_another_step_left_behind(self) -> None:
        everything = dict(steps())
        made_anywhere = {name for tasks in everything.values() for task in tasks for name in made_by(task)}
        self.assertIn("validation_password", made_anywhere)
        self.assertIn("ansible_facts", made_anywhere)
        for step, tasks in everything.items():
            here: set[str] = set()
            for task in tasks:
                # `until`, `changed_when` and the like read what the task itself registers.
                here |= made_by(task)
                read = set(re.findall(r"[a-z_]\w*", str(task))) & made_anywhere
                with self.subTest(step=step, task=task.get("name")):
                    self.assertEqual(read - here, set())

    def test_handlers_run_before_their_step_ends(self) -> None:
        notifying = 0
        for step, tasks in steps():
            pending = False
            for task in tasks:
                notifying += "notify" in task
                pending = "notify" in task or (pending and task.get("ansible.builtin.meta") != "flush_handlers")
            with self.subTest(step):
                self.assertFalse(pending, "a handler would run at the end of the whole phase")
        self.assertGreaterEqual(notifying, 2)

    def test_no_step_begins_with_what_ansible_does_without_asking(self) -> None:
        for step, tasks in steps():
            with self.subTest(step):
                self.assertNotIn("ansible.builtin.meta", tasks[0])

    def test_the_journal_is_copied_after_each_step_that_changes_or_proves_something(self) -> None:
        for phase in PHASES:
            tags = [tuple(entry["tags"]) for entry in entries(phase)]
            told = list(dict.fromkeys(found[0] for found in tags))
            copied = [found[0] for found in tags if KEEP in found]
            with self.subTest(phase):
                self.assertEqual(copied, [] if phase in ("preflight", "status") else told)
                for place, (first, *rest) in enumerate(tags[:-1]):
                    if rest:
                        self.assertNotEqual(tags[place + 1][0], first, "the copy comes before its step's end")


if __name__ == "__main__":
    unittest.main()
