"""What the kit's README tells: every setting, and the command that makes an export's folder, as it stands there."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kit import ANSIBLE, PAGE, SOURCE, document, example, program, settings

store = program("store")


def leaves(content: dict[str, Any], before: str = "") -> Iterator[str]:
    """The settings by their paths."""
    for name, value in content.items():
        yield from leaves(value, f"{before}{name}.") if isinstance(value, dict) else [before + name]


def told() -> set[str]:
    """The settings that the table names; `.region` after `storage.endpoint` is `storage.region`."""
    found: set[str] = set()
    for row in re.findall(r"(?m)^\| ([*`][^|]*) \|", PAGE.partition("## 1 ")[2].partition("## 2 ")[0]):
        begin = ""
        for name in re.findall(r"`([^`]+)`", row):
            found.add(name if not name.startswith(".") else begin + name)
            begin = begin or name.rpartition(".")[0]
    return found


def tar() -> bytes:
    """An export as `read` sends it, of nothing."""
    document = {"metadata": {"exportedAt": "2026-11-19T21:04:00Z"}, "spec": {"content": {"objects": 0, "bytes": 0}}}
    files = {
        "export.json": json.dumps(document).encode(),
        "inventory.jsonl.gz": gzip.compress(b""),
        "realm.json": b"{}",
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


class Page(unittest.TestCase):
    def test_every_setting_is_explained_and_no_other(self) -> None:
        settings = set(leaves(example())) - {"schema", "export.schema"}
        groups = {name for name in told() if any(path.startswith(f"{name}.") for path in settings)}
        self.assertEqual(told() - groups - settings, set())
        # The bucket from inside is explained as the one from outside.
        self.assertEqual({path for path in settings - told() if not path.startswith("export.storage.")}, set())
        self.assertIn("export.storage", groups)

    def test_what_a_key_of_kms_has_to_allow_fits_what_readers_are_given(self) -> None:
        added = document("key")
        self.assertEqual(added["Condition"]["ArnLike"]["aws:PrincipalArn"], f"arn:aws:iam::ACCOUNT:user{store.PATH}*")
        *_, given = store.reading(settings.read(SOURCE / "settings.example.json").storage, "")["Statement"]
        self.assertEqual(added["Action"], given["Action"])
        through = {"kms:ViaService": "s3.REGION.amazonaws.com"}
        self.assertEqual(added["Condition"]["StringEquals"], through)
        here = {name: value.replace("REGION", "eu-west-1") for name, value in through.items()}
        self.assertEqual(given["Condition"]["StringEquals"], here)

    def test_the_command_that_makes_an_exports_folder(self) -> None:
        block = re.search(r"(?s)```sh place\n(.*?)```", PAGE)
        assert block is not None
        with tempfile.TemporaryDirectory() as folder:
            kit, programs = Path(folder) / "kit", Path(folder) / "bin"
            shutil.copytree(SOURCE, kit)
            shutil.copytree(ANSIBLE / "roles/export/files/stuf_export", kit / "program/stuf_export")
            for name in ("stufpack_signature.py", "stufpack_answers.py"):
                shutil.copy(ANSIBLE / "module_utils" / name, kit / "program")
            for left in kit.rglob("__pycache__"):
                shutil.rmtree(left)
            before = set(kit.rglob("*"))
            programs.mkdir()
            (Path(folder) / "sent").write_bytes(tar())
            (programs / "ssh").write_text(f"#!/bin/sh\nexec cat {folder}/sent\n")
            (programs / "ssh").chmod(0o755)
            environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
            environment["PATH"] = f"{programs}:{os.environ['PATH']}"
            done = subprocess.run(
                ["/bin/sh", "-euc", block[1].replace("/root/", f"{folder}/")],
                cwd=kit,
                env=environment,
                capture_output=True,
                check=False,
            )
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            made = Path(done.stdout.decode().strip())
            self.assertEqual(made.name, "20261119T210400Z-1")
            self.assertEqual(made.parent, Path(folder) / "exports")
            # Another file there, and neither `./export` nor `./install` would take the kit.
            self.assertEqual(set(kit.rglob("*")), before)


if __name__ == "__main__":
    unittest.main()
