"""`status.html` in the state folder: where the migration stands, for a browser on a phone as well.

A run replaces it after each line of its journal and, while something moves, every few seconds; the page then loads
itself again. Whether it can be written changes nothing of what is done.
"""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import html_page
import overtaken
import overview
from console import count
from html_page import text
from journal import Journal
from outcome import Stop
from package import Package
from progress import Progress
from state import State, is_locked, open_journal, replace

NAME = "status.html"
# Seconds: until an open page looks again; between two pages of one step; the longest without one while a run goes on.
AGAIN = 10
BETWEEN = 3.0
ALIVE = 30.0
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:Z|\+00:00)")
# What a verdict is called among the classes of the look.
_WORDS = {"pass": "pass", "warn": "warn", "not_run": "not_run", "unverifiable": "unverifiable"}


@dataclass
class Page:
    """The page of one run, or of one verb."""

    package: Package
    state: State
    journal: Journal
    progress: Progress | None = None
    wanted: bool = True  # a check leaves nothing behind, and no page either
    _at: float = float("-inf")
    _told: object = None

    def write(self, *, at_work: bool) -> None:
        """Writes it as things stand now."""
        if not self.wanted:
            return
        self._at, self._told = time.monotonic(), self._figures()
        with contextlib.suppress(OSError, Stop):
            found = overview.document(self.package, self.state, self.journal, at_work, self.progress)
            replace(self.state.root / NAME, html(found))

    def keep(self) -> None:
        """Called again and again while a step runs: writes where that has moved, or where time has passed."""
        if self.progress is not None:
            self.progress.look()
        waited = time.monotonic() - self._at
        if waited >= ALIVE or (waited >= BETWEEN and self._figures() != self._told):
            self.write(at_work=True)

    def _figures(self) -> object:
        return None if self.progress is None else (self.progress.step, self.progress.figures)


def refresh(package: Package, state: State) -> Path | None:
    """Writes the page for a verb that takes no lock; a run that goes on does so itself. Where it lies, if anywhere."""
    path = state.root / NAME
    with contextlib.suppress(OSError, Stop):
        if not is_locked(state):
            Page(package, state, open_journal(state, package.plan_digest, repair=False)).write(at_work=False)
    return path if path.is_file() else None


def html(found: dict[str, Any]) -> str:
    """The page of an overview."""
    running, share = found["running"], f"{found['percent']} %"
    name = f"{found['slug']} {found['environment']}"
    parts = [
        f"<h1>{text(name)}: {text(share)}</h1>\n",
        f'<progress max="100" value="{found["percent"]}" aria-label="Share of what this package runs, by planned time">'
        f"{text(share)}</progress>\n",
        html_page.facts(_now(found)),
    ]
    if found["trouble"]:
        parts.append(_trouble(found["trouble"]))
    if found["waits"]:
        rows = [(text(one["what"]), text(one["whom"]), _code(one["command"])) for one in found["waits"]]
        parts.append("<h2>What waits, and for whom</h2>\n" + html_page.table(("What", "For whom", "Command"), rows))
    rows = [(text(phase["title"]), text(phase["standing"]), _time(phase["at"])) for phase in found["phases"]]
    parts.append("<h2>Phases</h2>\n" + html_page.table(("Phase", "Standing", "Last line"), rows))
    parts.append("<h2>About</h2>\n" + html_page.facts(_about(found)))
    return html_page.page(f"{name}: {share}", "".join(parts), again=AGAIN if running else None)


def _now(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a look at the phone is for."""
    running = found["running"]
    if running:
        step = f"{text(running['step'])}, since {_time(running['since'])}" if running["step"] else "between two steps"
        told = f"\n{text(running['told'])}" if running["told"] else ""
        yield "Now", f'<span class="warn">{text(running["phase"])}</span>\n{step}{told}'
    else:
        yield "Now", "nothing runs"
        yield "Next", _code(found["next"])
    if found["left"]:
        yield "Left, as planned", text(found["left"])
    again = f"; while a run goes on, again after {ALIVE:.0f} seconds at the latest" if running else ""
    yield "Written", _time(found["written"]) + again


def _trouble(trouble: dict[str, Any]) -> str:
    rows = [(text(one["step"]), _how(one), _last(one)) for one in trouble["steps"]]
    heads = ("What", "How it ended", "When, and the log")
    # What a refusal asked for may be done since; what comes next now stands at the top.
    head = "Next: read the log, then" if trouble["repeat"] else "It said what to do:"
    following = f"<p>{head} {_code(trouble['next'])}</p>\n" if trouble["next"] else ""
    return f"<h2>What stopped {text(trouble['phase'])}</h2>\n{html_page.table(heads, rows)}{following}"


def _how(one: dict[str, Any]) -> str:
    how, why = f'<span class="fail">{text(one["how"])}</span>', one["why"]
    if why is None:
        return how
    what = why["what"] or "what it said names a person or a secret, so it stands in the terminal alone"
    return f"{how}\n{_code(why['code'])} {text(what)}"


def _last(one: dict[str, Any]) -> str:
    log = f"\n{text(one['log'])}" if one["log"] else ""
    return _time(one["at"]) + log


def _about(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Package", text(found["number"])
    if found["begun"]:
        yield "Begun", _time(found["begun"])
    expires = _time(found["expires"])
    late = f'<span class="fail">expired on {expires}</span>: nothing that changes begins'
    yield "Validity", late if found["expired"] else f"to be begun before {expires}"
    for one in found["reports"]:
        word = _WORDS.get(one["verdict"], "fail") if one["overtaken"] is None else "not_run"
        path = text(one["path"])
        since = f"; {text(overtaken.in_words(one['overtaken']))}" if one["overtaken"] else ""
        yield f"Report of {one['phase']}", f'<a class="{word}" href="{path}">{text(one["verdict"])}</a>{since}'
    if found["made"]:
        yield "Made by provision", text(found["made"])
    if found["absent"]:
        yield "Not in this package", text(", ".join(found["absent"]))
    if found["unrecorded"]:
        runs = count(found["unrecorded"], "run")
        yield "Not in a glass", f"{runs}; {_code('./migrate status')} prints the commands that record them"


def _code(command: str | None) -> str:
    return f"<code>{text(command)}</code>" if command else ""


def _time(moment: str | None) -> str:
    """A moment of the journal, which says UTC; whatever else stands there is shown as it is."""
    found = _TIME.fullmatch(moment or "")
    return f"{found[1]} {found[2]} UTC" if found else text(moment or "")
