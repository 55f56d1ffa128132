"""The machines as they were after a phase: server and laptop as images, the nested engine's data as a copy.

The server is shut down for it, as a power switch held for long would not: its databases then lie whole on the disk.
Layers of images are never written to again, so a checkpoint and the running server share them by hard links.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from . import deployment, engine, network, server
from .engine import docker, docker_ok
from .names import LAPTOP, SERVER, ZULIP, Place
from .paths import INSTANCE, digest_of, instance_folder
from .shell import BenchError, run, say, wait_for

_NAME = f"stufbench-checkpoint-{INSTANCE}"
#: By which images are found again that have lost their name to newer ones.
_LABEL = f"checkpoint={INSTANCE}"
#: What is typed for a checkpoint of each name, on machines that the one before has left.
PHASES = {
    "prepare": ("./migrate bootstrap", "./migrate preflight", "./migrate prepare"),
    "deploy": ("./migrate deploy",),
    "import": ("./migrate import",),
    "content": ("./migrate approve content", "./migrate content"),
    "invite": ("./migrate invite",),
    "verify": ("./migrate verify",),
}


def make() -> None:
    """A fresh deployment, phase by phase, each on machines that the checkpoint before gave back."""
    engine.start()
    network.start()
    forget()
    fresh = deployment.Deployment.prepare()
    for name, commands in PHASES.items():
        for command in commands:
            done = fresh.type(name, command)
            if done.code != 0:
                raise BenchError(f"{command} ended with {done.code}\n{done.output[-3000:]}")
        save(name)


def save(name: str) -> None:
    """Keeps both machines under a name, in place of what had it; those that go on are the kept ones, given back."""
    say(f"checkpoint {name}: the server is shut down")
    docker("stop", "-t", "120", SERVER.container)
    for place in (SERVER, LAPTOP):
        docker("commit", "--change", f"LABEL {_LABEL}", place.container, _image(place, name))
    _anew(_volume(name), server.DATA_VOLUME, "--label", f"package={_package()}")
    restore(name)


def restore(name: str) -> None:
    """Puts fresh machines in place of those that run, as they were when the checkpoint was made."""
    engine.start()
    if name not in known():
        raise BenchError(f"there is no checkpoint {name}; there are: {', '.join(known()) or 'none'}")
    for place in (SERVER, LAPTOP):
        network.remove(place)
    _anew(server.DATA_VOLUME, _volume(name))
    server.run_laptop(_image(LAPTOP, name))
    if not network.running(ZULIP):
        network.start()
        deployment.start_messages()
    server.run_server(_image(SERVER, name))
    deployed = "! systemctl is-enabled --quiet stuf.service 2>/dev/null || systemctl is-active --quiet stuf.service"
    wait_for("STUF after the start", lambda: docker_ok("exec", SERVER.container, "sh", "-c", deployed), 180)


def of_this_package() -> bool:
    """Whether all of them are of the very package that `stufpack`, as it is now, makes of the same choices."""
    work = instance_folder() / "deployment"
    engine.start()
    network.start()
    if not set(PHASES) <= set(known()) or not (work / "target.json").is_file():
        return False
    images = json.loads((work / "target.json").read_text())["spec"]["images"]
    with deployment.compiled(deployment.program()) as out:
        return images == network.release() and digest_of(out) == _package()


def known() -> list[str]:
    """The names of the checkpoints of this clone's bench; those of an earlier deployment can be used no more."""
    return _names(f"label=package={_package()}")


def forget() -> None:
    """Removes all of them, but no image of which a machine runs."""
    for name in _names():
        docker("volume", "rm", _volume(name))
    docker("image", "prune", "--all", "--force", "--filter", f"label={_LABEL}")


def _names(*filters: str) -> list[str]:
    wanted = [word for one in (f"name=^{_NAME}-", *filters) for word in ("--filter", one)]
    return sorted(volume.removeprefix(f"{_NAME}-") for volume in docker("volume", "ls", "--quiet", *wanted).split())


def _package() -> str:
    """The package of the deployment whose folder is there."""
    return digest_of(instance_folder() / "deployment" / "out")


def _volume(name: str) -> str:
    return f"{_NAME}-{name}"


def _image(place: Place, name: str) -> str:
    return f"{_NAME}:{place.name.partition('.')[0]}-{name}"


def _anew(volume: str, like: str, *options: str) -> None:
    """Makes a volume, in place of what had its name, with what another holds."""
    server.forget(volume)
    docker("volume", "create", *options, volume)
    _copy(_place(like), _place(volume))


def _place(volume: str) -> Path:
    """Where a volume lies on this machine."""
    return Path(json.loads(docker("volume", "inspect", volume))[0]["Mountpoint"])


def _copy(source: Path, target: Path) -> None:
    """Copies a nested engine's data with owners and times; layers of images, but not of containers, by hard links."""
    layers = source / "overlay2"
    written = {file.read_text() for file in (source / "image/overlay2/layerdb/mounts").glob("*/mount-id")}
    there = sorted(layers.iterdir()) if layers.is_dir() else []
    shared = [place for place in there if place.name != "l" and place.name.removesuffix("-init") not in written]
    (target / "overlay2").mkdir()
    _cp(target, [place for place in source.iterdir() if place != layers])
    _cp(target / "overlay2", [place for place in there if place not in shared])
    _cp(target / "overlay2", shared, "--link")
    for path in (source, layers):
        if path.is_dir():
            shutil.copystat(path, target / path.relative_to(source))


def _cp(target: Path, places: list[Path], *options: str) -> None:
    if places:
        run(["cp", "--archive", *options, *places, target])
