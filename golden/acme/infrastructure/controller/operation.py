"""The operation folder: what one run or sign-off was, in a form that a glass takes, and the text that records it.

Nothing secret and nothing personal stands there in clear, first by construction: clear is only what is made here of
words that the package's own code uses (steps, tasks, verdicts, image digests), the journal, which holds nothing else,
and who acted. Whatever a playbook printed or left as evidence is listed in `personal`; recording encrypts that. Then
all of it is searched for every known secret, and what is clear for the people of the package; where one is found,
nothing is written but that it was found.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import leak
import people
import signoff
from console import Console, count
from gates import Approval, me
from journal import Journal, Line
from outcome import Stop
from package import Package, Phase
from state import State, replace

# What these leave is asked again each time; of `verify` the verdict is kept, since people decide by it.
NOT_RECORDED = frozenset({"preflight", "status", "export"})
_EVENTS = {
    "import": "configuration",
    "invite": "access",
    "cutover": "cutover",
    "rollback": "rollback",
    "abort": "rollback",
}
_PLACES = {"configuration": "audit/config-changes", "access": "audit/access-logs"}
# Larger evidence stays in the state folder; the journal has its digest.
LARGEST = 32 << 20
# What ran before a deployment, and what runs after it.
_IMAGES = ("images-before.json", "images.json")
_RECORD = "infrastructure/controller/record.sh"
# Files that say who did, approved or signed something.
_WHO_ACTED = frozenset({
    "operation.json", "journal.jsonl", "approval.json", "sign-off.json", f"reports/{signoff.STEP}.json",
})  # fmt: skip
_PERSON = "a person of the package stands in"

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._/-]{0,119}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._:/-]{0,200}@sha256:[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# The journal's words after which a run goes no further with that step; a run that checks goes on with the next.
_ENDS = frozenset({"finished", "failed", "lost", "paused", "undo_failed", "rolled_back", "refused"})
_VERDICTS = frozenset({"pass", "warn", "fail", "unverifiable", "not_run"})


@dataclass(frozen=True)
class Ran:
    """One run of a phase, as the controller knows it when it has ended."""

    phase: Phase
    number: int
    sums: str  # digest of SHA256SUMS
    steps: Sequence[Mapping[str, Any]]  # as in the document of `--json`
    approval: Approval | None


def folder(state: State, run: int, phase: str) -> Path:
    """Where the operation folder of a run stands."""
    return state.here / "operations" / f"{run}-{phase}"


def due(journal: Journal) -> list[tuple[int, str]]:
    """Runs that have begun a step of a phase that is recorded, and sign-offs, in order."""
    found = {}
    for line in journal.lines:
        if line.plan == journal.plan and line.step == signoff.STEP and line.state != "refused":
            found[line.run, signoff.STEP] = True
    begun = ((line.run, line.phase) for line in journal.steps() if line.state == "started")
    found |= {(run, phase): True for run, phase in begun if phase not in NOT_RECORDED}
    return sorted(found)


def write(package: Package, state: State, journal: Journal, ran: Ran) -> tuple[Path | None, list[leak.Hit]]:
    """Writes the folder of a run, whole or not at all; the secrets that were found instead, if any."""
    files, personal = _files(state, journal, ran)
    lines = [line for line in journal.steps() if line.run == ran.number]
    report = files.get(f"reports/{ran.phase.id}.json")
    about = {
        "event": _EVENTS.get(ran.phase.id, "deployment"), "phase": ran.phase.id, "run": ran.number,
        "result": result(lines), **_times(lines),
        "validation": json.loads(report)["verdict"] if report else "not_run",
    }  # fmt: skip
    approved_by = ran.approval.by if ran.approval else ""
    return _write(package, state, journal, ran.sums, about, approved_by, files, personal)


def write_sign_off(
    package: Package, state: State, journal: Journal, sums: str, run: int
) -> tuple[Path | None, list[leak.Hit]]:
    """Writes the folder of a sign-off: who signed what with which answers; what they wrote beside is personal."""
    answers, filled = signoff.kept(state, run)
    document = json.loads(answers.read_bytes())
    standing = [{"id": one["by"], "verdict": one["verdict"]} for one in signoff.standing(package, state, journal)]
    files = {
        "journal.jsonl": journal.path.read_bytes(), "sign-off.json": answers.read_bytes(),
        f"reports/{signoff.STEP}.json": _json({"v": 1, "phase": signoff.STEP, "checks": standing}),
        "evidence/sign-off.md": filled.read_bytes(),
    }  # fmt: skip
    about = {
        "event": "deployment", "phase": signoff.STEP, "run": run,
        **_times([line for line in journal.lines if line.run == run]), "validation": document["verdict"],
    }  # fmt: skip
    approved_by = document["by"] if document["verdict"] == "pass" else ""
    return _write(package, state, journal, sums, about, approved_by, files, {"evidence/sign-off.md"})


def leave(console: Console, write: Callable[[], tuple[Path | None, list[leak.Hit]]]) -> None:
    """Writes a folder and tells of it; that none could be written changes nothing of what was done."""
    try:
        place, secrets = write()
    except (OSError, ValueError, Stop) as error:
        why = error.what if isinstance(error, Stop) else error
        console.say(f"not recorded: the operation folder could not be written: {why}")
        return
    if place is None:
        console.say(
            "not recorded: a secret stands where it must not (not shown); treat it as disclosed, and replace it"
        )
        for hit in secrets:
            console.say(f"    {hit}")
        return
    console.document["operation"] = str(place)
    earlier = [before.name for before in _waiting(place.parent) if _run(before) < _run(place)]
    first = f"A glass takes runs in their order: first {', '.join(earlier)} (./migrate status prints how). Then one of:"
    console.say(f"operation: {place}\nnot recorded yet; GLASS is yours. {first if earlier else 'One of:'}")
    for command in commands(place):
        console.say(f"    {command}")


def _write(
    package: Package,
    state: State,
    journal: Journal,
    sums: str,
    about: dict[str, Any],
    approved_by: str,
    files: dict[str, bytes],
    personal: set[str],
) -> tuple[Path | None, list[leak.Hit]]:
    place = folder(state, about["run"], about["phase"])
    about = _about(package, journal, sums, about, approved_by, files) | {"personal": sorted(personal)}
    files["operation.json"] = _json(about)
    refusal = place.with_name(f"{place.name}.refused")
    place.parent.mkdir(mode=0o700, exist_ok=True)
    hits = leak.search(files, leak.known(state.root))
    if hits:
        replace(refusal, "".join(f"{hit}\n" for hit in hits))
        return None, hits
    # Who acted is named in clear on purpose; whatever else is clear was made of the package's own words.
    clear = {name: content for name, content in files.items() if name not in personal and name not in _WHO_ACTED}
    named = people.search(clear, people.known(package.root))
    if named:
        replace(refusal, "".join(f"{_PERSON} {where}\n" for where in named))
        raise ValueError(f"{_PERSON} {', '.join(named)}, which is not encrypted (not shown)")
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    for name, content in files.items():
        path = draft / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(content)
    replace(place.with_name(f"{place.name}.sh"), _shell(package, journal, about, files))
    draft.replace(place)
    return place, []


def commands(place: Path) -> list[str]:
    """How people record a folder: by stufpack, or by stock tools alone."""
    path = shlex.quote(str(place))
    return [
        f"stufpack glass record GLASS {path} --sign-key KEY --signers SIGNERS",
        f"sh {shlex.quote(f'{place}.sh')} GLASS KEY SIGNERS",
    ]


@dataclass(frozen=True)
class Standing:
    """What is known of the records of this package's runs."""

    recorded: list[Path]
    waiting: list[Path]  # folders that nobody has recorded from here
    without: dict[str, str]  # why a run has no folder, by the folder's name


