"""`read` and `./export` call the exporting program; settings that are not exact are refused."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from kit import MachineTest, enlist, example, main, program, settings, unpacked

Refused = program("failure").Refused
Places = program("places").Places

#: In the place of the exporting program: writes down how it was called, and behaves as the test wants.
STAND_IN = """
import json, os, sys
from pathlib import Path
verb, *words = sys.argv[1:]
options = dict(zip(words[::2], words[1::2]))
seen = {"verb": verb, "environment": sorted(os.environ), "stdin": sys.stdin.read()}
if verb == "read":
    seen["config"] = json.loads(Path(options["--config"]).read_text())
    if seen["config"]["sha256"]:
        print("error: no", file=sys.stderr)
        sys.exit(1)
    if "--out" in options:
        Path(options["--out"]).write_bytes(b"tar")
    else:
        sys.stdout.buffer.write(b"tar\\0\\xff")
else:
    seen["tar"] = Path(options["--tar"]).read_text()
    print(Path(options["--into"]) / ("20261121T100000Z-" + options["--number"]))
with open("../../calls", "a") as calls:
    calls.write(json.dumps(seen) + "\\n")
"""


class Kit(unittest.TestCase):
    """A test with the kit's files as they lie in an unpacked kit."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.kit = unpacked(self.folder)

    def run_program(self, name: str, *words: str | Path) -> subprocess.CompletedProcess[bytes]:
        """Runs a program of the kit, with an environment that it must not pass on."""
        hostile = {**os.environ, "PYTHONPATH": "/tmp", "LD_LIBRARY_PATH": "/tmp", "CANARY": "x"}
        return subprocess.run(
            [sys.executable, "-IB", self.kit / name, *words], capture_output=True, check=False, env=hostile
        )

    def test_wrong_words_change_nothing(self) -> None:
        for name, words in (("install", ["--force"]), ("install", []), ("export", []), ("export", ["x"])):
            done = self.run_program(name, *words)
            self.assertEqual((done.returncode, done.stdout), (2, b""), done.stderr)
            self.assertIn(b"usage: ./", done.stderr)

    def test_an_export_is_read_and_placed_by_the_exporting_program(self) -> None:
        exporting = self.kit / "program/stuf_export"
        exporting.mkdir()
        (exporting / "__main__.py").write_text(STAND_IN)
        enlist(self.kit)
        (self.folder / "settings.json").write_text(json.dumps(example()))
        done = self.run_program("export", self.folder / "settings.json", self.folder / "exports")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.decode().strip(), str(self.folder / "exports/20261121T100000Z-1"))
        read, placed = map(json.loads, (self.folder / "calls").read_text().splitlines())
        self.assertEqual((read["config"], read["stdin"]), (example()["export"], ""))
        self.assertLessEqual(set(read["environment"]), {"PATH", "LC_ALL", "LC_CTYPE"})
        self.assertEqual((placed["verb"], placed["tar"]), ("place", "tar"))

        failing = example()
        failing["export"]["sha256"] = True
        (self.folder / "settings.json").write_text(json.dumps(failing))
        done = self.run_program("export", self.folder / "settings.json", self.folder / "exports")
        self.assertEqual((done.returncode, done.stdout), (1, b""), done.stderr)
        self.assertIn(b"error: no\nerror: no export was made; why stands above; next: mend that", done.stderr)
        self.assertEqual(len((self.folder / "calls").read_text().splitlines()), 2, "nothing is placed")

    def test_settings_that_are_not_there_are_told_with_what_to_do(self) -> None:
        done = self.run_program("export", "nofile", self.folder / "exports")
        self.assertEqual((done.returncode, done.stdout), (12, b""), done.stderr)
        said = b"error: the settings nofile cannot be read: No such file or directory; next: write them as README.md"
        self.assertTrue(done.stderr.startswith(said), done.stderr)
        told = io.StringIO()
        with redirect_stderr(told):
            self.assertEqual(main.main(["status"], Places(self.folder)), 12)
        self.assertTrue(told.getvalue().endswith("; next: as root, in the kit's folder: ./install SETTINGS\n"), told)

    def test_a_kit_that_is_not_as_its_list_says_reads_nothing(self) -> None:
        (self.folder / "settings.json").write_text(json.dumps(example()))
        (self.kit / "program/stuf_source/failure.py").open("a").write("# more\n")
        done = self.run_program("export", self.folder / "settings.json", self.folder / "exports")
        self.assertEqual((done.returncode, done.stdout), (12, b""), done.stderr)
        self.assertIn(b"not as SHA256SUMS says: program/stuf_source/failure.py", done.stderr)


class Settings(MachineTest):
    def read(self, content: Any) -> Any:
        """Reads settings."""
        file = self.root / "given.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return settings.read(file)

    def test_the_example_is_whole(self) -> None:
        found = self.read(example())
        self.assertEqual((found.installation, found.ssh.port), ("example.stuf.pyx.io", 22))
        from stuf_export import settings as exporting

        file = self.root / "export.json"
        file.write_text(json.dumps(found.export))
        self.assertEqual(exporting.read(str(file)).installation, found.installation)

    def test_what_is_missing_unknown_or_of_another_type_is_refused(self) -> None:
        wrong: list[Any] = ["", "[]", "{", '"text"', example() | {"more": 1}, example() | {"schema": 2}]
        for part in ("ssh", "storage", None):
            top = example() if part is None else example()[part]
            for name in top:
                for value in (None, 1.5, [], "", True) if name not in ("ca", "storage") else (1, []):
                    changed = {**top, name: value}
                    wrong.append(changed if part is None else example() | {part: changed})
                left = {key: value for key, value in top.items() if key != name}
                # Settings of an older kit have no boundary; what then is refused stands in test_rights.py.
                if name != "readers_boundary":
                    wrong.append(left if part is None else example() | {part: left})
        for endpoint in (
            "http://s3.example",
            "https://s3.example/x",
            "https://a b",
            "s3.example",
            "https://u@s3.example",
        ):
            wrong.append(example() | {"storage": example()["storage"] | {"endpoint": endpoint}})
        for host in ("-x", "a b", "a;b", "../x", "A.example"):
            wrong.append(example() | {"ssh": {"host": host, "port": 22}})
        for content in wrong:
            with self.subTest(content), self.assertRaises(Refused):
                self.read(content)
        self.assertGreater(len(wrong), 60)


if __name__ == "__main__":
    unittest.main()
