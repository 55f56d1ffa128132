"""Who is who on the bench's network."""

from __future__ import annotations

from dataclasses import dataclass

from .paths import CLONE, INSTANCE, PART

#: The address of the deployed STUF in the examples, and what else the names container answers for.
DOMAIN = "files.harbour.example"
#: Where the hosted side has it.
INSTALLATION = "harbour.stuf.pyx.io"
#: The address of the STUF that moves to an account at Amazon, and the end of every name of Amazon's.
ACME_DOMAIN = "files.acme.example"
AMAZON = "amazonaws.com"

MAIL_USER = "stuf-harbour"
#: Obviously no secret: the mail receiver exists on the bench only.
MAIL_PASSWORD = "bench-mail-password"

#: As the example's export names them; the key is of the bench only.
ZULIP_DOMAIN = "harbour.zulipchat.example"
ZULIP_KEY = "benchbenchbenchbenchbenchbenchbe"
SENTRY_PROJECT = "42"
SENTRY_KEY = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Place:
    """One participant: its container, its name in DNS, its address."""

    container: str
    name: str
    address: str


#: Third byte of the network, from the clone's own name: clones do not meet.
NUMBER = (int(CLONE, 16) + (125 if PART else 0)) % 250 + 1
SUBNET = f"10.213.{NUMBER}.0/24"
GATEWAY = f"10.213.{NUMBER}.1"
NETWORK = f"stufbench-{INSTANCE}"


def _place(role: str, last: int) -> Place:
    return Place(f"stufbench-{INSTANCE}-{role}", f"{role}.bench.test", f"10.213.{NUMBER}.{last}")


NAMES = _place("names", 2)
REGISTRY = _place("registry", 3)
MAIL = _place("mail", 4)
ZULIP = _place("zulip", 5)
SENTRY = _place("sentry", 6)
SOURCE = _place("source", 7)
HOSTED = _place("hosted", 8)
OPERATOR = _place("operator", 9)
SERVER = _place("server", 10)
ACCOUNT = _place("account", 11)
LAPTOP = _place("laptop", 20)
BROWSER = _place("browser", 30)
STRANGER = _place("stranger", 66)
EVERYONE = (NAMES, REGISTRY, MAIL, ZULIP, SENTRY, SOURCE, HOSTED, OPERATOR, SERVER, ACCOUNT, LAPTOP, BROWSER, STRANGER)

REGISTRY_HOST = f"{REGISTRY.name}:5000"