def standing(state: State, journal: Journal) -> Standing:
    """Looks at the runs that the journal tells of; a record is known by the note that recording leaves."""
    found = Standing([], [], {})
    waiting = _waiting(state.here / "operations")
    if journal.began_anew:  # folders of runs that the damaged one told of have its lines
        found.waiting.extend(place for place in waiting if _run(place) < journal.lines[0].run)
    for run, phase in due(journal):
        place = folder(state, run, phase)
        if place in waiting:
            found.waiting.append(place)
            continue
        if _is_recorded(place):
            found.recorded.append(place)
            continue
        if place.is_dir():
            found.without[place.name] = "a later run is recorded, so a glass has its lines of the journal and no more"
            continue
        refusal = place.with_name(f"{place.name}.refused")
        why = _refused(refusal) if refusal.exists() else _without(journal, run)
        found.without[place.name] = f"no operation folder, since {why}"
    return found


def _refused(refusal: Path) -> str:
    """Why a run has no folder, by the note of what was found in it."""
    found = refusal.read_text(encoding="utf-8")
    return "a person was named in it in clear" if found.startswith(_PERSON) else "a secret was found in it"


def _without(journal: Journal, run: int) -> str:
    """Why a run has no folder, as far as its lines in the journal tell."""
    lines = [line for line in journal.lines if line.plan == journal.plan and line.run == run]
    ended = lines[-1].step == signoff.STEP or any(line.state in _ENDS for line in lines)
    if ended and lines[-1].state != "started":
        return "it was taken away, or could not be written"
    return "the run has not come to its end"


