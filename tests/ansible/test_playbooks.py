"""What one call of Ansible for many steps asks of the playbooks: each step stands alone, whichever ran before it."""

import re
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jinja2
import yaml

ANSIBLE = Path(__file__).resolve().parents[2] / "templates/infrastructure/ansible"
KEEP = "keep-journal"
# Playbooks of no phase: the controller's own errands.
ERRANDS = (KEEP, "adopt", "hold", "support")
Opened = Callable[[list[dict[str, Any]]], Iterator[dict[str, Any]]]
PHASES = sorted(path.stem for path in (ANSIBLE / "playbooks").glob("*.yml") if path.stem not in ERRANDS)


def load(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text())


def entries(phase: str) -> list[dict[str, Any]]:
    """The tasks of a playbook's one play."""
    (play,) = load(ANSIBLE / f"playbooks/{phase}.yml")
    tasks: list[dict[str, Any]] = play["tasks"]
    return tasks


def imported(task: dict[str, Any], folder: Path | None) -> tuple[list[dict[str, Any]], Path] | None:
    """What a task imports, with the folder where it stands; None for any other task."""
    role, file = (task.get(f"ansible.builtin.import_{kind}") for kind in ("role", "tasks"))
    if not role and not file:
        return None
    inside = ANSIBLE / f"roles/{role['name']}/tasks" if role else folder
    assert inside is not None
    return load(inside / (f"{role['tasks_from']}.yml" if role else file)), inside


def tasks_of(tasks: list[dict[str, Any]], folder: Path | None = None) -> Iterator[dict[str, Any]]:
    """Every task in order, with imports and all parts of blocks opened."""
    for task in tasks:
        if found := imported(task, folder):
            if "vars" in task and "ansible.builtin.import_tasks" in task:
                yield {"vars": task["vars"]}
            yield from tasks_of(*found)
        elif "block" in task:
            yield {key: value for key, value in task.items() if key in ("when", "vars")}
            for part in ("block", "rescue", "always"):
                yield from tasks_of(task.get(part, []), folder)
        else:
            yield task


def every_task(found: Any) -> Iterator[dict[str, Any]]:
    """Every task of a file, those of all parts of blocks too."""
    if isinstance(found, dict):
        if "name" in found:
            yield found
        found = [value for value in found.values() if isinstance(value, list)]
    for inner in found if isinstance(found, list) else []:
        yield from every_task(inner)


def certain_of(tasks: list[dict[str, Any]], folder: Path | None = None) -> Iterator[dict[str, Any]]:
    """The tasks that no condition and no empty list leaves out; which ones `--check` leaves out is another matter."""
    conditions = [task.get("when") for task in tasks]
    for task in tasks:
        when = str(task.get("when", "not ansible_check_mode"))
        # Of two tasks that exclude each other one runs.
        either = " is none" in when and when.replace(" is none", " is not none") in conditions
        if when != "not ansible_check_mode" and not either:
            continue
        if found := imported(task, folder):
            yield from certain_of(*found)
        elif "block" in task:
            yield from certain_of(task["block"], folder)
        elif "ansible.builtin.meta" not in task and ("loop" not in task or never_empty(task["loop"])):
            yield task


def never_empty(loop: Any) -> bool:
    """A list that stands there, or one that every package fills: images of a release, accounts of the roles."""
    return bool(loop) if isinstance(loop, list) else re.match(r"{{ stuf_(images|users)\b", loop) is not None


