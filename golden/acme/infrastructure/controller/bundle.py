"""What a bundle for support holds, and how it is written; `support` says when one is made.

What is in it is made here of the package's own words (steps, states, verdicts), or was masked by `redaction`. Before
it is written, all of it is searched once more for every known secret and for the people of the package.
"""

import contextlib
import gzip
import hashlib
import io
import json
import platform
import re
import shutil
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bootstrap
import leak
import operation
import overview
import people
import redaction
import report
from journal import DAMAGED
from outcome import Exit, Stop
from package import CHECKS, PROVES, Package
from redaction import Said
from state import State, holder, is_locked, open_journal, replace

# Older ones of the same kind are taken away.
KEPT = 5
# What is taken of the logs, the newest first: of each its end, where it says why; and of all together.
_LINES, _BYTES, _ALL_BYTES = 200, 64 << 10, 256 << 10
# Phases that tell of files by their names: of what they print, the tasks and how they ended.
_NAMES_FILES = ("content", "export")
_OF_THEM = re.compile(rf"\w+-(?:{'|'.join(_NAMES_FILES)})-.*")
_TASK = re.compile(r"\d\d:\d\d:\d\d  (?:(?:play|sum) .*|(?:ok|changed|FAILED|LOST|waiting) +.*? \[[\w.-]+\])")
# Of the state folder: what is named by this controller and the package. What people place there is counted.
_OURS = ("packages", "inventory", "terraform")

_README = """A bundle for support, made by ./migrate on {made} (UTC).

  about.txt     the package, this machine, and what the bundle was made for
  status.json   where the migration stands; not there where the journal cannot be read
  journal.txt   the journal: line, time, run, step, state, and the line's SHA-256; who acted is left out
  state.txt     the files of the state folder: mode, size, name; of the secrets that they are there, never a value
  reports/      verdicts of each report, without what was seen
  logs/         the end of what the newest steps printed
  target/       what services and system said in the last hour; only where ./migrate support asked, and it answered

Words that do not stand in the package's own clear files, and that no tool says of itself, are numbers: ‹1›, the same
word the same number in all files. Names of users and files, addresses, codes and secrets are masked so, and what stands
where a user or a file is named, whatever it is. A name that is a word of the documents may stand elsewhere still.
Lines left out as a whole, since a known secret or a user of the package stood there: {left_out}. Of what {files}
print, the tasks and how they ended are here alone, since it names files.

Nobody but you has seen it. Read it before you send it; whoever helps may ask for more, which you then choose yourself.
"""


@dataclass(frozen=True)
class Why:
    """What a bundle is made for."""

    sums: str  # digest of SHA256SUMS
    typed: str
    stop: Stop | None = None  # the failure; none where somebody asked for a bundle
    answers: Mapping[str, str] = field(default_factory=dict)  # what the target has said, by name

    @property
    def kind(self) -> str:
        """Bundles of one kind take the place of older ones, and of no others."""
        return "asked" if self.stop is None else "failure"


def make(package: Package, state: State, why: Why) -> Path:
    """Writes a bundle, whole or not at all, and takes the oldest of its kind away; where it stands."""
    made = datetime.now(UTC)
    journal = _lines(state.here / "journal.jsonl")
    digests = {hashlib.sha256(line).hexdigest() for line in journal}
    digests |= {digest.rpartition(":")[2] for digest in (why.sums, package.plan_digest)}
    redactor = redaction.of_package(package.root, state.root, digests)
    redacted = {name: redactor.text(said, text) for name, said, text in _files(package, state, journal, why)}
    about = {"made": made.strftime("%Y-%m-%d %H:%M:%S"), "left_out": redactor.left_out}
    redacted["README.txt"] = _README.format_map(about | {"files": " and ".join(_NAMES_FILES)})
    files = {name: text.encode(errors="backslashreplace") for name, text in redacted.items()}
    found = [str(hit) for hit in leak.search_for(files, redactor.secrets)]
    found += [f"a person of the package in {place}" for place in people.search(files, redactor.people)]
    if found:
        raise Stop(
            Exit.ERROR, "support.leak", "a secret or a user stands where redaction did not find it (not shown)",
            "; ".join(found), "No bundle was written.", "report this as a defect of stufpack; ./migrate status",
        )  # fmt: skip
    folder = state.here / "support"
    folder.mkdir(mode=0o700, exist_ok=True)
    name = f"{package.installation}-{package.number}-{made.strftime('%Y%m%dT%H%M%S.%fZ')}-{why.kind}"
    place = folder / f"{name}.tar.gz"
    replace(place, _archive(name, files, int(made.timestamp())))
    _take_away(folder, why.kind, place)
    return place


def _take_away(folder: Path, kind: str, newest: Path) -> None:
    """Removes all but the newest of a kind; that one cannot be removed changes nothing."""
    with contextlib.suppress(OSError):
        others = [path for path in folder.glob(f"*-{kind}.tar.gz") if path != newest and path.is_file()]
        for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT - 1 :]:
            path.unlink()


def names(place: Path) -> list[str]:
    """The files of a bundle."""
    with tarfile.open(place) as bundle:
        return [name.partition("/")[2] for name in bundle.getnames()]