def _waiting(operations: Path) -> list[Path]:
    """Folders that may still be recorded, in the order of their runs: those after the last that was."""
    places = sorted((place for place in operations.glob("[0-9]*") if place.is_dir()), key=_run)
    last = max((_run(place) for place in places if _is_recorded(place)), default=0)
    return [place for place in places if _run(place) > last]


def _is_recorded(place: Path) -> bool:
    """Whether the note that recording leaves names a commit; an empty one, of a full disk, proves nothing."""
    note = place.with_name(f"{place.name}.recorded")
    try:
        return note.is_file() and _COMMIT.fullmatch(note.read_text(encoding="ascii").strip()) is not None
    except (OSError, ValueError):
        return False


def _run(place: Path) -> int:
    return int(place.name.partition("-")[0])


def _files(state: State, journal: Journal, ran: Ran) -> tuple[dict[str, bytes], set[str]]:
    """Content by name, and the names of those that may hold personal data."""
    clear = {"journal.jsonl": journal.path.read_bytes(), "logs/steps.log": _steps(ran).encode()}
    if ran.approval is not None:
        clear["approval.json"] = _json(_approval(state, ran.approval))
    sealed: dict[str, bytes] = {}
    reports = state.here / "reports" / str(ran.number)
    for name, path in _evidence(state, reports, ran.number):
        content = path.read_bytes()
        if path.parent == reports and path.name in _IMAGES:
            clear[path.name] = _json(_images(content))
            continue
        if path == reports / f"{ran.phase.id}.json":
            clear[f"reports/{ran.phase.id}.json"] = _json(verdicts(content))
        sealed[f"evidence/{name}"] = content
    return clear | sealed, set(sealed)


def _evidence(state: State, reports: Path, run: int) -> Iterator[tuple[str, Path]]:
    """What playbooks printed and left, under plain names."""
    found = [(f"logs/{path.name}", path) for path in sorted((state.here / "logs").glob(f"{run}-*.log"))]
    found += [(f"reports/{path.relative_to(reports)}", path) for path in sorted(reports.rglob("*"))]
    for number, (name, path) in enumerate(found, start=1):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
            plain = _PLAIN.fullmatch(name) and not any(part.startswith(".") for part in Path(name).parts)
            yield name if plain else f"unnamed/{number}", path


def _about(
    package: Package,
    journal: Journal,
    sums: str,
    about: dict[str, Any],
    approved_by: str,
    files: Mapping[str, bytes],
) -> dict[str, Any]:
    """What is said of it, with what is the same for every operation."""
    package_of = {"number": package.number, "sha256": sums, "plan": package.plan_digest}
    about = {"schema": 1, "slug": package.slug, "package": package_of} | about
    for key, text in (("requested_by", me()), ("approved_by", approved_by)):
        if signoff.is_name(text):
            about[key] = text
    journal_bytes = files["journal.jsonl"]
    last = journal_bytes.splitlines(keepends=True)[-1]
    return about | {"journal": {"lines": len(journal.lines), "sha256": hashlib.sha256(last).hexdigest()}}


def _times(lines: Sequence[Line]) -> dict[str, str]:
    """When a run began and ended, by its lines in the journal; the clock may have stepped back meanwhile."""
    return {"started": min(lines[0].at, lines[-1].at), "ended": lines[-1].at}


