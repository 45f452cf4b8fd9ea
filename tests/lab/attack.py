#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user in no group against the service as it is installed: under its unit, with its limits, on the system's bus.

    attack.py messages | unread | no-reply | connections  VISITOR DOMAIN
    attack.py locks  VISITOR FOLDER

Meanwhile root sets the policy of DOMAIN again and again, and must get a reply each time. Prints root's longest wait.
Status 1: root got no reply, or the service hung up. `locks` locks whatever VISITOR may open in FOLDER, prints how many
files that are, and holds them until it is ended."""
import fcntl
import os
import pwd
import resource
import signal
import sys
import time

from hostile_messages import LIST, messages, set_policy
from raw_bus import ERROR, MANAGER, NO_REPLY, RETURN, RawClient, message, plan_body, renumbered

BUS = "unix:path=/run/dbus/system_bus_socket"
INTROSPECT = "org.freedesktop.DBus.Introspectable"
PATIENCE_S = 120  # of a host that is emulated


class Root:
    def __init__(self, domain):
        self.bus = RawClient(BUS)
        self.raw = set_policy(domain)
        self.waited = []

    def ask(self):
        seconds, answer = self.bus.ask(self.raw, PATIENCE_S)
        if answer is None or answer[0] != RETURN:
            sys.exit(f"root's SetPolicy: {answer and answer[3] or 'no answer'} after {seconds:.1f} s")
        self.waited.append(seconds)


def send_until_full(clients, raw, count, root):
    """`count` of it by each connection, as far as the bus takes them at a time."""
    flood = b"".join(renumbered(raw, number) for number in range(2, 2 + count))
    left = [(client, memoryview(flood)) for client in clients]
    for client in clients:
        client.socket.setblocking(False)
    end = time.monotonic() + PATIENCE_S
    while left and time.monotonic() < end:
        still = []
        for client, rest in left:
            try:
                rest = rest[client.socket.send(rest):]
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):  # the bus has had enough of it
                continue
            if rest:
                still.append((client, rest))
        left = still
        root.ask()


def attack(kind, uid, root):
    if kind == "messages":
        for name, raw, error in messages():
            client = RawClient(BUS, uid)
            try:
                number = client.send(raw)
                answer = client.wait_for(number, PATIENCE_S) if error else None
                if error and (answer is None or answer[:1] != (ERROR,)):
                    sys.exit(f"{name}: not refused: {answer}")
            except (BrokenPipeError, ConnectionError):
                print(f"# {name}: the bus refuses it by itself")
            client.close()
            root.ask()
        return
    clients = [RawClient(BUS, uid) for _ in range({"unread": 60, "no-reply": 5, "connections": 8}[kind])]
    if kind == "unread":
        send_until_full(clients, message(1, "Introspect", interface=INTROSPECT), 100, root)
    elif kind == "no-reply":
        for raw in (message(1, "Describe", flags=NO_REPLY),
                    message(1, "Introspect", interface=INTROSPECT, flags=NO_REPLY)):
            send_until_full(clients, raw, 3000, root)
    else:
        plan = message(1, "Plan", "ssa{sv}", plan_body(sys.argv[3], "dedicated", b""))
        for _ in range(3):
            send_until_full(clients, plan, 20, root)
    for client in clients:
        client.close()


def hold_locks(user, top):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    held = 0
    for folder, _, files in os.walk(top):
        for name in [".", *files]:
            for how in os.O_RDONLY, os.O_WRONLY:
                try:
                    fcntl.flock(os.open(os.path.join(folder, name), how | os.O_NONBLOCK), fcntl.LOCK_EX | fcntl.LOCK_NB)
                    held += 1
                except OSError:  # not for this user
                    pass
    print(held, flush=True)
    signal.pause()


def main():
    if sys.argv[1] == "locks":
        hold_locks(pwd.getpwnam(sys.argv[2]), sys.argv[3])
    kind, visitor, domain = sys.argv[1:]
    root = Root(domain)
    root.ask()
    attack(kind, pwd.getpwnam(visitor).pw_uid, root)
    root.ask()
    if root.bus.ask(LIST, PATIENCE_S)[1][0] != RETURN:
        sys.exit("ListDomains fails")
    print(f"root waited {max(root.waited):.2f} s at most, of {len(root.waited)} calls")


main()