def _archive(folder: str, files: Mapping[str, bytes], made: int) -> bytes:
    """All files below one folder, which unpacking makes; README.txt comes first."""
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=packed, mtime=made) as outer, tarfile.open(fileobj=outer, mode="w") as bundle:
        for name in sorted(files, key=lambda one: (one != "README.txt", "/" in one, one)):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime, entry.mode = len(files[name]), made, 0o600
            bundle.addfile(entry, io.BytesIO(files[name]))
    return packed.getvalue()


def _files(package: Package, state: State, journal: list[bytes], why: Why) -> Iterator[tuple[str, Said, str]]:
    """Every file of the bundle but the README, not redacted yet, with who has said what stands in it."""
    yield "about.txt", Said.HERE, "".join(_about(package, state, why))
    standing = _standing(package, state)
    if standing is not None:
        yield "status.json", Said.HERE, standing
    yield "journal.txt", Said.HERE, "".join(map(_told, journal))
    yield "state.txt", Said.HERE, "".join(_listing(package, state.root))
    for phase in sorted(CHECKS | PROVES):
        newest = report.newest(state, phase)
        if newest is not None:
            yield f"reports/{phase}.json", Said.HERE, _verdicts(newest)
    for path, text in _logs(state):
        yield f"logs/{path.name}", Said.TOOLS, text
    yield from ((f"target/{name}", Said.SERVICES, text) for name, text in why.answers.items())


def _about(package: Package, state: State, why: Why) -> Iterator[str]:
    """Package, machine and failure, a line each."""
    disk = shutil.disk_usage(state.root)
    system = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    facts: dict[str, object] = {
        "package": f"{package.slug} {package.environment} {package.number}, {package.provider}, of {package.issuer}",
        "SHA256SUMS": why.sums, "plan": package.plan_digest, "expires": package.expires_at.isoformat(),
        "system": system.get("PRETTY_NAME", platform.system()), "kernel": platform.release(),
        "python": platform.python_version(),
        "tools": "installed" if bootstrap.is_ready(state, package.root) else "not installed",
        "free here": f"{disk.free >> 30} GiB of {disk.total >> 30} GiB",
        "runs now": holder(state) if is_locked(state) else "nothing", "typed": why.typed,
    }  # fmt: skip
    yield from (f"{name:<12} {value}\n" for name, value in facts.items())
    yield f"\nexit {int(why.stop.exit)}\n{why.stop.text()}\n" if why.stop else "\nmade because somebody asked for it\n"


def _standing(package: Package, state: State) -> str | None:
    """What the page of the status tells; None where the journal cannot be read."""
    try:
        journal = open_journal(state, package.plan_digest, repair=False, always=True)
    except Stop as unread:
        if unread.code != DAMAGED:
            raise
        return None
    return json.dumps(overview.document(package, state, journal, is_locked(state), None), indent=1) + "\n"


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True) if path.is_file() else []


def _told(line: bytes) -> str:
    """A line of the journal, readable or not, without who acted and without digests of evidence."""
    try:
        entry: dict[str, Any] = json.loads(line)
        told = [str(entry.get(key)) for key in ("n", "at", "run", "step", "state")]
        told += [str(item["path"]) for item in entry.get("evidence", ())]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        told = ["unreadable"]
    return f"{' '.join(told)} {hashlib.sha256(line).hexdigest()}\n"


def _listing(package: Package, root: Path) -> Iterator[str]:
    """Mode, size and name of what stands in the state folder; the tools are the same for all."""
    known = {f"secrets/{secret.name}" for secret in package.secrets} | set(package.gates) | {"HOLD", "PANIC", "lock"}
    others = 0
    # The tools are 17,000 files, so they are not even walked through.
    tops = (path for path in root.iterdir() if path.name != "venv")
    for path in sorted(path for top in tops for path in (top, *top.rglob("*"))):
        name = path.relative_to(root)
        if path.is_symlink() or not path.is_file():
            continue
        if name.parts[0] in _OURS or str(name) in known:
            about = path.stat()
            yield f"{stat.S_IMODE(about.st_mode):04o} {about.st_size:>9} {name}\n"
        else:
            others += 1
    yield f"others: {others}\n"


def _verdicts(path: Path) -> str:
    """A report without what was seen; of one that is not of its form that alone."""
    try:
        return json.dumps(operation.verdicts(path.read_bytes()), indent=1) + "\n"
    except (OSError, ValueError, RecursionError):
        return "unreadable\n"


def _logs(state: State) -> Iterator[tuple[Path, str]]:
    """The newest logs with their ends, as far as they fit."""
    logs = [path for path in (state.here / "logs").glob("*.log") if path.is_file() and not path.is_symlink()]
    left = _ALL_BYTES
    for path in sorted(logs, key=lambda path: path.stat().st_mtime, reverse=True):
        text = _end_of(path)
        left -= len(text)
        if left < 0:
            return
        yield path, text


def _end_of(path: Path) -> str:
    """The end of a log; where names of files may stand in it, its tasks and how they ended."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _BYTES))
        lines = file.read(_BYTES).decode(errors="replace").splitlines()
    if _OF_THEM.fullmatch(path.stem):
        lines = [found[0] for line in lines if (found := _TASK.match(line)) is not None]
    return "".join(f"{line}\n" for line in lines[-_LINES:])
