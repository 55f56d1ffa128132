"""A small strict mail server: STARTTLS first, then a sign-in, then one mail after the other into a folder.

Every deviation from RFC 5321's order is an error reply; nothing is relayed.
"""

import asyncio
import base64
import json
import os
import re
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

FOLDER = Path(os.environ.get("MAIL_FOLDER", "/mails"))
USER = os.environ["MAIL_USER"]
PASSWORD = os.environ["MAIL_PASSWORD"]
DOMAIN = os.environ.get("MAIL_NAME", "mail.bench.test")
LIMIT = 10 * 1024 * 1024

ADDRESS = re.compile(r"<([^<>\s]+@[^<>\s@]+)>")
tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain(os.environ["MAIL_CERTIFICATE"], os.environ["MAIL_KEY"])


class Conversation:
    """One client, from greeting to QUIT."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secure: bool) -> None:
        self.reader, self.writer, self.secure = reader, writer, secure
        self.known = False
        self.greeted = False
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.over = False

    async def say(self, line: str) -> None:
        self.writer.write(f"{line}\r\n".encode())
        await self.writer.drain()

    async def line(self) -> str:
        raw = await asyncio.wait_for(self.reader.readline(), 60)
        if not raw:
            raise ConnectionError
        if not raw.endswith(b"\r\n") or len(raw) > 2000:
            await self.say("500 5.5.2 A line ends with CR LF and is at most 2000 bytes long")
            raise ConnectionError
        return raw[:-2].decode("utf-8", "replace")

    async def serve(self) -> None:
        await self.say(f"220 {DOMAIN} ESMTP")
        while not self.over:
            verb, _, rest = (await self.line()).partition(" ")
            handler = getattr(self, f"on_{verb.lower()}", None)
            if handler is None:
                await self.say("502 5.5.1 Unknown command")
            else:
                await handler(rest.strip())

    async def on_ehlo(self, rest: str) -> None:
        if not rest:
            await self.say("501 5.5.4 EHLO needs a name")
            return
        self.greeted = True
        self.sender, self.recipients = None, []
        extensions = ["8BITMIME", "SMTPUTF8", f"SIZE {LIMIT}", "AUTH PLAIN LOGIN" if self.secure else "STARTTLS"]
        for extension in [DOMAIN, *extensions[:-1]]:
            await self.say(f"250-{extension}")
        await self.say(f"250 {extensions[-1]}")

    async def on_starttls(self, rest: str) -> None:
        if self.secure or rest:
            await self.say("503 5.5.1 No STARTTLS now")
            return
        await self.say("220 2.0.0 Ready")
        await self.writer.start_tls(tls)
        self.secure, self.greeted = True, False

    async def on_auth(self, rest: str) -> None:
        if not self.secure:
            await self.say("538 5.7.11 Encryption first")
            return
        if self.known or not self.greeted:
            await self.say("503 5.5.1 No AUTH now")
            return
        words = rest.split()
        if words and words[0].upper() == "PLAIN":
            answer = words[1] if len(words) > 1 else await self._ask("")
            _, user, password = self._decoded(answer).split("\0")
        elif words and words[0].upper() == "LOGIN":
            user = self._decoded(words[1] if len(words) > 1 else await self._ask("VXNlcm5hbWU6"))
            password = self._decoded(await self._ask("UGFzc3dvcmQ6"))
        else:
            await self.say("504 5.5.4 PLAIN or LOGIN")
            return
        self.known = (user, password) == (USER, PASSWORD)
        await self.say("235 2.7.0 Welcome" if self.known else "535 5.7.8 Wrong user or password")

    async def _ask(self, what: str) -> str:
        await self.say(f"334 {what}")
        return await self.line()

    @staticmethod
    def _decoded(text: str) -> str:
        return base64.b64decode(text).decode()

    async def on_mail(self, rest: str) -> None:
        found = ADDRESS.search(rest)
        if not self.known:
            await self.say("530 5.7.0 Sign in first")
            return
        if self.sender is not None or not rest.upper().startswith("FROM:") or not found:
            await self.say("501 5.5.4 MAIL FROM:<address>, once")
            return
        self.sender = found[1]
        await self.say("250 2.1.0 OK")

    async def on_rcpt(self, rest: str) -> None:
        found = ADDRESS.search(rest)
        if self.sender is None:
            await self.say("503 5.5.1 MAIL first")
            return
        if not rest.upper().startswith("TO:") or not found:
            await self.say("501 5.5.4 RCPT TO:<address>")
            return
        self.recipients.append(found[1])
        await self.say("250 2.1.5 OK")

    async def on_data(self, rest: str) -> None:
        if not self.recipients or rest:
            await self.say("503 5.5.1 RCPT first")
            return
        await self.say("354 Go on; end with a point")
        lines, size = [], 0
        while (raw := await asyncio.wait_for(self.reader.readline(), 60)) != b".\r\n":
            if not raw:
                raise ConnectionError
            size += len(raw)
            lines.append(raw[1:] if raw.startswith(b".") else raw)
        if size > LIMIT:
            await self.say("552 5.3.4 Too large")
            return
        self._keep(b"".join(lines))
        self.sender, self.recipients = None, []
        await self.say("250 2.0.0 Kept")

    def _keep(self, content: bytes) -> None:
        name = f"{time.time_ns():020d}"
        envelope = {"from": self.sender, "to": self.recipients, "encrypted": self.secure}
        (FOLDER / f"{name}.json").write_text(json.dumps(envelope))
        partial = FOLDER / f".{name}.eml"
        partial.write_bytes(content)
        partial.rename(FOLDER / f"{name}.eml")

    async def on_rset(self, rest: str) -> None:
        self.sender, self.recipients = None, []
        await self.say("250 2.0.0 OK")

    async def on_noop(self, rest: str) -> None:
        await self.say("250 2.0.0 OK")

    async def on_quit(self, rest: str) -> None:
        await self.say("221 2.0.0 Bye")
        self.over = True


async def main() -> None:
    """Port 587 asks for STARTTLS, port 465 speaks TLS from the start."""
    FOLDER.mkdir(parents=True, exist_ok=True)

    def serving(secure: bool) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await Conversation(reader, writer, secure).serve()
            except (ConnectionError, TimeoutError, ValueError, ssl.SSLError) as error:
                print(f"conversation ended: {error!r}", flush=True)
            finally:
                writer.close()

        return serve

    submission = await asyncio.start_server(serving(False), port=587, limit=LIMIT)
    submissions = await asyncio.start_server(serving(True), port=465, ssl=tls, limit=LIMIT)
    await asyncio.gather(submission.serve_forever(), submissions.serve_forever())


asyncio.run(main())
