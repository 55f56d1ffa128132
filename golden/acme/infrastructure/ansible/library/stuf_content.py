#!/usr/bin/python
"""Ansible module: verbs of the copying program, as units that outlive the connection."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stufpack_files import write_whole
from ansible.module_utils.stufpack_http import StufError
from ansible.module_utils.stufpack_s3 import garage

DOCUMENTATION = """
module: stuf_content
short_description: Start, follow, hold or look at the copying program
description:
  - An action plugin of the same name calls it again and again until the verb has ended; each call waits a little. When
    the connection or the controller is gone, the unit goes on, and a later call finds it.
options:
  verb:
    description: >-
      A verb of the program that is run as C(stuf-content@VERB.service), or C(status), or C(hold), which asks whatever
      runs to stop at the end of its batch, or of the objects at which it is.
    type: str
    required: true
    choices: [probe, inventory, check-keys, copy, reconcile, status, hold]
  configuration:
    description: >-
      What C(/etc/stuf/content.json) shall hold, needed to start a verb. A target without an endpoint is Garage of this
      machine, whose address is looked up.
    type: dict
  start: {description: Whether to start the verb where it does not run., type: bool, default: true}
  held: {description: Whether the controller's HOLD or PANIC is set., type: bool, default: false}
  wait: {description: Seconds to wait for the end., type: float, default: 2}
author: [stufpack]
"""
EXAMPLES = """
- name: Copy batch by batch
  stuf_content:
    verb: copy
    configuration: "{{ content_configuration }}"
"""
RETURN = """
ended: {description: Whether the verb has ended., type: bool, returned: always}
status: {description: The program's exit status, or null while it runs., type: int, returned: always}
sent: {description: How many objects it sent or took away., type: int, returned: always}
progress: {description: How far a copy is., type: dict, returned: always}
lines: {description: What people are told., type: list, returned: always}
checks: {description: What a proof came to; none where it came to nothing., type: list, returned: when a verb has ended}
"""

PROGRAM = ["/usr/bin/python3", "-B", "-m", "stuf_content"]
FOLDER = Path("/usr/local/lib/stuf-content")
CONFIGURATION = Path("/etc/stuf/content.json")
OUTPUT = Path("/var/lib/stufpack/content")
VERBS = ("probe", "inventory", "check-keys", "copy", "reconcile")
# Verbs that take long: they tell how far they are, and can be asked to stop; what is said of that.
LONG = {
    "inventory": "the inventory stops after the objects at which it is",
    "copy": "the copy at the target stops at the end of its batch",
    "reconcile": "delta and proof stop at the end of their batch, or of the objects at which they are",
}
# The rest of a long list of findings stands in the program's own report.
SHOWN = 15
# States of a unit that has not ended.
RUNS = frozenset({"start", "running", "stop", "stop-sigterm", "stop-sigkill", "final-sigterm", "final-sigkill"})


class Machine:
    """What the module does on the machine."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def run(self, *words: str) -> tuple[int, str, str]:
        """A program's status and output."""
        code, output, errors = self.module.run_command(list(words), cwd="/")
        return int(code), str(output), str(errors)

    def call(self, verb: str) -> tuple[int, dict[str, Any]]:
        """A verb that only looks or leaves a mark, at once; its status and document."""
        words = [*PROGRAM, verb, "--config", str(CONFIGURATION)]
        code, output, errors = self.module.run_command(words, cwd=str(FOLDER))
        return int(code), document(output) or {"message": last(str(errors))}

    def state(self, unit: str) -> str:
        """What systemd says of the unit: `running`, `dead`, `failed`, …"""
        return self.run("systemctl", "show", unit, "--property=SubState", "--value")[1].strip()

    def start(self, unit: str, verb: str, configuration: dict[str, Any]) -> None:
        """Starts a verb, which finds the storage where it is now."""
        target = configuration["target"]
        target = {**target, "endpoint": target.get("endpoint") or garage(self.module.run_command)}
        write_whole(CONFIGURATION, json.dumps({**configuration, "target": target}, indent=1) + "\n")
        (OUTPUT / f"{verb}.json").unlink(missing_ok=True)
        self.run("systemctl", "reset-failed", unit)
        self.call("release")
        code, _, errors = self.run("systemctl", "start", unit)
        if code != 0:
            raise StufError(f"{unit} did not start: {errors.strip()}; next: sudo journalctl -u {unit}")

    def end(self, unit: str, verb: str) -> tuple[int, dict[str, Any]]:
        """Status and document of a verb that has ended; it failed where either says so, or where there is no document.

        systemd alone cannot be asked: it forgets a unit that is reset, and tells 0 to Ansible's second try after a
        connection that broke in between.
        """
        _, shown, _ = self.run("systemctl", "show", unit, "--property=Result,ExecMainStatus")
        values = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        self.run("systemctl", "reset-failed", unit)
        found, said = (read(OUTPUT / f"{verb}.{kind}") for kind in ("json", "txt"))
        answer = document(found)
        status = int(values.get("ExecMainStatus") or 0)
        if values.get("Result") not in ("success", "exit-code"):
            status = status or 1
        return status or own_status(answer), answer or {"message": last(said) or f"{unit} left no answer"}


def read(path: Path) -> str:
    """A file's text; nothing where it is not there."""
    return path.read_text(errors="replace") if path.exists() else ""


def last(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def document(text: str) -> dict[str, Any] | None:
    """The one JSON document that a verb prints."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def own_status(answer: dict[str, Any] | None) -> int:
    """The exit status that a document gives; 1 where there is none."""
    status = (answer or {}).get("exit")
    return status if isinstance(status, int) else 1


def told(found: dict[str, Any]) -> list[str]:
    """What a verb has to say to people: one line, what it found, and what to do where it did not end well."""
    carried = [str(found["carried"]["message"])] if "carried" in found else []
    findings = [
        f"{item.get('verdict', 'finding')}: {json.dumps(item['key'])}, {item['why']}"
        for item in found.get("findings") or []
    ]
    why = "its name is the administration's, so it was not copied; move it at the source"
    findings += [f"left out: {json.dumps(key)}, {why}" for key in found.get("left_out") or []]
    removed = found.get("carried", found).get("removed") or {}
    for word, why in (("left", "the source has it, so it was left"), ("not_there", "not at the target")):
        findings += [f"content_remove: {json.dumps(key)}, {why}" for key in removed.get(word) or []]
    more = [f"… and {len(findings) - SHOWN} more"] if len(findings) > SHOWN else []
    # Of a proof that came to its end and found something wrong, beside its verdict.
    step = found.get("error", found).get("next")
    following = [f"next: {step}"] if step else []
    return [*carried, str(found.get("message", "")), *findings[:SHOWN], *more, *following]


def moved(found: dict[str, Any]) -> int:
    """How many objects a verb sent or took away at the target."""
    of = found.get("carried", found)
    return sum(int(of.get(word, 0)) for word in ("by_rclone", "one_by_one", "deleted"))


def proven(found: dict[str, Any]) -> list[dict[str, Any]]:
    """What a proof came to, for the report of its phase; nothing of a proof that could not be brought to its end."""
    if "counts" not in found:
        return []
    objects = "object" if found["expected"] == 1 else "objects"
    check = {
        "id": "content/objects",
        "expected": f"each of {found['expected']} {objects} reads back as the source has it, and nothing else is there",
        "observed": ", ".join(f"{word} {number}" for word, number in found["counts"].items()) + since(found),
        "verdict": found["verdict"],
    }
    return [check]


def since(found: dict[str, Any]) -> str:
    """What the source holds otherwise than the export: a proof is about what is there, and not about what vanished."""
    words = ("new", "changed", "gone")
    counts = ", ".join(f"{found.get(f'{word}_since_export', 0)} {word}" for word in words)
    left_out = len(found.get("left_out") or [])
    behind = [f"; {number} without their {word}" for word, number in (found.get("beside") or {}).items() if number]
    return f"; since the export: {counts}" + (f"; {left_out} left out" if left_out else "") + "".join(behind)


def at_once(*lines: str, progress: dict[str, Any] | None = None) -> dict[str, Any]:
    """The result of what has no end to wait for."""
    return {"ended": True, "status": 0, "sent": 0, "progress": progress or {}, "lines": list(lines)}


def look(machine: Machine) -> dict[str, Any]:
    """How far a copy or proof is, where there is one."""
    if not CONFIGURATION.exists():
        return at_once()
    code, found = machine.call("status")
    if code != 0 or not found.get("progress"):
        return at_once()
    lines = [f"content: {found['message']}"]
    if found.get("verdict"):
        counts = ", ".join(f"{word} {number}" for word, number in found["counts"].items())
        lines.append(f"content, last proof: {found['verdict']}; {counts}")
    return at_once(*lines, progress=found["progress"])


def hold(machine: Machine) -> dict[str, Any]:
    """Asks what runs to stop where that is sound; what waits, for its window or a store, stops at once."""
    running = [verb for verb in LONG if machine.state(f"stuf-content@{verb}.service") in RUNS]
    if not running:
        return at_once("nothing is copied or proven at the target")
    code, found = machine.call("hold")
    if code != 0:
        raise StufError(f"what runs at the target could not be asked to stop: {'; '.join(told(found))}")
    return at_once(*(LONG[verb] for verb in running))


def follow(machine: Machine, given: dict[str, Any]) -> dict[str, Any]:
    """Starts a verb where that is wanted, waits a while, and tells how far it is or how it ended.

    One that runs already is followed. One that ended with nobody there is started anew, since only the program can tell
    whether what it came to still holds: it finds what was sent and read back, and does that no second time.
    """
    verb = given["verb"]
    unit = f"stuf-content@{verb}.service"
    if given["start"]:
        if machine.state(unit) not in RUNS:
            machine.start(unit, verb, given["configuration"])
        elif not given["held"]:
            # Whoever asks for it now has taken back an earlier hold, which it may not have met yet.
            machine.call("release")
    if given["held"] and verb in LONG:
        machine.call("hold")
    until = time.monotonic() + given["wait"]
    while machine.state(unit) in RUNS:
        if time.monotonic() > until:
            return {**look(machine), "ended": False, "status": None}
        time.sleep(0.2)
    status, found = machine.end(unit, verb)
    # The last figures are told too, so that a copy's end is seen as its middle is.
    progress = look(machine)["progress"] if verb in LONG else {}
    checks = proven(found) if verb == "reconcile" else []
    # A proof that is asked for after this one is another, and reads everything anew. Where objects changed just then,
    # the next one is about these, and the rest stays read.
    if checks and found["verdict"] != "unverifiable":
        machine.call("seen")
    ended = {"ended": True, "status": status, "sent": moved(found), "progress": progress}
    return ended | {"lines": told(found), "checks": checks}


def main() -> None:
    """Runs as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "verb": {"type": "str", "required": True, "choices": [*VERBS, "status", "hold"]},
            "configuration": {"type": "dict"},
            "start": {"type": "bool", "default": True},
            "held": {"type": "bool", "default": False},
            "wait": {"type": "float", "default": 2.0},
        },
    )
    machine = Machine(module)
    try:
        if module.params["verb"] == "status":
            result = look(machine)
        elif module.params["verb"] == "hold":
            result = hold(machine)
        else:
            result = follow(machine, module.params)
    except (StufError, OSError, KeyError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