def steps(opened: Opened = tasks_of) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each step with its tasks in order."""
    for phase in PHASES:
        found: dict[str, list[dict[str, Any]]] = {}
        for entry in entries(phase):
            if KEEP not in entry["tags"]:
                (step,) = entry["tags"]
                found.setdefault(step, []).extend(opened([entry]))
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

    def test_each_step_has_a_task_that_always_runs_so_that_none_is_left_out_whole_where_all_is_well(self) -> None:
        for step, tasks in steps(certain_of):
            with self.subTest(step):
                self.assertTrue(tasks)

    def test_nothing_that_has_to_follow_a_change_hangs_on_having_seen_it(self) -> None:
        # A run may end between the two, and the next one finds no change: a restart would be lost for good.
        notes: dict[str, list[bool]] = {}
        for step, tasks in steps():
            for task in tasks:
                with self.subTest(step=step, task=task.get("name")):
                    self.assertNotIn("notify", task)
                    self.assertNotIn("is changed", str(task.get("when", "")))
                if given := task.get("stuf_loaded"):
                    notes.setdefault(f"{step} {given['note']}", []).append(given.get("loaded", False))
        self.assertEqual([path.name for path in (ANSIBLE / "roles").glob("*/handlers")], [])
        # Asked first, noted when what follows is done.
        self.assertEqual(set(map(tuple, notes.values())), {(False, True)})
        self.assertGreaterEqual(len(notes), 6)

    def test_what_a_note_stands_for_is_done_between_the_question_and_the_note(self) -> None:
        for step, tasks in steps():
            places = [place for place, task in enumerate(tasks) if "stuf_loaded" in task]
            if places:
                asked, noted = places
                due = tasks[asked]["register"] + ".due"
                follows = [place for place, task in enumerate(tasks) if due in str(task.get("when", ""))]
                with self.subTest(step):
                    self.assertTrue(follows and asked < follows[0] and follows[-1] < noted)

    def test_a_service_is_taken_away_to_be_made_anew_in_the_step_that_starts_it_or_just_before(self) -> None:
        taken = [
            (step, place, task["ansible.builtin.command"]["cmd"].split()[-1])
            for step, tasks in steps()
            for place, task in enumerate(tasks)
            if "docker compose rm" in str(task.get("ansible.builtin.command"))
        ]
        found = [(step, service) for step, _, service in taken]
        self.assertEqual(found, [("deploy/make-database", "keycloak"), ("deploy/start-api", "api")])
        tasks = dict(steps())["deploy/start-api"]
        _, (_, place, _) = taken
        up = [number for number, task in enumerate(tasks) if "community.docker.docker_compose_v2" in task]
        self.assertLess(place, up[0])

    def test_what_installs_waits_as_long_as_the_plan_says_for_another_package_manager(self) -> None:
        installing = [task for _, tasks in steps() for task in tasks if "ansible.builtin.apt" in task]
        self.assertGreaterEqual(len(installing), 6)
        for task in installing:
            with self.subTest(task["name"]):
                self.assertEqual(task["ansible.builtin.apt"].get("lock_timeout"), 300)

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
                # Where it is provisioned no machine is there yet.
                self.assertEqual(copied, [] if phase in ("preflight", "status", "provision") else told)
                for place, (first, *rest) in enumerate(tags[:-1]):
                    if rest:
                        self.assertNotEqual(tags[place + 1][0], first, "the copy comes before its step's end")

    def test_each_phase_that_changes_something_holds_the_lease_before_its_first_step(self) -> None:
        for phase in PHASES:
            (play,) = load(ANSIBLE / f"playbooks/{phase}.yml")
            before = [task for entry in play.get("pre_tasks", []) for task in tasks_of([entry])]
            tags = [entry["tags"] for entry in play.get("pre_tasks", [])]
            # Those that look are run from any machine; where it is provisioned no machine is there yet.
            holds = phase not in ("preflight", "export", "status", "provision")
            with self.subTest(phase):
                self.assertEqual([task["stuf_lease"]["state"] for task in before], ["held"] * holds)
                self.assertEqual(tags, [["always", "hold-lease"]] * holds)
                self.assertEqual("stuf_takes_back" in str(play.get("pre_tasks")), phase == "abort")
        looks = dict(steps())["preflight/reach-target"]
        self.assertEqual(looks[-1]["stuf_lease"]["state"], "looked_at")


class WhatIsSaid(unittest.TestCase):
    def test_whatever_stops_a_playbook_by_its_own_word_says_what_to_do_next(self) -> None:
        texts = []
        for file in sorted(ANSIBLE.glob("roles/*/tasks/*.yml")) + sorted(ANSIBLE.glob("playbooks/*.yml")):
            for task in every_task(load(file)):
                for name, key in (("ansible.builtin.fail", "msg"), ("ansible.builtin.assert", "fail_msg")):
                    if name in task:
                        texts.append(str(task[name].get(key)))
                        with self.subTest(file=file.relative_to(ANSIBLE), task=task["name"]):
                            self.assertRegex(texts[-1], r"(?s)Next: \S+ .+")
        self.assertGreaterEqual(len(texts), 20)


class WhatIsReadAtTheTarget(unittest.TestCase):
    """Users, documents and realm are read from what deploy has placed, so that has to be the package's still."""

    def folders(self) -> dict[str, str]:
        """The folders that are held against the package, by what stands there."""
        trees = load(ANSIBLE / "roles/stuf/vars/main.yml")["stuf_read_trees"]
        return {tree["source"]: tree["target"] for tree in trees}

    def reads(self, tasks: list[dict[str, Any]]) -> list[int]:
        """Places of the tasks of a step that read such a folder."""
        folders = [f"/opt/stuf/{source}" for source in self.folders()]
        return [place for place, task in enumerate(tasks) if any(folder in str(task) for folder in folders)]

    def test_every_step_that_takes_its_wishes_from_there_holds_it_against_the_package_first(self) -> None:
        found = set()
        for step, tasks in steps():
            held = [place for place, task in enumerate(tasks) if "stuf_placed" in task]
            reads = self.reads(tasks)
            # A message says nothing of what stands there, and the check of rights looks who may read.
            if not reads or step.endswith(("/send-messages", "/refuse-strangers")):
                continue
            found.add(step)
            with self.subTest(step):
                self.assertTrue(held and held[0] < reads[0], "it reads before it has looked")
        self.assertEqual(
            found,
            {"import/save-before-state", "import/import-users", "import/write-documents", "import/read-back",
             "invite/send-invitations", "verify/read-documents"},
        )  # fmt: skip

    def test_a_refusal_is_outside_of_what_is_taken_back_and_reading_back_leaves_it_to_its_check(self) -> None:
        for phase in ("import", "invite"):
            first: dict[str, dict[str, Any]] = {}
            for entry in entries(phase):
                first.setdefault(entry["tags"][0], entry)
            held = {
                step for step, entry in first.items()
                if entry.get("ansible.builtin.import_role", {}).get("tasks_from") == "hold_placed"
            }  # fmt: skip
            without = {"import/read-back", "import/send-messages"}
            self.assertEqual(held, set(first) - without, phase)
        text = (ANSIBLE / "roles/validation/tasks/read_back.yml").read_text()
        self.assertIn("stuf_refuse: false", text)
        self.assertIn("stuf_placed.checks + ", text)

    def test_deploy_places_what_is_held_whole(self) -> None:
        tasks = load(ANSIBLE / "roles/stuf/tasks/place_project.yml")
        # Beside it only what the kind of storage adds, which is none of it.
        (task,) = (task for task in tasks if isinstance(task.get("stuf_place", {}).get("trees"), list))
        placed = {
            tree["source"]: tree["target"] for tree in task["stuf_place"]["trees"]
            if tree["source"].startswith("configuration/") and tree.get("whole") and tree["mode"] == "0600"
        }  # fmt: skip
        self.assertEqual(self.folders(), placed)


