#!/usr/bin/env python3
"""What stands for Session Manager: the service, a machine's agent, and Amazon's command `aws`.

As with Amazon's nobody connects to the machine. Its agent calls the service and waits; whoever asks the service for
that machine is led through to the agent, which connects to a port at the machine's own loopback address.

usage: session_manager.py serve | session_manager.py wait SERVICE INSTANCE
Called `aws`, it takes the one command that a package's ssh_config has, tells its version, and does nothing else.
"""

import collections
import os
import queue
import re
import socket
import sys
import threading
import time
from pathlib import Path

PORT = 8443
COMMAND = re.compile(
    r"ssm start-session --region ([a-z0-9-]+) --target (i-[0-9a-f]+)"
    r" --document-name AWS-StartSSHSession --parameters portNumber=(\d+)"
)
Waiting = dict[str, "queue.SimpleQueue[socket.socket]"]


def serve() -> None:
    """The service: brings those who ask for a machine together with its agent."""
    waiting: Waiting = collections.defaultdict(queue.SimpleQueue)
    with socket.create_server(("", PORT), backlog=64) as listener:
        while True:
            caller, _ = listener.accept()
            threading.Thread(target=meet, args=(caller, waiting), daemon=True).start()


def meet(caller: socket.socket, waiting: Waiting) -> None:
    """An agent waits to be asked; whoever asks is led to one, or turned away where none has called."""
    who, instance, *port = line(caller).split()
    if who == "agent":
        waiting[instance].put(caller)
        return
    try:
        agent = waiting[instance].get(timeout=20)
    except queue.Empty:
        caller.close()
        return
    agent.sendall(f"{port[0]}\n".encode())
    join(caller, agent)


def wait(service: str, instance: str) -> None:
    """The agent: one call to the service at a time waits for a session, and each session has its own."""
    while True:
        try:
            call = socket.create_connection((service, PORT))
            call.sendall(f"agent {instance}\n".encode())
            port = int(line(call))
        except (OSError, ValueError):
            time.sleep(0.5)
            continue
        threading.Thread(target=lead, args=(call, port), daemon=True).start()


def lead(call: socket.socket, port: int) -> None:
    """A session, to a port that only the machine itself reaches."""
    try:
        join(call, socket.create_connection(("127.0.0.1", port)))
    except OSError:
        call.close()


def client(words: list[str]) -> None:
    """`aws`: standard input and output are the session."""
    if words == ["--version"]:
        print("aws-cli/2.31.0 Python/3.13.5 Linux/6.12 exe/x86_64")
        return
    asked = COMMAND.fullmatch(" ".join(words))
    if asked is None:
        sys.exit(f"not a command that stands for Session Manager here: {words}")
    region, instance, port = asked.groups()
    session = socket.create_connection((f"ssmmessages.{region}.amazonaws.com", PORT))
    session.sendall(f"client {instance} {port}\n".encode())
    threading.Thread(target=upload, args=(session,), daemon=True).start()
    while data := session.recv(1 << 16):
        os.write(1, data)


def upload(session: socket.socket) -> None:
    """What ssh says, until it says no more."""
    while data := os.read(0, 1 << 16):
        session.sendall(data)
    session.shutdown(socket.SHUT_WR)


def join(one: socket.socket, other: socket.socket) -> None:
    """Carries both ways until both have ended."""
    back = threading.Thread(target=carry, args=(other, one), daemon=True)
    back.start()
    carry(one, other)
    back.join()
    one.close()
    other.close()


def carry(source: socket.socket, sink: socket.socket) -> None:
    """One way, whose end is told."""
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()


def line(of: socket.socket) -> str:
    """The first line, and nothing after it."""
    found = b""
    while not found.endswith(b"\n"):
        byte = of.recv(1)
        if not byte:
            break
        found += byte
    return found.decode().strip()


if __name__ == "__main__":
    if Path(sys.argv[0]).name == "aws":
        client(sys.argv[1:])
    elif sys.argv[1] == "serve":
        serve()
    else:
        wait(*sys.argv[2:])
