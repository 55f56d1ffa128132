"""Which images run, as Docker knows them, and what the record of a phase gets of it."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

from modules import module

images = module("stuf_images")
StufError = module("stufpack_http").StufError
API, OTHER = (f"sha256:{digit * 64}" for digit in "ab")


class Images(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.volume = Path(folder.name)
        # As `docker inspect` and `docker image inspect` answer.
        self.containers = {"api": "r.example/stuf/api@" + API, "proxy": "docker.io/library/caddy@" + OTHER}
        self.digests = {
            "api": ["mirror.example/api@" + OTHER, "r.example/stuf/api@" + API],
            "proxy": ["caddy@" + OTHER],
        }

    def docker(self, command: list[str]) -> tuple[int, str, str]:
        """Answers as Docker does."""
        match command[1:]:
            case ["ps", *_]:
                return 0, "".join(f"{name}\n" for name in self.containers), ""
            case ["inspect", *names]:
                found = [
                    {
                        "Image": f"id-of-{name}",
                        "Config": {"Image": self.containers[name], "Labels": {"com.docker.compose.service": name}},
                    }
                    for name in names
                ]
                return 0, json.dumps(found), ""
            case ["image", "inspect", image]:
                known: dict[str, Any] = {"RepoDigests": self.digests[image.removeprefix("id-of-")]}
                return 0, json.dumps([known]), ""
            case ["volume", "inspect", *_, "stuf_spa"]:
                return 0, f"{self.volume}\n", ""
        raise AssertionError(command)

    def pages(self, image: str) -> None:
        """The volume of the pages, with the note of their image."""
        (self.volume / "current").mkdir()
        (self.volume / "current/.image").write_text(f"{image}\n")

    def test_each_service_is_told_with_the_digest_that_docker_knows(self) -> None:
        self.pages("r.example/spa@" + API)
        self.assertEqual(
            images.running(self.docker),
            {
                "api": "r.example/stuf/api@" + API,
                "caddy": "docker.io/library/caddy@" + OTHER,
                "spa": "r.example/spa@" + API,
            },
        )

    def test_a_configuration_that_names_another_digest_than_what_runs_is_not_believed(self) -> None:
        self.digests["api"] = ["r.example/stuf/api@" + OTHER]
        found = images.running(self.docker)
        self.assertEqual(found["api"], "r.example/stuf/api@" + OTHER)
        (wrong,) = images.differing(found, found | {"api": self.containers["api"]})
        self.assertEqual(wrong, f"api runs r.example/stuf/api@{OTHER}, the package has {self.containers['api']}")

    def test_what_does_not_run_or_is_no_part_of_the_package_is_told(self) -> None:
        found = images.running(self.docker)
        self.assertEqual(
            images.differing(found, {"api": found["api"], "spa": "x@" + API}),
            [
                f"caddy runs {found['caddy']}, the package has none of it",
                f"spa runs nothing, the package has x@{API}",
            ],
        )

    def test_where_nothing_runs_there_is_no_image_though_the_pages_stay(self) -> None:
        self.pages("r.example/spa@" + API)
        self.containers = {}
        self.assertEqual(images.running(self.docker), {})

    def test_an_image_without_a_digest_proves_nothing(self) -> None:
        self.digests["api"] = []
        with self.assertRaises(StufError):
            images.running(self.docker)


if __name__ == "__main__":
    unittest.main()
