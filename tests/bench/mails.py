"""Reading what the mail receiver kept."""

from __future__ import annotations

import email
import email.policy
import json
import re
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from .network import mails_folder
from .shell import wait_for


@dataclass(frozen=True)
class Mail:
    """A received mail and its envelope."""

    sender: str
    recipients: list[str]
    encrypted: bool
    message: EmailMessage

    @property
    def text(self) -> str:
        """The plain text."""
        part = self.message.get_body(("plain",))
        assert part is not None
        content: str = part.get_content()
        return content

    def link(self) -> str:
        """The invitation's link."""
        found = re.search(r"https://\S*action-token\?key=\S+", self.text)
        assert found, f"no link in:\n{self.text}"
        return found[0]


def received(folder: Path | None = None) -> list[Mail]:
    """Every mail, oldest first."""
    found = []
    for file in sorted((folder or mails_folder()).glob("*.eml")):
        envelope = json.loads(file.with_suffix(".json").read_text())
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        found.append(Mail(envelope["from"], envelope["to"], envelope["encrypted"], message))
    return found


def to(address: str, seconds: float = 30) -> Mail:
    """The newest mail to an address, waited for."""
    fitting: list[Mail] = []

    def there() -> bool:
        fitting[:] = [mail for mail in received() if address in mail.recipients]
        return bool(fitting)

    wait_for(f"a mail to {address}", there, seconds)
    return fitting[-1]


def forget() -> None:
    """Empties the mailbox."""
    for file in mails_folder().glob("*.*"):
        file.unlink()
