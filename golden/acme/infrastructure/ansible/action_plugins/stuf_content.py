"""Follows a verb of the copying program: the controller's half of the module of this name.

Each call of the module is short, so that a lost connection loses nothing: the unit goes on at the target. How far it is
goes into a file that the controller reads; HOLD and PANIC, which are files here, are passed on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

# Exit statuses of the program that are no failure of it: what follows from them is the controller's to say.
PAUSED, REFUSED, LOCKED = 11, 12, 75
WORDS = {PAUSED: "paused", REFUSED: "refused", LOCKED: "locked"}
# Nor are these of a proof: one that could not be made is repeated; of one that found nothing at either side, which its
# report says, there is nothing to come back for.
OF_A_PROOF = {2: ("unverifiable", PAUSED), 3: ("not run", 0)}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Calls the module until the verb has ended."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Runs the verb to its end, whoever started it."""
        variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, variables)
        verb = self._task.args["verb"]
        if self._task.check_mode and verb != "status":
            result.update(skipped=True, msg="nothing is started in check mode")
            return result
        # The first call only starts it, so that it is known at once that the target is at work.
        given = {"wait": 0.0, **self._task.args}
        while True:
            given["held"] = self._held(variables)
            found = self._execute_module(module_name="stuf_content", module_args=given, task_vars=variables)
            result.update(found)
            if found.get("failed") or found.get("unreachable"):
                return result
            self._tell(variables, verb, found)
            if found["ended"]:
                break
            given = {"wait": 2.0, **self._task.args, "start": False}
        status = int(found["status"])
        word = WORDS.get(status, "failed")
        if verb == "reconcile":
            word, status = OF_A_PROOF.get(status, (word, status))
        result["changed"] = found["sent"] > 0
        if status:
            said = "\n".join(found["lines"])
            result.update(failed=True, msg=f"{word}: {said}", stufpack_exit=status)
        return result

    @staticmethod
    def _held(variables: dict[str, Any]) -> bool:
        """Whether a person has asked to stop."""
        state = Path(str(variables["stufpack_state"]))
        return any((state / name).exists() for name in ("HOLD", "PANIC"))

    @staticmethod
    def _tell(variables: dict[str, Any], verb: str, found: dict[str, Any]) -> None:
        """Adds a line for the controller, which prints it."""
        if verb == "hold":
            return
        entry = {"running": not found["ended"], "verb": verb, "line": "; ".join(found["lines"][:1])}
        entry["progress"] = found["progress"]
        with Path(str(variables["stufpack_progress"])).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
