"""Stands in for ansible-playbook: notes its call, does what its orders say, reports as the callback plugin would."""

import json
import os
import signal
import sys
import time
from pathlib import Path


def main() -> int:
    """Runs the one step named by --tags."""
    if sys.argv[1:] == ["--version"]:
        return 0
    step = sys.argv[sys.argv.index("--tags") + 1]
    orders = Path(os.environ["FAKE_ORDERS"])
    order = json.loads(orders.read_text()).get(step, {}) if orders.exists() else {}
    kept = ("ANSIBLE_", "STUFPACK_", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    call = {"step": step, "argv": sys.argv[1:], "cwd": str(Path.cwd()), "environment": environment}
    with Path(os.environ["FAKE_CALLS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(call) + "\n")
    if order.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(order.get("prints", f"ran {step}"))
    sys.stdout.flush()
    if "waits_for" in order:
        deadline = time.monotonic() + 120
        while not Path(order["waits_for"]).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    if "leaves" in order:
        variables = json.loads(Path(sys.argv[sys.argv.index("-e") + 1][1:]).read_text())
        Path(variables["stufpack_reports"], order["leaves"]).write_text("evidence\n")
    result = order.get(
        "result", {"hosts": {"target": {"ok": 2, "changed": order.get("changed", 0), "failed": 0, "unreachable": 0}}}
    )
    if result is not None:
        Path(os.environ["STUFPACK_RESULT"]).write_text(json.dumps(result))
    return int(order.get("exit", 0))


if __name__ == "__main__":
    sys.exit(main())
