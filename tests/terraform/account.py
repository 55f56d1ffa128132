"""An account of AWS for a test: the bench's stand-in by itself, and Terraform's way to its provider."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import unittest
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from workshop import HERE, mirror

#: moto, mended: each gap and its reason stand there.
STAND_IN = HERE.parent / "bench/contexts/account"


def start_moto(test: unittest.TestCase, console: Path) -> str:
    """An account of this test's own, in which a machine shows what stands in `console`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, STAND_IN / "account.py", console, "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, "MOTO_AMIS_PATH": str(STAND_IN / "images.json")},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    test.addCleanup(process.wait)
    test.addCleanup(process.terminate)
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/data.json", timeout=30).close()
            return f"http://127.0.0.1:{port}"
        except OSError:
            time.sleep(0.1)
    raise AssertionError("moto did not come up within a minute")


def where_providers_are(path: Path) -> Path:
    """Settings of Terraform that let it take the provider from the mirror, where there is one."""
    folder = mirror()
    if folder is None:
        path.write_text("")
    else:
        include = '["registry.terraform.io/hashicorp/aws"]'
        path.write_text(
            "provider_installation {\n"
            f'  filesystem_mirror {{\n    path = "{folder}"\n    include = {include}\n  }}\n'
            f"  direct {{\n    exclude = {include}\n  }}\n}}\n"
        )
    return path


def endpoints(endpoint: str) -> str:
    """The override that leads the module's provider there."""
    return (HERE / "endpoints_override.tf").read_text().replace("http://127.0.0.1:5000", endpoint)


def client(endpoint: str, service: str) -> Any:
    """Another client than the one under test."""
    return boto3.client(
        service, endpoint_url=endpoint, region_name="eu-west-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
