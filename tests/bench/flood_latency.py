#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long one caller waits while another makes 10,000 calls, on libvirt's test driver inside the daemon: for each
kind of call that everybody may make.

    tests/support/private-host tests/bench/flood_latency.py BUILD/daemon/virtpind [CALLS [DOMAINS [METHOD...]]]
"""
import multiprocessing
import os
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import virtpind_daemon  # noqa: E402
from driver_host import TOPOLOGY, make_host  # noqa: E402
from gi.repository import Gio, GLib  # noqa: E402
from private_bus import MANAGER, NAME, ROOT, PrivateBus  # noqa: E402
from waiting import wait_until  # noqa: E402

FLOODS = [("org.freedesktop.DBus.Peer", "Ping", None),
          ("org.freedesktop.DBus.Properties", "GetAll", ("(s)", (MANAGER,))),
          ("org.freedesktop.DBus.Introspectable", "Introspect", None), (MANAGER, "ListDomains", None),
          (MANAGER, "Describe", None),
          (MANAGER, "Reapply", ("(st)", ("d0", 0))),
          (MANAGER, "SetPolicy", ("(ssa{sv}t)", ("d0", "shared", {}, 0))),
          (MANAGER, "Plan", ("(ssa{sv})", ("d0", "dedicated", {}))),
          ("org.freedesktop.DBus.ObjectManager", "GetManagedObjects", None)]
QUIET = 2000


def measure(client, goes_on):
    """Sorted times of calls while `goes_on(how many were measured)`, in ms."""
    times = []
    while goes_on(len(times)):
        begin = time.monotonic()
        client.manager("ListDomains")
        times.append((time.monotonic() - begin) * 1000)
    return sorted(times)


class RawFlood:
    """A client that costs little: one message again and again, answers are counted and thrown away unread."""

    AT_ONCE = 100

    def __init__(self, address, interface, method, arguments):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(address.removeprefix("unix:path="))
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        assert self.socket.recv(200).startswith(b"OK")
        self.socket.sendall(b"BEGIN\r\n" + self._message("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                        "org.freedesktop.DBus", "Hello", None))
        self.call = self._message(NAME, ROOT, interface, method, arguments and GLib.Variant(*arguments))
        self.pending = b""
        self.errors = 0

    @staticmethod
    def _message(name, path, interface, method, body):
        message = Gio.DBusMessage.new_method_call(name, path, interface, method)
        message.set_serial(1)
        if body:
            message.set_body(body)
        return message.to_blob(Gio.DBusCapabilityFlags.NONE)

    def run(self, count, begun):
        """Two answers are not to the call: Hello's, and the signal NameAcquired."""
        answered = -2
        while answered < 0:
            answered += self._answers()
        self._send(1, min(self.AT_ONCE, count))
        begun.set()
        sent = self.AT_ONCE
        while answered < count:
            got = self._answers()
            answered += got
            more = max(0, min(got, count - sent))
            self._send(sent + 1, more)
            sent += more

    def _send(self, first, count):
        """Each with a serial of its own, bytes 8 to 11."""
        self.socket.sendall(b"".join(self.call[:8] + struct.pack("=I", 1 + serial) + self.call[12:]
                                     for serial in range(first, first + count)))

    def _answers(self):
        self.pending += self.socket.recv(1 << 20)
        count = at = 0
        while len(self.pending) - at >= 16:
            body, fields = struct.unpack_from("<I4xI" if self.pending[at] == ord("l") else ">I4xI", self.pending,
                                              at + 4)
            end = at + 16 + (fields + 7) // 8 * 8 + body
            if end > len(self.pending):
                break
            self.errors += self.pending[at + 1] == 3
            count += 1
            at = end
        self.pending = self.pending[at:]
        return count


def run_flood(address, call, count, begun, ended, answers):
    flood = RawFlood(address, *call)
    begin = time.monotonic()
    flood.run(count, begun)
    ended.set()
    answers.put((time.monotonic() - begin, flood.errors))


def main():
    virtpind_daemon.BINARY = sys.argv[1]
    calls = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    domains = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    methods = sys.argv[4:] or [flood[1] for flood in FLOODS]
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as directory:
        bus = PrivateBus(directory).start()
        uri = make_host(Path(directory) / "host.xml", domains)
        daemon = virtpind_daemon.VirtpindDaemon(directory, bus, uri, topology=TOPOLOGY, log_level="warning").start()
        client = bus.connect()
        wait_until(lambda: len(client.manager("ListDomains")) == domains, "the domains are known")
        print(f"ListDomains of {domains} domains, beside another client's {calls} calls\n")
        print("| the other calls | refused | seconds | calls measured | median, ms | p99, ms | p99 / quiet p99 "
              "| memory, KiB |\n"
              "|---|---|---|---|---|---|---|---|")
        quiet = None
        for call in [None, *(flood for flood in FLOODS if flood[1] in methods)]:
            took, refused = 0, 0
            if call:
                begun, ended, answers = spawn.Event(), spawn.Event(), spawn.Queue()
                process = spawn.Process(target=run_flood, args=(bus.address, call, calls, begun, ended, answers))
                process.start()
                begun.wait()
                times = measure(client, lambda _, ended=ended: not ended.is_set())
                took, refused = answers.get()
                process.join()
            else:
                times = measure(client, lambda measured: measured < QUIET)
            p99 = times[len(times) * 99 // 100]
            quiet = quiet or p99
            print(f"| {call[1] if call else 'none'} | {refused} | {took:.1f} | {len(times)} "
                  f"| {times[len(times) // 2]:.2f} "
                  f"| {p99:.2f} | {p99 / quiet:.1f} | {daemon.memory_kib()} |", flush=True)
        client.close()
        daemon.stop()
        bus.stop()


if __name__ == "__main__":
    main()
