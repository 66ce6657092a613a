"""What a plugin should not need and Python's library offers: tried one by one, and reported with what came of it.

Each attempt is a finding: ok with the error that refused it, critical if it got anything.
"""

import encodings.idna  # built in, or a name would fail for want of its encoding instead of being refused
import os
import random
import socket
import sys
import time
import uuid

from wit_world.imports import report

CHECK = "inert"
NAMES = ["reach", "clock", "sleep", "sleep-for-ever", "loop", "memory", "raise", "exit", "print"]


def findings(name: str, context: report.Context) -> list[report.Finding]:
    match name:
        case "reach":
            return [attempt(*each) for each in REACH]
        case "clock":
            return [clock(context)]
        case "sleep":
            before = time.monotonic()
            time.sleep(0.2)
            return [answer("sleep", report.Status.OK, "slept", {"slept": time.monotonic() - before})]
        case "sleep-for-ever":
            time.sleep(86400)
        case "loop":
            while True:
                pass
        case "memory":
            taken = []
            while True:
                taken.append(bytearray(1 << 20))
        case "raise":
            raise ValueError("the moon is wrong")
        case "exit":
            sys.exit(3)
        case "print":
            print("said on stdout")
            print("said on stderr\n2026-01-01 ERROR forged\x1b[31m", file=sys.stderr)
    return [answer(name, report.Status.OK, "came back", {})]


def clock(context: report.Context) -> report.Finding:
    """Time is the run's; randomness is there, and is drawn anew in each run."""
    facts = {
        "wall": time.time_ns() // 1000, "now": context.now, "urandom": os.urandom(16).hex(),
        "uuid4": uuid.uuid4(), "random": random.SystemRandom().random(),
    }
    return answer("clock", report.Status.OK, "read", facts)


def read_file():
    with open("/etc/passwd") as file:
        return file.read()


def write_file():
    with open("/tmp/pgreeve-was-here", "w") as file:
        return file.write("x")


def connect():
    with socket.create_connection(("127.0.0.1", 5432), timeout=1) as peer:
        return peer.getpeername()


def listen():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()


def send_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return sender.sendto(b"x", ("127.0.0.1", 53))


# A word for the attempt, what it does, and whether nothing or an error is the answer that it should have.
REACH = [
    ("read-file", read_file),
    ("write-file", write_file),
    ("list-root", lambda: os.listdir("/")),
    ("list-here", lambda: os.listdir(".")),
    ("environment", lambda: dict(os.environ)),
    ("arguments", lambda: [word for word in sys.argv if word]),
    ("stdin", lambda: sys.stdin.read()),
    ("connect", connect),
    ("listen", listen),
    ("datagram", send_datagram),
    ("resolve", lambda: socket.getaddrinfo("localhost", 80)),
    ("run-program", lambda: os.system("id")),
]


def attempt(word: str, act) -> report.Finding:
    try:
        got = act()
    except (OSError, AttributeError) as error:  # anything else is a mistake of this file: a fault
        return answer(word, report.Status.OK, f"refused: {type(error).__name__}: {error}", {})
    if got:
        return answer(word, report.Status.CRITICAL, f"got {got!r}", {})
    return answer(word, report.Status.OK, "nothing there", {})


def answer(word: str, status: report.Status, summary: str, facts: dict) -> report.Finding:
    return report.Finding(
        key=f"{CHECK}/{word}", check=CHECK, status=status, reason=None, subject=None, summary=summary, detail=None,
        advice=None, evidence=[report.Fact(name, str(value)) for name, value in facts.items()],
    )
