"""Puts the kit on this machine, or takes it away. A second time it puts the new version in the place of the old."""

from __future__ import annotations

import datetime
import grp
import hashlib
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

from . import reading, settings
from .credentials import Issuer, Register, host_keys
from .failure import Refused, SourceError
from .freezing import Doors
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
        settings.secret(known.storage.access_key_file)
        settings.secret(known.storage.secret_key_file)
    host_keys(here)

    _account()
    for folder, mode in ((here.settings.parent, 0o711), (here.state, 0o700), (here.state / "credentials", 0o700)):
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        folder.chmod(mode)
    write(here.settings, given.read_text(encoding="utf-8"))
    _place_programs(here)
    system = here.program / "system"
    _checked(["visudo", "--check", "--quiet", "--file", str(system / "sudoers")], "sudo's rule is not accepted")
    write(SUDOERS, (system / "sudoers").read_text(encoding="utf-8"), 0o440)
    for unit in sorted(system.glob("stuf-source-watch.*")):
        write(UNITS / unit.name, unit.read_text(encoding="utf-8"), 0o644)
    Register(here).publish(datetime.datetime.now(datetime.UTC))
    _let_sshd_in(system)
    _checked(["systemctl", "daemon-reload"], "systemd does not read its units")
    _checked(["systemctl", "enable", "--now", TIMER], "the timer does not start")
    print(f"installed for {known.installation}; next: stuf-source --help")


def _account() -> None:
    try:
        found = pwd.getpwnam(ACCOUNT)
    except KeyError:
        # A shell is needed for forced commands; `*` is a password that nothing equals, and locks no key out.
        words = ["--system", "--user-group", "--home-dir", "/usr/local/lib/stuf-source", "--no-create-home"]
        words += ["--shell", "/bin/sh", "--password", "*", ACCOUNT]
        _checked(["useradd", *words], f"the account {ACCOUNT} cannot be made")
        return
    others = [group.gr_name for group in grp.getgrall() if ACCOUNT in group.gr_mem]
    if found.pw_uid == 0 or others:
        raise Refused(f"there is an account {ACCOUNT} with more rights than the kit gives it")


def _place_programs(here: Places) -> None:
    """The new programs beside the old, then in their place."""
    source, draft = reading.PROGRAM, here.program.with_name(".stuf-source.new")
    if source == here.program:
        raise Refused("run ./install from the unpacked kit")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft, ignore=shutil.ignore_patterns("__pycache__"))
    sums = hashlib.sha256((source.parent / "SHA256SUMS").read_bytes()).hexdigest()
    (draft / "kit.sha256").write_text(f"sha256:{sums}\n", encoding="ascii")
    for path in (draft, *draft.rglob("*")):
        os.chown(path, 0, 0)
        path.chmod(0o755 if path.is_dir() or path.name in ("serve", "stuf-source") else 0o644)
    shutil.rmtree(here.program, ignore_errors=True)
    draft.rename(here.program)
    COMMAND.unlink(missing_ok=True)
    COMMAND.symlink_to(here.program / "stuf-source")


def _let_sshd_in(system: Path) -> None:
    """Tells sshd of the account, and looks whether it will do what it was told."""
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
        SSHD.unlink()
        raise


def _remove(here: Places) -> None:
    if here.settings.exists():
        known = settings.read(here.settings)
        now = datetime.datetime.now(datetime.UTC)
        with here.locked():
            if Doors(here, known).state() is not None:
                raise Refused("the STUF is frozen; next: stuf-source unfreeze")
            for credential in Register(here).all():
                Issuer(here, known).revoke(credential.id, now)
    SSHD.unlink(missing_ok=True)
    _checked(["systemctl", "reload-or-restart", "ssh.service"], "sshd does not read its configuration")
    if (UNITS / TIMER).exists():
        _checked(["systemctl", "disable", "--now", TIMER], "the timer does not stop")
    for file in (SUDOERS, COMMAND, *UNITS.glob("stuf-source-watch.*")):
        file.unlink(missing_ok=True)
    _checked(["systemctl", "daemon-reload"], "systemd does not read its units")
    for folder in (here.program, here.settings.parent, here.state):
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
