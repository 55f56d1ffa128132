"""The script of the first boot, with stand-ins for what a machine of AWS has."""

from __future__ import annotations

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from workshop import MODULE

#: What apt-get does of itself: without lists it knows no package, and without the network it makes none, of which it
#: tells only who asks it to. The network is there once the file is.
APT = """
case $* in
  update*)
    if [ -e "$NETWORK" ]; then : >"$LISTS"; else case $* in *Error-Mode=any*) exit 100;; esac; fi;;
  *.deb) for last; do :; done; cat "$last" >>"$CALLS";;
  *) [ -e "$NETWORK" ] && [ -e "$LISTS" ] || exit 100;;
esac"""
#: Each writes down how it was called. `curl` reaches nothing at first, as before the address is there.
STAND_INS = {
    "cloud-init": 'echo eu-west-1',
    "apt-get": APT,
    "systemctl": "",
    "sleep": "",
    "curl": """
[ "$(grep -c ^curl "$CALLS")" -ge 3 ] || exit 6
while [ $# -gt 0 ]; do case $1 in --output) echo agent >"$2";; esac; shift; done""",
}  # fmt: skip


class FirstBoot(unittest.TestCase):
    """One boot."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "bin").mkdir()
        self.stand_in(**STAND_INS)
        (self.folder / "network").touch()

    def stand_in(self, **programs: str) -> None:
        """Puts programs where the script looks for them first."""
        for name, does in programs.items():
            program = self.folder / "bin" / name.replace("_", "-")
            program.write_text(f'#!/bin/sh\necho "{program.name} $*" >>"$CALLS"\n{does}\n')
            program.chmod(0o755)

    def boot(self) -> tuple[int, list[str]]:
        """The exit code, and what was called."""
        calls = self.folder / "calls"
        calls.write_text("")
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        lists, network = (self.folder / name for name in ("lists", "network"))
        lists.unlink(missing_ok=True)
        environment = {"CALLS": calls, "TMPDIR": temporary, "LISTS": lists, "NETWORK": network}
        done = subprocess.run(
            [MODULE / "first-boot.sh"], check=False,
            env={"PATH": path} | {name: str(place) for name, place in environment.items()},
        )  # fmt: skip
        self.assertEqual(list(temporary.iterdir()), [], "the package stays on the disk")
        return done.returncode, [line.replace(str(temporary), "TMP") for line in calls.read_text().splitlines()]

    def test_the_agent_comes_from_amazons_bucket_of_the_region_once_the_network_is_there(self) -> None:
        code, calls = self.boot()
        self.assertEqual(code, 0)
        self.assertEqual([call for call in calls if call == "sleep 10"], ["sleep 10"] * 2)
        fetched = [call for call in calls if call.startswith("curl")][-1]
        self.assertTrue(
            fetched.endswith(
                " https://s3.eu-west-1.amazonaws.com/amazon-ssm-eu-west-1/latest/debian_amd64/amazon-ssm-agent.deb"
            ),
            fetched,
        )
        self.assertIn(" --fail ", fetched)
        self.assertIn(" --proto =https ", fetched)
        self.assertEqual(calls[-2:], ["agent", "systemctl enable --now amazon-ssm-agent"])

    def test_until_the_network_is_there_the_lists_are_asked_for_again_not_the_packages_alone(self) -> None:
        network = self.folder / "network"
        network.unlink()
        self.stand_in(sleep=f'[ "$(grep -c ^sleep "$CALLS")" -lt 3 ] || : >"{network}"', curl="""
            while [ $# -gt 0 ]; do case $1 in --output) echo agent >"$2";; esac; shift; done""")  # fmt: skip
        code, calls = self.boot()
        self.assertEqual(code, 0)
        update = "apt-get update -qq -o APT::Update::Error-Mode=any"
        install = "apt-get install -y -qq --no-install-recommends ca-certificates curl"
        self.assertEqual(calls[1:9], [update, "sleep 10"] * 3 + [update, install])
        self.assertEqual(calls[-1], "systemctl enable --now amazon-ssm-agent")

    def test_while_debians_own_timers_install_it_is_tried_again(self) -> None:
        busy = 'case $* in *.deb) [ "$(grep -c "^apt-get.*deb$" "$CALLS")" -ge 4 ] || exit 100;; esac'
        self.stand_in(**{"apt-get": busy, "curl": ""})
        code, calls = self.boot()
        self.assertEqual(code, 0)
        tried = ["apt-get" if call.startswith("apt-get install") else call for call in calls[-8:]]
        self.assertEqual(tried, ["apt-get", "sleep 10"] * 3 + ["apt-get", "systemctl enable --now amazon-ssm-agent"])
        self.stand_in(**{"apt-get": "case $* in *.deb) exit 100;; esac"})
        code, calls = self.boot()
        self.assertEqual((code, calls[-1].startswith("apt-get install")), (1, True), calls[-1])

    def test_a_network_that_never_comes_ends_the_boot_with_what_failed(self) -> None:
        self.stand_in(curl="exit 6")
        code, calls = self.boot()
        self.assertNotEqual(code, 0)
        self.assertEqual(len([call for call in calls if call == "sleep 10"]), 59)
        self.assertFalse(
            [call for call in calls if call.endswith(".deb") and "curl" not in call or "systemctl" in call]
        )


if __name__ == "__main__":
    unittest.main()
