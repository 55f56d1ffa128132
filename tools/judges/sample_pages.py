"""Makes pages as people get them, from packages of the examples, a glass that recorded them, and a run of one of them.

usage: sample_pages.py STUFPACK FOLDER

`examples/harbour` is compiled twice, before and after changes of every consequence; the glass has a history that holds
and a copy in which somebody committed without a signature. The run is the package's own `./migrate`, with the stand-in
for Ansible that the controller's tests have: its page is kept as it is while a step runs, and after one has failed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/controller"))

from fixture import Story  # noqa: E402

HARBOUR, MINIMAL = ROOT / "examples/harbour", ROOT / "examples/minimal"
#: The moment of the first commit, within the lifetime of the examples' packages; each later one comes a minute after.
FIRST = 1_795_176_000
AT = "2026-11-20T13:00:00Z"
SLUG, STATE = "harbour", "harbour-production"
#: A change for each consequence that `diff` tells: how it looks, how it works, who reaches it, what is there, who may.
EXPORT = (
    ('primary: "#0b5fff"', 'primary: "#0b5f0f"'),
    (r'channel: "harbour/uploads #1 \"live\""', "channel: alarms"),
    ("    objects: 384\n    bytes: 525461057\n", "    objects: 383\n    bytes: 525460697\n"),
    ('phone: "+49301000037"', 'phone: "+49301000038"'),
)
TARGET = (("ssh: [198.51.100.0/24,", "ssh: [198.18.0.0/15, 198.51.100.0/24,"),)


class Desk:
    """A folder with a key, whose packages are known."""

    def __init__(self, stufpack: Path, folder: Path) -> None:
        self.program, self.folder, self.moment = stufpack, folder, FIRST
        self.key, self.signers, self.glass = folder / "key", folder / "signers", folder / "stuf-harbour"
        self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "issuer/judge", "-f", self.key)
        public = " ".join(self.key.with_suffix(".pub").read_text().split()[:2])
        self.signers.write_text(f'issuer/judge namespaces="git,stufpack" {public}\n')

    def run(self, *command: object, code: int = 0) -> str:
        """Runs a command, which must end with this code; what it prints."""
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(self.moment)}
        done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True)
        if done.returncode != code:
            raise SystemExit(f"{command} ended with {done.returncode}, not with {code}\n{done.stdout}{done.stderr}")
        return done.stdout

    def stufpack(self, *words: object, code: int = 0) -> str:
        """Runs the program."""
        return self.run(self.program, *words, code=code)

    def compile(self, name: str, export: Path, target: Path, *more: object) -> Path:
        """Makes a package."""
        out = self.folder / name
        self.stufpack("compile", export, "--target", target, "--out", out, "--sign-key", self.key, *more)
        (package,) = out.glob("*.zip")
        return package

    def looking(self, command: str, *words: object, code: int = 0) -> str:
        """A page about packages, which are verified."""
        trusting = ("--signers", self.signers, "--at", AT, "--format", "html")
        return self.stufpack(command, *words, *trusting, code=code)


def written(moment: int) -> str:
    """A moment as exports and operations have it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    """A text with changes; one that has no place any more, or several, is a mistake."""
    for old, new in changes:
        if text.count(old) != 1:
            raise SystemExit(f"{old!r} stands in the example {text.count(old)} times, and has to stand there once")
        text = text.replace(old, new)
    return text


def another(desk: Desk) -> tuple[Path, Path]:
    """Export and target of harbour after the changes."""
    export, target = desk.folder / "export", desk.folder / "target.yaml"
    shutil.copytree(HARBOUR / "export", export)
    document = export / "export.yaml"
    document.write_text(changed(document.read_text(), EXPORT))
    # The first object is gone.
    head, gone, rest = (export / "inventory.csv").read_text().split("\n", 2)
    if ",360," not in gone:
        raise SystemExit(f"the first object of the example has other bytes than the change above counts: {gone}")
    (export / "inventory.csv").write_text(f"{head}\n{rest}")
    target.write_text(changed((HARBOUR / "target.yaml").read_text(), TARGET))
    return export, target


def of_packages(desk: Desk, out: Path) -> None:
    """What a package is, and what two packages or exports do not both say."""
    export, target = another(desk)
    old = desk.compile("old", HARBOUR / "export", HARBOUR / "target.yaml")
    new = desk.compile("new", export, target, "--previous", old, "--signers", desk.signers)
    small = desk.compile("small", MINIMAL / "export", MINIMAL / "target.yaml")
    page = ("--format", "html")
    for name, text in {
        "inspect": desk.looking("inspect", old),
        "inspect-minimal": desk.looking("inspect", small),
        "diff-packages": desk.looking("diff", old, new, code=6),
        "diff-exports": desk.stufpack("diff", HARBOUR / "export", export, *page, code=6),
        "diff-migrated": desk.stufpack(
            "diff", HARBOUR / "export", export, "--target", HARBOUR / "target.yaml", *page, code=6
        ),
    }.items():
        (out / f"{name}.html").write_text(text)


