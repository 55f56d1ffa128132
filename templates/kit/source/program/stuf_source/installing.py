"""Puts the kit on this machine, or takes it away. A second time it puts the new version in the place of the old."""

from __future__ import annotations

import datetime
import grp
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

from . import contents, reading, settings
from .credentials import Issuer, Register, host_keys
from .failure import Refused, SourceError
from .frozen import Record
from .places import ACCOUNT, Places, write

PROGRAMS = ("sshd", "ssh-keygen", "sudo", "visudo", "systemctl", "useradd", "userdel")
#: The first that takes an end in UTC (`expiry-time=…Z`).
OPENSSH = (9, 1)
SSHD = Path("/etc/ssh/sshd_config.d/10-stuf-source.conf")
SUDOERS = Path("/etc/sudoers.d/stuf-source")
UNITS = Path("/etc/systemd/system")
COMMAND = Path("/usr/local/sbin/stuf-source")
TIMER = "stuf-source-watch.timer"
#: What sshd must say of the account when all is in place, whatever else its configuration holds.
IN_FORCE = {
    "authorizedkeysfile": "/etc/stuf-source/authorized_keys",
    "authenticationmethods": "publickey",
    "disableforwarding": "yes",
    "permittty": "no",
    "permituserrc": "no",
    "permituserenvironment": "no",
    "forcecommand": "none",
}


def main(arguments: list[str]) -> int:
    """Installs or removes."""
    os.umask(0o022)
    if len(arguments) != 1 or (arguments[0].startswith("-") and arguments[0] != "--remove"):
        print("usage: ./install SETTINGS | ./install --remove, as root", file=sys.stderr)
        return 2
    try:
        if os.geteuid() != 0:
            raise Refused("only root can install; next: the same with sudo")
        if arguments[0] == "--remove":
            _remove(Places())
        else:
            _install(Places(), Path(arguments[0]))
    except SourceError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    return 0


def _install(here: Places, given: Path) -> None:
    # Everything that can be refused is refused before the first change.
    known, kit = _fit(here, given)
    here.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with here.locked():
        _nothing_open(here)
        _put_in_place(here, given, kit)
    print(f"installed for {known.installation}; next: stuf-source --help")


def _fit(here: Places, given: Path) -> tuple[settings.Settings, contents.Contents]:
    """What is installed, where kit, machine and settings are such that it can be."""
    if here.program == reading.PROGRAM:
        raise Refused("run ./install from the unpacked kit")
    kit = contents.checked(reading.PROGRAM.parent)
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise Refused(f"not found on this machine: {', '.join(missing)}")
    said = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr
    if not newer(said):
        raise Refused("OpenSSH 9.1 or newer is needed, which ends keys by themselves")
    known = settings.read(given)
    if not known.switches.is_dir():
        raise Refused(f"there is no folder {known.switches} for the proxy's switches")
    if known.storage is not None:
        known.storage.boundary()
        settings.secret(known.storage.access_key_file)
        settings.secret(known.storage.secret_key_file)
    host_keys(here)
    _no_foreign_account()
    return known, kit


def _nothing_open(here: Places) -> None:
    """Refuses while a freeze is written down: how to end it stands in the very settings and programs that would go."""
    why = Record(here).unfinished()
    if why is not None:
        raise Refused(why)


def _put_in_place(here: Places, given: Path, kit: contents.Contents) -> None:
    _account()
    for folder, mode in ((here.settings.parent, 0o711), (here.state, 0o700), (here.state / "credentials", 0o700)):
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        folder.chmod(mode)
    _place_programs(here, kit)
    write(here.settings, given.read_text(encoding="utf-8"))
    system = here.program / "system"
    write(SUDOERS, (system / "sudoers").read_text(encoding="utf-8"), 0o440)
    for unit in sorted(system.glob("stuf-source-watch.*")):
        write(UNITS / unit.name, unit.read_text(encoding="utf-8"), 0o644)
    Register(here).publish(datetime.datetime.now(datetime.UTC))
    _let_sshd_in(system)
    _checked(["systemctl", "daemon-reload"], "systemd does not read its units")
    _checked(["systemctl", "enable", "--now", TIMER], "the timer does not start")


def _no_foreign_account() -> None:
    try:
        found = pwd.getpwnam(ACCOUNT)
    except KeyError:
        return
    others = [group.gr_name for group in grp.getgrall() if ACCOUNT in group.gr_mem]
    if found.pw_uid == 0 or others:
        raise Refused(f"there is an account {ACCOUNT} with more rights than the kit gives it")


