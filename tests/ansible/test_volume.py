"""The data volume: a file system is made on a blank device and on nothing else, seen with the machine's own tools."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import yaml
from modules import ROOT, module

volume = module("stuf_volume")
StufError = module("stufpack_http").StufError

MIB = 1 << 20
SIZE = 24 * MIB
LABEL = "stuf-data"


class Volume(unittest.TestCase):
    """A file stands for the device: blkid, wipefs and mkfs.ext4 treat both alike, lsblk is told what it says."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="stufpack-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.device = self.new("device")
        self.listed = "sdf disk"
        self.made: list[str] = []
        patch = mock.patch.object(stat, "S_ISBLK", stat.S_ISREG)
        patch.start()
        self.addCleanup(patch.stop)

    def new(self, name: str) -> Path:
        """A device that nobody has written to."""
        path = self.folder / name
        with path.open("wb") as file:
            file.truncate(SIZE)
        return path

    def run_tool(self, command: list[str]) -> tuple[int, str, str]:
        """Runs the tool itself, but for lsblk, which knows devices alone, and for a search among all devices."""
        if command[0] == "lsblk":
            return 0, f"{self.listed}\n", ""
        if "--match-token" in command:
            return 0, f"{self.device}\n", ""
        self.made += [command[0]] if command[0].startswith("mkfs") else []
        environment = os.environ | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        return done.returncode, done.stdout, done.stderr

    def converge(self, *folders: Path, dry: bool = False) -> tuple[str | None, bool]:
        """One run of the module."""
        found: tuple[str | None, bool] = volume.converge(
            self.run_tool, str(self.device), LABEL, [str(folder) for folder in folders], dry
        )
        return found

    def write(self, place: int, data: bytes) -> None:
        """Puts bytes on the device."""
        with self.device.open("r+b") as file:
            file.seek(place)
            file.write(data)

    def refused(self, why: str) -> None:
        """It is refused for this reason, and every byte stands as it did."""
        before = hashlib.sha256(self.device.read_bytes()).digest()
        with self.assertRaisesRegex(StufError, why):
            self.converge()
        self.assertEqual(self.made, [])
        self.assertEqual(hashlib.sha256(self.device.read_bytes()).digest(), before)

    def test_a_blank_device_gets_a_file_system_once_and_a_second_run_leaves_it_alone(self) -> None:
        self.assertEqual(self.converge(dry=True), (None, True))
        self.assertEqual(self.made, [])
        uuid, made = self.converge()
        self.assertTrue(made)
        self.assertRegex(str(uuid), r"^[0-9a-f-]{36}$")
        before = self.device.read_bytes()
        self.assertEqual(self.converge(), (uuid, False))
        self.assertEqual((self.made, self.device.read_bytes()), (["mkfs.ext4"], before))

    def test_a_new_server_takes_the_old_volume_under_whatever_name_it_has_there(self) -> None:
        uuid, _ = self.converge()
        self.device = self.device.rename(self.folder / "nvme2n1")
        link = self.folder / "by-id"
        link.symlink_to(self.device)
        found = volume.converge(self.run_tool, str(link), LABEL, [], False)
        self.assertEqual((found, self.made), ((uuid, False), ["mkfs.ext4"]))

    def test_somebody_else_s_file_system_is_never_touched(self) -> None:
        for label in ("", "stuf-old", "stuf-data2"):
            self.device = self.new("device")
            self.run_tool(["mkfs.ext4", "-q", *(["-L", label] if label else []), str(self.device)])
            self.made.clear()
            with self.subTest(label):
                self.refused(f"blkid finds ext4 *{label}")

    def test_what_any_tool_takes_for_something_is_not_blank(self) -> None:
        swap = bytearray(4096)
        swap[1024:1028] = (1).to_bytes(4, "little")
        swap[1028:1032] = (10).to_bytes(4, "little")
        swap[4086:] = b"SWAPSPACE2"
        partition = bytes([0, 0, 2, 0, 0x83, 0, 0, 0]) + (2048).to_bytes(4, "little") + (8192).to_bytes(4, "little")
        cases = {
            "LUKS": (0, b"LUKS\xba\xbe\x00\x01" + bytes(200)),
            "swap": (0, bytes(swap)),
            "partition table": (446, partition + bytes(48) + b"\x55\xaa"),
        }
        for name, (place, data) in cases.items():
            self.device = self.new("device")
            self.write(place, data)
            with self.subTest(name):
                self.refused("is neither blank nor a data volume")

    def test_bytes_without_any_signature_are_somebody_s(self) -> None:
        # Such as an encrypted disk without a header, or a file system whose making was interrupted.
        for place in (0, 4097, MIB - 1, SIZE - MIB, SIZE - 1):
            self.device = self.new("device")
            self.write(place, b"\x01")
            with self.subTest(place):
                self.refused("its first or last bytes are not zero")

    def test_a_device_with_partitions_or_in_use_is_not_blank(self) -> None:
        for listed in ("sdf disk\nsdf1 part", "sdf disk /mnt", ""):
            self.listed = listed
            with self.subTest(listed):
                self.refused("partitions or is in use|lsblk does not know it")

    def test_what_is_no_device_is_refused(self) -> None:
        for device in ("", str(self.folder), str(self.folder / "nothing")):
            with self.subTest(device), self.assertRaisesRegex(StufError, "there is no block device at"):
                volume.converge(self.run_tool, device, LABEL, [], False)

    def test_a_copy_from_a_snapshot_beside_its_original_is_not_mounted(self) -> None:
        self.converge()
        twin = self.new("twin")
        known = mock.patch.object(volume, "twins", lambda *_: [str(twin), str(self.device)])
        with known, self.assertRaisesRegex(StufError, f"{twin} is a copy of {self.device}, with the same UUID"):
            self.converge()

    def test_files_that_the_volume_would_hide_stop_it_before_anything_is_written(self) -> None:
        docker, work = self.folder / "docker", self.folder / "stufpack"
        for folder in (docker, work):
            folder.mkdir()
        # Lease and journal, which are kept again after the step.
        (work / "controller/packages/1").mkdir(parents=True)
        (work / "controller/packages/1/journal.jsonl").touch()
        self.assertTrue(self.converge(docker, work, self.folder / "missing", dry=True)[1])
        (docker / "volumes").mkdir()
        with self.assertRaisesRegex(StufError, rf"{docker} \(1 entry\); nothing was written"):
            self.converge(docker, work)
        self.assertEqual(self.made, [])


class Role(unittest.TestCase):
    def test_what_lies_on_the_volume_is_what_docker_waits_for(self) -> None:
        role = ROOT / "roles/volume"
        folders = yaml.safe_load((role / "vars/main.yml").read_text())["volume_folders"]
        lines = (role / "files/stuf-data.conf").read_text().splitlines()
        (waits,) = (line.partition("=")[2].split() for line in lines if line.startswith("RequiresMountsFor="))
        self.assertEqual(waits, [folder["path"] for folder in folders])

    def test_nothing_but_the_module_makes_a_file_system(self) -> None:
        text = (ROOT / "roles/volume/tasks/mount_data.yml").read_text()
        for word in ("mkfs", "filesystem:", "parted", "wipefs"):
            self.assertNotIn(word, text)


if __name__ == "__main__":
    unittest.main()
