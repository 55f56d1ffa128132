"""Prints a log that reads well at night, and writes what a step changed for the controller."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: stufpack
type: stdout
short_description: night log and machine-readable result of one step
description:
  - One line per task and host, with the time. Values are shown only where a task failed, never where C(no_log) is set.
  - Writes counts per host and the names of changed and failed tasks to the file named in E(STUFPACK_RESULT).
requirements:
  - set as stdout callback in ansible.cfg
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """The stdout callback of stufpack packages."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "stufpack"

    def __init__(self) -> None:
        super().__init__()
        self._changed: list[str] = []
        self._failures: list[str] = []
        self._lines: list[str] = []

    def _line(self, word: str, text: str, color: str | None = None) -> None:
        self._display.display(f"{time.strftime('%H:%M:%S')}  {word:<8} {text}", color=color)

    @staticmethod
    def _name(result: Any) -> str:
        return str(result.task.get_name().split(" : ", 1)[-1]).strip()

    def _message(self, result: Any) -> str:
        content: dict[str, Any] = result.result
        if "censored" in content:
            return "hidden, because a secret passes here"
        items = [item for item in content.get("results") or [] if isinstance(item, dict) and item.get("failed")]
        parts = [
            str(source[key]).strip()
            for source in (content, *items)
            for key in ("msg", "stderr", "stdout")
            if source.get(key)
        ]
        return "\n".join(dict.fromkeys(parts)) or "no message"

    def _where(self, result: Any) -> str:
        return f"{self._name(result)} [{result.host.get_name()}]"

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Names the play."""
        self._line("play", play.get_name().strip())

    def v2_runner_on_ok(self, result: Any) -> None:
        """Notes success, and whether anything changed."""
        content: dict[str, Any] = result.result
        if content.get("changed"):
            self._changed.append(self._name(result))
            self._line("changed", self._where(result), "yellow")
        else:
            self._line("ok", self._where(result), "green")
        if result.task.action in ("debug", "ansible.builtin.debug") and "msg" in content:
            for line in self._text(content["msg"]):
                self._lines.append(line)
                self._line("", line)
        for warning in content.get("warnings") or []:
            self._line("warning", str(warning), "purple")

    @staticmethod
    def _text(message: Any) -> list[str]:
        items = message if isinstance(message, list) else str(message).splitlines()
        return [str(item) for item in items]

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Notes a failure with its message."""
        message = self._message(result)
        if not ignore_errors:
            self._failures.append(f"{self._name(result)}: {message}")
        self._line("FAILED", self._where(result), "red")
        for line in message.splitlines():
            self._line("", line, "red")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Notes a host that does not answer."""
        message = self._message(result)
        self._failures.append(f"{self._name(result)}: {message}")
        self._line("LOST", f"{self._where(result)}: {message}", "red")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Shown with -v only: what was not needed is no news."""
        if self._display.verbosity:
            self._line("skipped", self._where(result))

    def v2_runner_retry(self, result: Any) -> None:
        """One line per attempt, so that waiting does not look like hanging."""
        content: dict[str, Any] = result.result
        self._line("waiting", f"{self._where(result)}, attempt {content.get('attempts', '?')}")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Prints the sums and leaves the result for the controller."""
        hosts = {host: self._counts(stats, host) for host in sorted(stats.processed)}
        for host, counts in hosts.items():
            self._line("sum", f"{host}: " + ", ".join(f"{number} {word}" for word, number in counts.items()))
        target = os.environ.get("STUFPACK_RESULT")
        if not target:
            return
        document = {
            "schema": 1,
            "hosts": hosts,
            "changed_tasks": self._changed,
            "failures": self._failures,
            "lines": self._lines,
            # The one kind of rescue there is puts back what was there before.
            "rolled_back": any(counts["rescued"] for counts in hosts.values()),
        }
        path = Path(target)
        temporary = path.with_name(path.name + ".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False, indent=2)
            file.write("\n")
        temporary.replace(path)

    @staticmethod
    def _counts(stats: Any, host: str) -> dict[str, int]:
        summary: dict[str, int] = stats.summarize(host)
        words = {"ok": "ok", "changed": "changed", "failed": "failures", "unreachable": "unreachable"}
        words |= {"skipped": "skipped", "rescued": "rescued"}
        return {word: summary[key] for word, key in words.items()}
