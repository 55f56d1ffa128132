"""Stands in for ansible-playbook: notes each step, does what its orders say, talks as the callback plugin would."""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

KEEP = "keep-journal"
KEPT = ("ANSIBLE_", "STUFPACK_", "PYTHON")


class Talk:
    """The callback plugin's end."""

    def __init__(self) -> None:
        self.channel = socket.socket(fileno=int(os.environ["STUFPACK_CONTROLLER"]))
        self.answers = self.channel.makefile("r")

    def ends(self, step: str, result: Any, final: bool) -> None:
        """Tells how a step ended."""
        self.channel.sendall(json.dumps({"ends": step, "final": final, "result": result}).encode() + b"\n")

    def begins(self, step: str) -> None:
        """Asks, and goes on in the step's log; ends where the answer is no."""
        try:
            self.channel.sendall(json.dumps({"begins": step}).encode() + b"\n")
        except OSError:
            sys.exit(99)
        log = json.loads(self.answers.readline() or "{}").get("log")
        if log is None:
            sys.exit(99)
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(descriptor, 1)


def perform(step: str, order: dict[str, Any]) -> Any:
    """One step; its result."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    call = {"step": step, "argv": sys.argv[1:], "cwd": str(Path.cwd()), "environment": environment, "pid": os.getpid()}
    with Path(os.environ["FAKE_CALLS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(call) + "\n")
    if order.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(order.get("prints", f"ran {step}"))
    sys.stdout.flush()
    if "progress" in order:
        variables = json.loads(Path(sys.argv[sys.argv.index("-e") + 1][1:]).read_text())
        with Path(variables["stufpack_progress"]).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(entry) + "\n" for entry in order["progress"])
    state = Path(json.loads(Path(sys.argv[sys.argv.index("-e") + 1][1:]).read_text())["stufpack_state"])
    for name in order.get("removes", ()):
        (state / name).unlink()
    for name, content in order.get("files", {}).items():
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text(content)
    if "waits_for" in order:
        deadline = time.monotonic() + 120
        while not Path(order["waits_for"]).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    variables = json.loads(Path(sys.argv[sys.argv.index("-e") + 1][1:]).read_text())
    if "leaves" in order:
        Path(variables["stufpack_reports"], order["leaves"]).write_text(order.get("content", "evidence\n"))
    if "checks" in order:
        path = Path(variables["stufpack_reports"], "checks", f"{step.replace('/', '-')}.json")
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(order["checks"]))
    counts = {"ok": 2, "changed": order.get("changed", 0), "failed": 0, "unreachable": 0}
    if step == KEEP and "exit" in order:
        counts = {"ignored": 1}
    return order.get("result", {"hosts": {"target": counts}})


def main() -> int:
    """Runs the steps named by --tags."""
    if sys.argv[1:] == ["--version"]:
        return 0
    path = Path(os.environ["FAKE_ORDERS"])
    orders = json.loads(path.read_text()) if path.exists() else {}
    asked = sys.argv[sys.argv.index("--tags") + 1].split(",")
    keeps = "--skip-tags" not in sys.argv and asked != [KEEP]
    steps = [step for name in asked for step in ((name, KEEP) if keeps else (name,))]
    steps = [step for step in steps if not orders.get(step, {}).get("no_tasks")]
    talk, result = Talk(), {"hosts": {}}
    for place, step in enumerate(steps):
        if place:
            talk.ends(steps[place - 1], result, final=False)
        talk.begins(step)
        order = orders.get(step, {})
        result = perform(step, order)
        if result is None or ("exit" in order and (step != KEEP or asked == [KEEP])):
            break
    if result is not None:
        talk.ends(step if steps else "", result, final=True)
    return int(order.get("exit", 0)) if steps else 0


if __name__ == "__main__":
    sys.exit(main())
