"""The certificate authorities of the bench.

`public` stands for the web's authorities: it is in the trust stores of the server, the Trust Architect's machine and
the identity image. `registry` is a private one that nobody trusts until a package brings it (`docker_registry_ca`), and
`source` that of the hosted side's storage, which the credential brings.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from .engine import locked
from .paths import CACHE, digest_of
from .shell import run

FOLDER = CACHE / "authorities"


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


def authority(name: str) -> Certificate:
    """The authority of that name, made once."""
    made = Certificate(FOLDER / f"{name}.crt", FOLDER / f"{name}.key")
    with locked(f"authority-{name}"):
        if not made.certificate.exists():
            FOLDER.mkdir(parents=True, exist_ok=True, mode=0o700)
            _openssl(
                *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "3650"),
                *("-subj", f"/CN=Bench authority {name}", "-keyout", made.key, "-out", made.certificate),
                *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            )
    return made


def issue(by: str, *names: str) -> Certificate:
    """A server certificate for host names and addresses; the same names give the same certificate."""
    issuer = authority(by)
    stem = FOLDER / f"{by}-{digest_of(issuer.certificate, *names)}"
    made = Certificate(stem.with_suffix(".crt"), stem.with_suffix(".key"))
    with locked(f"issue-{by}"):
        if not made.certificate.exists():
            request, extensions = stem.with_suffix(".csr"), stem.with_suffix(".ext")
            extensions.write_text(
                "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n"
                f"subjectAltName={','.join(_alternative(name) for name in names)}\n"
            )
            _openssl(
                *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={names[0]}"),
                *("-keyout", made.key, "-out", request),
            )
            _openssl(
                *("x509", "-req", "-in", request, "-CA", issuer.certificate, "-CAkey", issuer.key, "-CAcreateserial"),
                *("-days", "800", "-sha256", "-extfile", extensions, "-out", made.certificate),
            )
    return made


def _openssl(*words: str | Path) -> None:
    run(["openssl", *words])


def _alternative(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"