def of_a_glass(desk: Desk, out: Path) -> None:
    """The history of two packages and something between them; and one that nobody should believe."""

    def record(*words: object) -> None:
        desk.moment += 60
        desk.stufpack(*words, "--sign-key", desk.key, "--signers", desk.signers)

    desk.stufpack("glass", "init", desk.glass, "--sign-key", desk.key, "--signers", desk.signers)
    root = desk.run("git", "-C", desk.glass, "rev-parse", "HEAD").strip()
    pinned = ("--signers", desk.signers, "--pin", root, "--at", AT, "--format", "html")

    desk.moment += 60
    into = ("--glass", desk.glass, "--signers", desk.signers, "--requested-by", "Ada <Harbour>", "--ticket", "OPS-7")
    desk.compile("first", HARBOUR / "export", HARBOUR / "target.yaml", *into)
    operation = desk.folder / "operation"
    operation.mkdir()
    peer = (ROOT / "tools/peers/operation.json").read_text().replace("minimal", SLUG)
    (operation / "operation.json").write_text(peer.replace("2026-11-20T00:00:00Z", written(desk.moment)))
    (operation / "report.md").write_text("# What was done\n")
    record("glass", "record", desk.glass, operation)
    desk.moment += 60
    desk.compile("second", desk.folder / "export", desk.folder / "target.yaml", *into)

    desk.stufpack("glass", "log", desk.glass, "--out", out / "site", *pinned)
    (out / "glass-diff.html").write_text(desk.stufpack("glass", "diff", desk.glass, 1, 3, *pinned))

    forged = desk.folder / "forged"
    desk.run("git", "clone", "--quiet", desk.glass, forged)
    unsigned = ("-c", "user.name=eve", "-c", "user.email=eve@example.org", "-c", "commit.gpgSign=false")
    desk.run("git", "-C", forged, *unsigned, "commit", "--quiet", "--allow-empty", "--message", "Believe me")
    desk.stufpack("glass", "log", forged, "--out", out / "forged", *pinned, code=4)


def of_a_run(desk: Desk, out: Path) -> None:
    """The page that `./migrate` keeps, while a step runs and after one has failed, and the report of that phase."""
    # Whoever runs a package late is refused, so this one is of an export of today.
    export = desk.folder / "today"
    shutil.copytree(HARBOUR / "export", export)
    document = export / "export.yaml"
    desk.moment = int(time.time())
    document.write_text(changed(document.read_text(), (("2026-11-19T21:04:00Z", written(desk.moment)),)))
    package = desk.compile("of-today", export, HARBOUR / "target.yaml")
    desk.stufpack("unpack", package, desk.folder / "tree", "--signers", desk.signers)
    (plan,) = (desk.folder / "tree").rglob("MIGRATION-PLAN.json")
    unpacked: Any = SimpleNamespace(root=plan.parent)

    story = Story()
    story.setUp()
    try:
        story.state = story.home / ".local/state/stufpack" / STATE
        shutil.copy(desk.signers, story.signers)
        story.with_tools(unpacked)
        page, go = story.state / "status.html", story.home / "go"
        broken = {"hosts": {"target": {"ok": 1, "failed": 1}}, "failures": ["It is Debian 12"]}
        story.orders(
            preflight__reach_target={"waits_for": str(go)}, preflight__check_system={"exit": 2, "result": broken}
        )
        with story.running(unpacked, "preflight") as process:
            story.until(
                lambda: process.poll() is not None or (page.is_file() and "preflight/reach-target" in page.read_text())
            )
            shutil.copy(page, out / "status-running.html")
            go.touch()
            said = process.communicate(timeout=60)
        if process.returncode == 0:
            raise SystemExit(f"a step that failed stopped nothing: {said}")
        shutil.copy(page, out / "status.html")
        shutil.copy(next(story.state.rglob("preflight.html")), out / "report.html")
    finally:
        story.doCleanups()


def main() -> None:
    """Makes all of them, into a folder that is not there yet."""
    stufpack, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    out.mkdir()
    with tempfile.TemporaryDirectory(prefix="stufpack-judge-") as folder:
        desk = Desk(stufpack, Path(folder))
        of_packages(desk, out)
        of_a_glass(desk, out)
        of_a_run(desk, out)


if __name__ == "__main__":
    main()