def _account() -> None:
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        # A shell is needed for forced commands; `*` is a password that nothing equals, and locks no key out.
        words = ["--system", "--user-group", "--home-dir", "/usr/local/lib/stuf-source", "--no-create-home"]
        words += ["--shell", "/bin/sh", "--password", "*", ACCOUNT]
        _checked(["useradd", *words], f"the account {ACCOUNT} cannot be made")


def _place_programs(here: Places, kit: contents.Contents) -> None:
    """The new programs beside the old, then in their place."""
    draft, old = _beside(here)
    shutil.rmtree(draft, ignore_errors=True)
    for name, content in kit.files.items():
        if name.startswith("program/"):
            file = draft / name.removeprefix("program/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    (draft / "kit.sha256").write_text(f"sha256:{kit.digest}\n", encoding="ascii")
    for path in (draft, *draft.rglob("*")):
        os.chown(path, 0, 0)
        path.chmod(0o755 if path.is_dir() or path.name in ("serve", "stuf-source") else 0o644)
    _checked(["visudo", "--check", "--quiet", "--file", str(draft / "system/sudoers")], "sudo's rule is not accepted")
    # Names may reach the disk before contents do, and a program of empty files would be none.
    os.sync()
    if here.program.exists():
        shutil.rmtree(old, ignore_errors=True)
        here.program.rename(old)
    try:
        draft.rename(here.program)
    except BaseException:
        if old.exists():
            old.rename(here.program)
        raise
    # Not before: where an earlier installation was cut off between the two names, this is the only whole one.
    shutil.rmtree(old, ignore_errors=True)
    COMMAND.unlink(missing_ok=True)
    COMMAND.symlink_to(here.program / "stuf-source")


def _beside(here: Places) -> tuple[Path, Path]:
    """Where the next programs are made, and where the last ones wait until these are in place."""
    return here.program.with_name(".stuf-source.new"), here.program.with_name(".stuf-source.old")


def _let_sshd_in(system: Path) -> None:
    """Tells sshd of the account, and looks whether it will do what it was told; where not, the former block stays."""
    before = SSHD.read_text(encoding="utf-8") if SSHD.exists() else None
    write(SSHD, (system / "sshd.conf").read_text(encoding="utf-8"), 0o644)
    try:
        _checked(["sshd", "-t"], "sshd does not accept its configuration")
        context = ["-C", f"user={ACCOUNT},host=localhost,addr=127.0.0.1"]
        said = _checked(["sshd", "-T", *context], "sshd does not tell its configuration")
        found = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
        wrong = [name for name, value in IN_FORCE.items() if found.get(name) != value]
        if wrong:
            raise Refused(f"something in sshd's configuration keeps these from being in force: {', '.join(wrong)}")
        _checked(["systemctl", "reload-or-restart", "ssh.service"], "sshd does not read its configuration")
    except SourceError:
        # Whoever reads meanwhile comes in by the block of the installation that was here.
        if before is None:
            SSHD.unlink()
        else:
            write(SSHD, before, 0o644)
        raise


def _remove(here: Places) -> None:
    if here.settings.exists():
        now = datetime.datetime.now(datetime.UTC)
        with here.locked():
            _nothing_open(here)
            known = settings.read(here.settings)
            for name in Register(here).names():
                Issuer(here, known).revoke(name, now)
    SSHD.unlink(missing_ok=True)
    _checked(["systemctl", "reload-or-restart", "ssh.service"], "sshd does not read its configuration")
    if (UNITS / TIMER).exists():
        _checked(["systemctl", "disable", "--now", TIMER], "the timer does not stop")
    for file in (SUDOERS, COMMAND, *UNITS.glob("stuf-source-watch.*")):
        file.unlink(missing_ok=True)
    _checked(["systemctl", "daemon-reload"], "systemd does not read its units")
    for folder in (here.program, *_beside(here), here.settings.parent, here.state):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        pwd.getpwnam(ACCOUNT)
        _checked(["userdel", ACCOUNT], f"the account {ACCOUNT} cannot be taken away")
    except KeyError:
        pass
    print("removed")


def newer(said: str) -> bool:
    """Whether what `ssh -V` said is new enough."""
    found = re.search(r"OpenSSH_([0-9]+)\.([0-9]+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= OPENSSH


def _checked(words: list[str], failure: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SourceError(f"{failure}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout
