"""How the installation answers at its public name: the weakest TLS it takes, and whom it lets call the API."""

from __future__ import annotations

import http.client
import socket
import ssl
import warnings

from .failure import ExportError

TIMEOUT_SECONDS = 15.0
VERSIONS = (
    ("tls1.0", ssl.TLSVersion.TLSv1),
    ("tls1.1", ssl.TLSVersion.TLSv1_1),
    ("tls1.2", ssl.TLSVersion.TLSv1_2),
    ("tls1.3", ssl.TLSVersion.TLSv1_3),
)
STRANGER = "https://stranger.invalid"


def _context(lowest: ssl.TLSVersion, highest: ssl.TLSVersion) -> ssl.SSLContext:
    # Nothing is sent that a wrong server could use, and what is looked at is not whose certificate it is.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what is looked for
        context.minimum_version, context.maximum_version = lowest, highest
    return context


def transit(name: str, address: str, port: int) -> str:
    """The oldest version of TLS with which a connection comes about."""
    for word, version in VERSIONS:
        try:
            with (
                socket.create_connection((address, port), TIMEOUT_SECONDS) as plain,
                _context(version, version).wrap_socket(plain, server_hostname=name),
            ):
                return word
        except ssl.SSLError:
            continue
        except OSError as error:
            raise ExportError(f"{name} does not answer on port {port} ({type(error).__name__})") from None
    raise ExportError(f"{name} speaks no known version of TLS on port {port}")


def origins(name: str, address: str, port: int) -> list[str]:
    """Origins whose pages may call the API: asked as a page of somewhere else."""
    context = _context(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED)
    try:
        with (
            socket.create_connection((address, port), TIMEOUT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            connection = http.client.HTTPConnection(name)
            connection.sock = secure
            connection.request("GET", "/api/health", headers={"Origin": STRANGER})
            allowed = connection.getresponse().getheader("access-control-allow-origin")
    except (OSError, http.client.HTTPException) as error:
        raise ExportError(f"{name} does not answer on port {port} ({type(error).__name__})") from None
    if allowed in ("*", STRANGER):
        return ["*"]
    return sorted({f"https://{name}", *([allowed] if allowed else [])})