def result(lines: Sequence[Line]) -> str:
    """How a run ended, by its last line in the journal."""
    last = lines[-1].state if lines else "paused"
    known = {"finished": "finished", "rolled_back": "rolled_back", "failed": "failed", "undo_failed": "failed"}
    return known.get(last, "paused")


def _steps(ran: Ran) -> str:
    """A log of the package's own words: steps, how they ended, and which tasks changed something."""
    lines = [f"{ran.phase.id}, run {ran.number}"]
    for step in ran.steps:
        if step.get("earlier"):
            lines.append(f"{step['id']:<32} done earlier")
            continue
        lines.append(f"{step['id']:<32} {step['state']:<8} {count(step['changed'], 'change'):<10} {step['seconds']} s")
        lines += [f"    changed  {task}" for task in step["changed_tasks"]]
        lines += [f"    failed   {failure.partition(': ')[0]}" for failure in step["failures"]]
    return "\n".join(lines) + "\n"


def _approval(state: State, approval: Approval) -> dict[str, Any]:
    """What was approved by whom: on which report, and which was the newest when the gate opened."""

    def named(report: Path | None) -> dict[str, str] | None:
        if report is None:
            return None
        digest = hashlib.sha256(report.read_bytes()).hexdigest()
        return {"path": str(report.relative_to(state.here)), "sha256": digest}

    return {
        "gate": approval.gate, "digest": approval.digest, "by": approval.by, "strategy": approval.strategy or None,
        "accepts": list(approval.accepts), "report": named(approval.report), "newest": named(approval.newest),
    }  # fmt: skip


def verdicts(content: bytes) -> dict[str, Any]:
    """The verdicts of a report, without what was seen: that may name a user or a file."""
    report = json.loads(content)
    if not isinstance(report, dict) or not all(isinstance(check, dict) for check in report.get("checks", [])):
        raise ValueError("the report is not of its form")

    def word(value: object, form: re.Pattern[str]) -> str | None:
        return value if isinstance(value, str) and form.fullmatch(value) else None

    def verdict(value: object) -> str:
        return value if isinstance(value, str) and value in _VERDICTS else "not_run"

    checks = [
        {"id": word(check.get("id"), _PLAIN), "verdict": verdict(check.get("verdict")),
         "ran_at": word(check.get("ran_at"), _TIME)}
        for check in report.get("checks", [])
    ]  # fmt: skip
    return {
        "v": 1, "phase": word(report.get("phase"), _PLAIN), "verdict": verdict(report.get("verdict")),
        "started": word(report.get("started"), _TIME), "ended": word(report.get("ended"), _TIME), "checks": checks,
    }  # fmt: skip


def _images(content: bytes) -> dict[str, str]:
    """Services and the images that they really run; anything else in the file is left out."""
    images = json.loads(content)
    if not isinstance(images, dict):
        raise ValueError("what is left of images is not of its form")
    return {
        name: image for name, image in sorted(images.items())
        if _PLAIN.fullmatch(name) and isinstance(image, str) and _IMAGE.fullmatch(image)
    }  # fmt: skip


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _shell(package: Package, journal: Journal, about: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    """The operation's values as shell words, then the commands, which are the same for all."""
    of = about["package"]
    values = {
        "event": about["event"],
        "place": _PLACES.get(about["event"], "audit/deployment-history"),
        "slug": about["slug"],
        "package": str(of["number"]),
        "sha256": of["sha256"].removeprefix("sha256:"),
        "plan": of["plan"].removeprefix("sha256:"),
        "started": str(int(datetime.fromisoformat(about["started"]).timestamp())),
        "ended": str(int(datetime.fromisoformat(about["ended"]).timestamp())),
        "validation": about["validation"],
        "requested_by": about.get("requested_by", "none"),
        "approved_by": about.get("approved_by", "none"),
        "personal": "\n".join(about["personal"]),
        "earlier": " ".join(f"{run}-{phase}" for run, phase in due(journal) if run < about["run"]),
        "sums": "\n".join(f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in sorted(files.items())),
    }
    head = f"#!/bin/sh\n# Records {about['phase']}, run {about['run']} of package {of['number']}, in a glass.\n"
    words = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    return head + words + (package.root / _RECORD).read_text(encoding="utf-8")