class AnInterruptedDeploy(unittest.TestCase):
    """What stands at the target where placing the project was cut off, and who has to get on with it."""

    def test_what_names_the_files_of_compose_is_placed_after_all_of_them(self) -> None:
        tasks = load(ANSIBLE / "roles/stuf/tasks/place_project.yml")
        trees = [task["stuf_place"]["trees"] for task in tasks if "stuf_place" in task]
        kinds = load(ANSIBLE / "roles/stuf/vars/main.yml")
        added = [f"{{{{ {name}.trees }}}}" for name in ("stuf_of_storage[storage_kind]", "stuf_database")]
        self.assertEqual([tree for tree in trees if isinstance(tree, str)], added)
        self.assertTrue(
            all("trees" in kind for of in ("storage", "database") for kind in kinds[f"stuf_of_{of}"].values())
        )
        self.assertEqual(trees[-1][-1]["source"], "infrastructure/compose/.env")

    def test_abort_takes_it_down_without_reading_what_was_placed(self) -> None:
        tasks = load(ANSIBLE / "roles/stuf/tasks/stop_services.yml")
        self.assertNotIn("stuf_project_dir", str(tasks))
        (down,) = (task["community.docker.docker_compose_v2"] for task in tasks if "compose_v2" in str(task.keys()))
        project = load(ANSIBLE.parent / "compose/compose.yaml")["name"]
        self.assertEqual(
            (down["project_name"], down["check_files_existing"], down["state"]), (project, False, "absent")
        )


