"""What the stories share: fixtures of the research, the program installed as the role does it, and its runs."""

from __future__ import annotations

import atexit
import functools
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from stores import ACCESS_KEY, SECRET_KEY, Bucket, Container

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE = ROOT / "templates" / "infrastructure" / "ansible"
RCLONE = Path(sys.executable).with_name("rclone")

#: Awkward keys, each seen to be lost or renamed by some tool.
K17 = (
    "plain/a.txt",
    "/lead",
    "a//b",
    "nf/caf\u00e9.txt",
    "nf/cafe\u0301.txt",
    "sp/ü user@example.org/20260101-000000-my file (1).pdf",
    "dir/file.",
    "per%2Fcent",
    "dot/../up",
    "plus+a&b=c",
    'tab\tq"uote',
    "back\\slash",
    "case/A.txt",
    "case/a.txt",
    "zero",
    "trail/",
    "empty/",
)
EMPTY = ("zero", "trail/", "empty/")
F20 = tuple(f"f{number:02}" for number in range(20))
MIB = 1 << 20


def seed_k17(bucket: Bucket) -> None:
    """The awkward keys with type and metadata."""
    for key in K17:
        bucket.seed(key, b"" if key in EMPTY else f"body of {key}".encode())


def seed_mp(bucket: Bucket, *, first: int = 1, name: str = "original_filename") -> None:
    """An object that was uploaded in parts, of these bytes, so that its ETag is no digest; and a small one."""
    like = {"ContentType": "application/x-demo", "Metadata": {"uploader": "u", name: "multi.bin"}}
    upload = bucket.create_multipart_upload(Key="big/multi.bin", **like)["UploadId"]
    parts = []
    for number, size in ((1, 5 * MIB), (2, 5 * MIB), (3, 2 * MIB)):
        body = bytes([number - 1 + first]) * size
        etag = bucket.upload_part(Key="big/multi.bin", UploadId=upload, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
    bucket.complete_multipart_upload(Key="big/multi.bin", UploadId=upload, MultipartUpload={"Parts": parts})
    bucket.seed("small.txt", b"small")


def seed_f20(bucket: Bucket) -> None:
    """Twenty objects of two bytes."""
    for key in F20:
        bucket.seed(key, key[1:].encode())


def seed_k8(bucket: Bucket) -> None:
    """Eight objects of 4 MiB."""
    for number in range(8):
        bucket.seed(f"k{number}", bytes([number]) * (4 * MIB))


@functools.cache
def installed() -> Path:
    """The program as the role places it; once for all tests of a process, so that Python compiles it once."""
    folder = tempfile.TemporaryDirectory(prefix="stuf-content-lib-")
    atexit.register(folder.cleanup)
    ignored = shutil.ignore_patterns("__pycache__")
    place = Path(folder.name)
    shutil.copytree(ANSIBLE / "roles/content/files/stuf_content", place / "stuf_content", ignore=ignored)
    for name in ("stufpack_signature.py", "stufpack_answers.py"):
        shutil.copy(ANSIBLE / "module_utils" / name, place)
    return place


class Run:
    """What a run said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.err = err
        self.document = json.loads(out) if out else {}


class Case(unittest.TestCase):
    """A test with the program installed in a folder of its own."""

    maxDiff = None

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="stuf-content-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.state = self.folder / "state"
        self.secrets = self.folder / "secrets"
        self.secrets.mkdir(mode=0o700)
        self.batches = self.folder / "batches"
        self.batches.mkdir()

    def between(self, source: Bucket, target: Bucket | Container, **changes: object) -> None:
        """Writes configuration and credential as the role does."""
        self.source, self.target = source, target
        for name, value in zip(("storage_access_key", "storage_secret_key"), target.keys, strict=True):
            (self.secrets / name).write_text(f"{value}\n")
        storage = {
            "provider": "aws-s3",
            "endpoint": source.endpoint,
            "region": "us-east-1",
            "bucket": source.name,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
            "ca": None,
        }
        self.write_credential(
            {
                "schema": 1,
                "kind": "source-read",
                "installation": "harbour.stuf.pyx.io",
                "ends_at": "2099-12-19T21:04:00Z",
                "ssh": None,
                "storage": storage,
            }
        )
        self.configuration = {
            "schema": 1,
            "credential": str(self.secrets / "source_read"),
            "target": {
                "endpoint": target.endpoint,
                "region": "us-east-1",
                "bucket": target.name,
                "access_key_file": str(self.secrets / "storage_access_key"),
                "secret_key_file": str(self.secrets / "storage_secret_key"),
                "store": "aws-s3",
            },
            "batches": str(self.batches),
            "state": str(self.state),
            "rclone": str(RCLONE),
            "expected": {"objects": 0, "bytes": 0},
            "bandwidth_bits_per_second": 10_000_000_000,
            "bandwidth_timetable": [],
            "windows": [],
            "requests_per_second": 100_000,
            "delete_limit": None,
            "source_bucket": source.name,
        }
        self.configure(**changes)

    def configure(self, **changes: object) -> None:
        """Changes settings; `store` is the target's."""
        if "store" in changes:
            self.configuration["target"]["store"] = changes.pop("store")
        self.configuration |= changes
        (self.folder / "content.json").write_text(json.dumps(self.configuration))

    def write_credential(self, credential: dict) -> None:
        """The source's credential, for its owner only."""
        self.credential = credential
        path = self.secrets / "source_read"
        path.write_text(json.dumps(credential))
        path.chmod(0o600)

    def list_source(self, size: int = 10_000, leave_out: tuple[str, ...] = (), **more: dict) -> None:
        """Writes batch lists as the package has them, of what the source holds now."""
        lines = []
        for key in self.source.listed():
            if key in leave_out:
                continue
            head = self.source.head_object(Key=key)
            lines.append(
                {
                    "key": key,
                    "size": head["ContentLength"],
                    "modified": head["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "content_type": head["ContentType"],
                    "metadata": head["Metadata"],
                    **more.get(key, {}),
                }
            )
        self.write_lists(lines, size)

    def write_lists(self, lines: list[dict], size: int = 10_000) -> None:
        """Batch lists of these lines, and the numbers that the package expects."""
        for old in self.batches.iterdir():
            old.unlink()
        for number, begin in enumerate(range(0, len(lines), size), 1):
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines[begin : begin + size])
            (self.batches / f"{number:05}.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
        self.configure(expected={"objects": len(lines), "bytes": sum(line["size"] for line in lines)})

    def command(self, verb: str) -> list[str]:
        """The command line, with the system's own Python."""
        python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
        return [python, "-m", "stuf_content", verb, "--config", str(self.folder / "content.json")]

    def environment(self) -> dict[str, str]:
        """As systemd starts it, and with what must not reach rclone."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(installed()),
            "AWS_CA_BUNDLE": "/nonexistent",
            "RCLONE_IMMUTABLE": "wrong",
        }

    def start(self, verb: str) -> subprocess.Popen[str]:
        """Starts the program."""
        return subprocess.Popen(
            self.command(verb),
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
        )

    def finish(self, process: subprocess.Popen[str]) -> Run:
        """Waits for its end."""
        out, err = process.communicate(timeout=120)
        return Run(process.returncode, out, err)

    def content(self, verb: str, code: int = 0) -> Run:
        """Runs a verb and expects its exit code."""
        run = self.finish(self.start(verb))
        self.assertEqual(run.code, code, f"{verb} ended with {run.code}\n{run.err}\n{run.document}")
        return run

    def copied(self) -> Run:
        """The content step up to the copy."""
        self.content("inventory")
        self.content("check-keys")
        return self.content("copy")

    def proof(self, code: int) -> dict:
        """The report of a proof with this verdict."""
        report = self.content("prove", code).document
        counts = report["counts"]
        self.assertEqual(sum(counts.values()) - counts["unexpected"], report["expected"], "counts add up")
        return report

    def assert_verified(self, objects: int) -> None:
        """The verdict is 0 with so many objects, and boto3 sees the same on both sides."""
        report = self.proof(0)
        self.assertEqual(report["verdict"], "pass")
        self.assertEqual(report["counts"]["verified"], objects)
        self.assertEqual(report["findings"], [])

    def rclone(self, *words: str) -> subprocess.CompletedProcess[str]:
        """rclone by itself, between `src:` and `dst:`: the control."""
        config = self.folder / "rclone.conf"
        config.write_text(f"[src]\n{self.source.remote()}[dst]\n{self.target.remote()}")
        environment = {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}
        return subprocess.run(
            [RCLONE, f"--config={config}", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
