"""Prints a log that reads well at night, and lets the controller say when a step begins and learn how it ended."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections import Counter
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: stufpack
type: stdout
short_description: night log, and the controller's word before each step
description:
  - One line per task and host, with the time. Values are shown only where a task failed, never where C(no_log) is set.
  - The steps are the tags given to C(--tags). Before the first task of each, the controller is asked at the socket
    whose descriptor E(STUFPACK_CONTROLLER) names, and nothing of the step happens until it has agreed. What a step
    did is told there when it has ended. Without the variable there is the log alone.
requirements:
  - set as stdout callback in ansible.cfg
"""

# A copy of the journal, made between two steps and of no account in either.
BETWEEN = "keep-journal"
# Taking the lease, ahead of all steps: it proves nothing of the first one, but where it fails that one has failed.
AHEAD = "hold-lease"
# With one of these, of the play's own and of no role, a rescue says that it has put everything back.
PUT_BACK = frozenset({"fail", "ansible.builtin.fail"})


class Controller:
    """The other end: told of each step's end, and asked before each begins."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(fileno=descriptor)
        self._answers = self._socket.makefile("r", encoding="utf-8")

    def tell(self, **message: Any) -> None:
        """Sends one line."""
        self._socket.sendall(json.dumps(message, ensure_ascii=False).encode() + b"\n")

    def ask(self, step: str) -> None:
        """Waits until the step may begin, and writes on in its log; raises where it may not."""
        self.tell(begins=step)
        log = json.loads(self._answers.readline() or "{}").get("log")
        if log is None:
            raise ConnectionError("the controller said no, or is gone")
        _write_to(log)


def _write_to(log: str) -> None:
    """From here on this program and what it starts write to another file."""
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """The stdout callback of stufpack packages."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "stufpack"

    def __init__(self) -> None:
        super().__init__()
        self._steps = frozenset(context.CLIARGS.get("tags") or ())
        descriptor = os.environ.get("STUFPACK_CONTROLLER")
        self._controller = Controller(int(descriptor)) if descriptor else None
        self._step: str | None = None
        self._counted = False  # whether the running task belongs to a step
        self._ahead = False  # whether it runs ahead of all steps
        self._forget()

    def _forget(self) -> None:
        self._hosts: dict[str, Counter[str]] = {}
        self._changed: list[str] = []
        self._failures: list[str] = []
        self._lines: list[str] = []
        self._said: int | None = None
        self._next: str | None = None
        self._failed_ahead = False
        self._put_back = False  # whether the last failure was a rescue's own word that it came to its end

    def _count(self, result: Any, *words: str) -> None:
        if self._counted or (self._ahead and "ok" not in words):
            self._hosts.setdefault(result.host.get_name(), Counter()).update(words)

    def _line(self, word: str, text: str, color: str | None = None) -> None:
        self._display.display(f"{time.strftime('%H:%M:%S')}  {word:<8} {text}", color=color)
        sys.stdout.flush()

    @staticmethod
    def _name(result: Any) -> str:
        return str(result.task.get_name().split(" : ", 1)[-1]).strip()

    def _message(self, result: Any) -> str:
        content: dict[str, Any] = result.result
        if "censored" in content:
            return "hidden, because a secret passes here"
        results = [item for item in content.get("results") or [] if isinstance(item, dict)]
        items = [item for item in results if item.get("failed") or item.get("unreachable")]
        parts = [
            str(source[key]).strip()
            # Of a loop Ansible itself only says that it came to an end.
            for source in (items or [content])
            for key in ("msg", "stderr", "stdout")
            if source.get(key)
        ]
        return "\n".join(dict.fromkeys(parts)) or "no message"

    def _where(self, result: Any) -> str:
        return f"{self._name(result)} [{result.host.get_name()}]"

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Names the play."""
        self._line("play", play.get_name().strip())

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Turns to the task's step, if it is another one; Ansible waits here until the controller agrees."""
        step = next((tag for tag in task.tags if tag in self._steps), None)
        if step is not None and BETWEEN in task.tags:
            step = BETWEEN
        # Roles check their arguments whatever tags are asked for: such a task is of no step and proves nothing.
        self._counted = step is not None
        self._ahead = AHEAD in task.tags
        if step is None or step == self._step or self._controller is None:
            return
        try:
            if self._step is not None:
                self._end()
            self._controller.ask(step)
        except Exception as error:
            # The one way to end Ansible here: after any other exception of a callback plugin it goes on.
            raise KeyboardInterrupt(f"{step} was not begun: {error}") from error
        self._step = step

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """A handler belongs to the step that runs."""
        self._counted = True

    def _end(self) -> None:
        """Tells how a step ended after which the play goes on, so that whatever failed in it was rescued."""
        for counts in self._hosts.values():
            counts["rescued"] = counts.pop("failed", 0)
        self._tell(final=False)

    def _tell(self, final: bool) -> None:
        if self._controller is None:
            return
        rescued = any(counts["rescued"] for counts in self._hosts.values())
        # Ansible counts a failure as rescued when the rescue begins, whatever then becomes of that.
        lost = any(counts["unreachable"] for counts in self._hosts.values())
        failed = any(counts["failed"] for counts in self._hosts.values())
        whole = not lost and (self._put_back or not failed)
        self._controller.tell(
            ends=self._step,
            final=final,
            result={
                "hosts": self._hosts,
                "changed_tasks": self._changed,
                "failures": self._failures,
                "lines": self._lines,
                # What ran on the target says by its exit status whether it paused or refused, and may know what helps.
                "said": self._said,
                "next": self._next,
                "ahead": self._failed_ahead,
                # The one kind of rescue there is puts back what was there before; it may fail, or lose the target.
                "rolled_back": rescued and whole,
                "undo_failed": rescued and not whole,
            },
        )
        self._forget()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Notes success, and whether anything changed."""
        content: dict[str, Any] = result.result
        if content.get("changed"):
            self._count(result, "ok", "changed")
            self._changed.append(self._name(result))
            self._line("changed", self._where(result), "yellow")
        else:
            self._count(result, "ok")
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
        self._count(result, "ignored" if ignore_errors else "failed")
        # A copy of the journal fails for itself alone, and says why.
        if not ignore_errors or self._step == BETWEEN:
            self._failures.append(f"{self._name(result)}: {message}")
            self._failed_ahead = self._ahead
            self._said = result.result.get("stufpack_exit")
            self._next = result.result.get("stufpack_next")
            self._put_back = result.task.action in PUT_BACK and result.task._role is None
        self._line("FAILED", self._where(result), "red")
        for line in message.splitlines():
            self._line("", line, "red")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Notes a host that does not answer."""
        message = self._message(result)
        self._count(result, "ignored" if result.task.ignore_unreachable else "unreachable")
        if not result.task.ignore_unreachable:
            self._failures.append(f"{self._name(result)}: {message}")
        self._line("LOST", f"{self._where(result)}: {message}", "red")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Shown with -v only: what was not needed is no news."""
        self._count(result, "skipped")
        if self._display.verbosity:
            self._line("skipped", self._where(result))

    def v2_runner_retry(self, result: Any) -> None:
        """One line per attempt, so that waiting does not look like hanging."""
        content: dict[str, Any] = result.result
        self._line("waiting", f"{self._where(result)}, attempt {content.get('attempts', '?')}")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Prints the sums, and tells how the last step ended: Ansible alone knows what of it was rescued."""
        for host in sorted(stats.processed):
            counts = self._counts(stats, host)
            self._line("sum", f"{host}: " + ", ".join(f"{number} {word}" for word, number in counts.items()))
            if host in self._hosts:
                # Whatever failed in this call failed in the last step: a failure ends the play.
                for word in ("failed", "unreachable", "rescued"):
                    self._hosts[host][word] = counts[word]
        self._tell(final=True)

    @staticmethod
    def _counts(stats: Any, host: str) -> dict[str, int]:
        summary: dict[str, int] = stats.summarize(host)
        words = {"ok": "ok", "changed": "changed", "failed": "failures", "unreachable": "unreachable"}
        words |= {"skipped": "skipped", "rescued": "rescued"}
        return {word: summary[key] for word, key in words.items()}