class ForTheRecord(unittest.TestCase):
    def test_phases_that_change_something_keep_what_was_there_before_and_what_is_there_then(self) -> None:
        found = set()
        for phase in PHASES:
            for entry in entries(phase):
                role = entry.get("ansible.builtin.import_role", {})
                moment = entry.get("vars", {}).get("stuf_moment", "")
                if role.get("tasks_from") in ("keep_state", "keep_inventory", "read_images_before", "read_images"):
                    found.add((entry["tags"][0], role["tasks_from"], moment))
        self.assertEqual(
            found,
            {
                ("deploy/pull-images", "read_images_before", ""), ("deploy/read-images", "read_images", ""),
                ("import/save-before-state", "keep_state", "before"), ("import/read-back", "keep_state", "after"),
                ("content/prove-batches", "keep_inventory", ""),
            },
        )  # fmt: skip
        saves = [(entry["tags"][0], *entry["vars"].values()) for entry in entries("import")
                 if entry.get("ansible.builtin.import_role", {}).get("tasks_from") == "save_state"]  # fmt: skip
        before, after = ("import/save-before-state", "before"), ("import/read-back", "after")
        self.assertEqual(saves, [before, before, after, after])

    def test_the_notes_of_an_import_that_has_begun_go_once_everything_was_read_back(self) -> None:
        blocks = [place for place, entry in enumerate(entries("import")) if "rescue" in entry]
        after = entries("import")[blocks[-1] + 1]
        self.assertEqual(after["ansible.builtin.import_role"]["tasks_from"], "end_import")
        self.assertEqual(after["tags"], ["import/read-back"])
        (task,) = load(ANSIBLE / "roles/stuf/tasks/end_import.yml")
        texts = [
            (ANSIBLE / f"roles/{role}/tasks/restore_before_state.yml").read_text() for role in ("identity", "storage")
        ]
        saved = [found for text in texts for found in re.findall(r"saved_file: (/\S+)\.json\n", text)]
        self.assertEqual(
            [f"/var/lib/stufpack/before/{name}" for name in task["loop"]], [f"{path}.begun" for path in saved]
        )
        # Those that a person takes away who wants what stands.
        text = (ANSIBLE.parents[1] / "docs/troubleshooting.md.jinja").read_text()
        (taken,) = re.findall(r"^\| \{\{ \"step\.undo-failed\".* sudo rm -f ([^\"]+)\"", text, re.MULTILINE)
        self.assertEqual(taken.split(), [f"{path}.begun" for path in saved])

    def test_how_many_an_import_put_back_of_an_earlier_one_is_told_with_its_date(self) -> None:
        for role, file, result, kind in (
            ("identity", "import_users", "identity_users", "users"),
            ("storage", "write_documents", "storage_documents", "documents"),
        ):
            with self.subTest(kind):
                task = load(ANSIBLE / f"roles/{role}/tasks/{file}.yml")[-1]
                engine = jinja2.Environment(undefined=jinja2.StrictUndefined)
                began = "2026-08-03 10:12 UTC"
                found = {result: {"since": began, "counts": {"put_back": 2}}}
                told = f"Put back as it was before the import that began {began} and did not come to its end:"
                message = engine.from_string(task["ansible.builtin.debug"]["msg"]).render(found)
                self.assertEqual(message, f"{told} 2 of the {kind} that it wrote and this package does not have")
                self.assertEqual(task["when"], f"{result}.counts.put_back > 0")

    def test_a_rescue_says_what_stands_as_before_and_as_before_what(self) -> None:
        play = load(ANSIBLE / "playbooks/import.yml")[0]

        def said(users: str, documents: str, gone: int = 0) -> str:
            engine = jinja2.Environment(undefined=jinja2.StrictUndefined)
            found: dict[str, Any] = {"identity_users": {"since": users, "counts": {"gone": gone}}}
            found["storage_documents"] = {"since": documents}
            found["import_since"] = engine.from_string(play["vars"]["import_since"]).render(found)
            return engine.from_string(play["vars"]["import_as_before"]).render(found)

        plain = "Users and documents are as they were before"
        first, later = "2026-08-03 10:12 UTC", "2026-10-01 08:00 UTC"
        half = f"{plain}, and what the import that began {first} left by halves as before that one"
        self.assertEqual(said("", ""), f"{plain}.")
        self.assertEqual((said(first, ""), said("", first), said(later, first)), (f"{half}.",) * 3)
        self.assertEqual(said(first, "", 2), f"{half}, but for 2 whom others deleted meanwhile.")
        stops = [task for entry in play["tasks"] for task in entry.get("rescue", []) if "ansible.builtin.fail" in task]
        texts = [" ".join(task["ansible.builtin.fail"]["msg"].split()) for task in stops]
        end = "). {{ import_as_before }} Next: read the message, then ./migrate import"
        self.assertEqual([text.endswith(end) for text in texts], [True] * 3)


if __name__ == "__main__":
    unittest.main()
