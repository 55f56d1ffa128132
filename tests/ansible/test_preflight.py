"""What `preflight` takes for a machine that it can work on."""

import re
import unittest
from pathlib import Path
from typing import Any

import jinja2
import yaml

CHECK = Path(__file__).resolve().parents[2] / "templates/infrastructure/ansible/roles/preflight/tasks/check_system.yml"
GOOD = {
    "distribution": "Debian",
    "distribution_major_version": "13",
    "architecture": "x86_64",
    "service_mgr": "systemd",
}


def accepted(**other: str) -> bool:
    """Whether the conditions of the task hold for a machine that differs from a good one so."""
    tasks: list[dict[str, Any]] = yaml.safe_load(CHECK.read_text())
    (conditions,) = (task["ansible.builtin.assert"]["that"] for task in tasks if "ansible.builtin.assert" in task)
    facts = {"ansible_facts": {**GOOD, **other}}
    return all(jinja2.Environment().compile_expression(one)(**facts) for one in conditions)


def room(volume: str | None, free: int = 9) -> int:
    """Bytes that preflight counts, where lsblk says this of the data volume."""
    tasks: list[dict[str, Any]] = yaml.safe_load(CHECK.with_name("check_resources.yml").read_text())
    (told,) = (task["vars"] for task in tasks if "preflight_bytes" in task.get("vars", {}))
    engine = jinja2.Environment()
    engine.filters["regex_search"] = lambda text, pattern: (found := re.search(pattern, text)) and found[0]
    values: dict[str, Any] = {
        "preflight_free": {"stdout_lines": ["Avail", "5", str(free)]},
        "preflight_held": {"stdout": ""},
        "preflight_volume": {} if volume is None else {"stdout": volume},
    }
    for name in ("preflight_unused", "preflight_seen", "preflight_bytes"):
        values[name] = engine.from_string(told[name]).render(**values)
    return int(values["preflight_bytes"])


def whose(listening: list[str], publishing: list[str] | None) -> tuple[bool, str]:
    """Whether preflight takes these lines of `ss` and of `docker ps`, and what it says where it does not."""
    tasks: list[dict[str, Any]] = yaml.safe_load(CHECK.with_name("check_ports.yml").read_text())
    (task,) = (task for task in tasks if "ansible.builtin.assert" in task)
    engine = jinja2.Environment()
    engine.tests["search"] = lambda text, pattern: bool(re.search(pattern, text))
    engine.tests["match"] = lambda text, pattern: bool(re.match(pattern, text))
    values: dict[str, Any] = {
        "preflight_listening": {"stdout_lines": listening},
        "preflight_publishing": {} if publishing is None else {"stdout_lines": publishing},
        "proxy_http_port": 80,
        "proxy_https_port": 443,
    }
    for name, text in task["vars"].items():
        values[name] = engine.compile_expression(text.removeprefix("{{ ").removesuffix(" }}"))(**values)
    says = task["ansible.builtin.assert"]
    taken = all(engine.compile_expression(one)(**values) for one in says["that"])
    return taken, engine.from_string(says["fail_msg"]).render(**values)


class Ports(unittest.TestCase):
    """Who may listen on the ports of the proxy."""

    LINE = 'LISTEN 0 4096 0.0.0.0:443 0.0.0.0:* users:(("{}",pid=7,fd=4))'

    def test_nobody_or_what_docker_does_for_the_proxy_of_stuf(self) -> None:
        for listening in ([], [self.LINE.format("docker-proxy")], [self.LINE.format("dockerd")]):
            for publishing in (None, [], ["container stuf-proxy-1 of stuf/proxy"]):
                self.assertTrue(whose(listening, publishing)[0])

    def test_another_program_or_container_is_named(self) -> None:
        other = self.LINE.format("nginx")
        taken, said = whose([other, self.LINE.format("dockerd")], ["container stuf-proxy-1 of stuf/proxy"])
        self.assertEqual((taken, other in said, "stuf-proxy-1" in said), (False, True, False))
        for listening in ([], [self.LINE.format("docker-proxy")]):
            for name in (
                "shop-proxy-1 of shop/proxy",
                "stuf-proxy-1 of /",
                "n of stuf/proxy-2",
                "n of x of stuf/proxy",
            ):
                taken, said = whose(listening, [f"container {name}"])
                self.assertFalse(taken)
                self.assertIn(f"port 80 or 443: container {name}. Next: ", said)


class DataVolume(unittest.TestCase):
    """Where the data has a disk of its own."""

    def test_one_that_is_not_mounted_yet_counts_and_one_that_is_has_been_counted(self) -> None:
        found = [room(said) for said in (None, "", "107374182400", "107374182400 ", "107374182400 /srv/stuf-data")]
        self.assertEqual(found, [9, 9, 107374182400, 107374182400, 9])


class Machine(unittest.TestCase):
    """Machines that are offered."""

    def test_what_the_roles_are_written_for_is_taken(self) -> None:
        self.assertTrue(accepted())

    def test_any_other_is_refused_before_something_is_changed(self) -> None:
        others = (
            {"distribution": "Ubuntu"},
            {"distribution_major_version": "12"},
            # The program that copies the content would be copied there, and not start.
            {"architecture": "aarch64"},
            {"service_mgr": "openrc"},
        )
        for other in others:
            with self.subTest(**other):
                self.assertFalse(accepted(**other))


if __name__ == "__main__":
    unittest.main()
