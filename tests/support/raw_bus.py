# SPDX-License-Identifier: LGPL-2.1-or-later
"""A D-Bus client that keeps to no limit: messages are bytes, made by hand, sent as any user, and answers are read only
if somebody wants to."""
import os
import pwd
import select
import socket
import struct
import time

NAME = "org.virtpind1"
ROOT = "/org/virtpind1"
MANAGER = "org.virtpind1.Manager"
DRIVER = "org.freedesktop.DBus"
CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY = 1


def pad(data, to):
    return data + bytes(-len(data) % to)


def text(value):
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(raw)) + raw + b"\0"


def signature(value):
    return struct.pack("B", len(value)) + value.encode() + b"\0"


def field(code, kind, value):
    body = {"s": text, "o": text, "g": signature, "u": lambda number: struct.pack("<I", number)}[kind](value)
    start = struct.pack("B", code) + signature(kind)
    return (pad(start, 4) if kind != "g" else start) + body


def message(serial, member, types="", body=b"", *, interface=MANAGER, path=ROOT, destination=NAME, flags=0, kind=CALL,
            reply_serial=None, more_fields=()):
    """The bytes of one message; `more_fields` are of field()."""
    fields = [field(1, "o", path)] if path else []
    if interface:
        fields.append(field(2, "s", interface))
    if member:
        fields.append(field(3, "s", member))
    if reply_serial is not None:
        fields.append(field(5, "u", reply_serial))
    if destination:
        fields.append(field(6, "s", destination))
    if types:
        fields.append(field(8, "g", types))
    array = b""
    for one in [*fields, *more_fields]:
        array = pad(array, 8) + one
    head = struct.pack("<cBBBIII", b"l", kind, flags, 1, len(body), serial, len(array)) + array
    return pad(head, 8) + body


def renumbered(raw, serial):
    return raw[:8] + struct.pack("<I", serial) + raw[12:]


def strings(*values):
    body = b""
    for value in values:
        body = pad(body, 4) + text(value)
    return body


def options(count, distinct=True):
    """a{sv} of `count` entries of 24 bytes: to append at a multiple of 8, but for its length."""
    return b"".join(struct.pack("<I", 8) + b"k%07d\0\1s\0" % (number if distinct else 0) + struct.pack("<I", 3)
                    + b"abc\0"
                    for number in range(count))


def plan_body(domain, policy, entries):
    """The body of a Plan, type ssa{sv}, with those dictionary entries."""
    body = pad(strings(domain, policy), 4)
    start = body + struct.pack("<I", len(entries))
    return pad(start, 8) + entries


class RawClient:
    """One connection, opened as `uid`: the socket carries who opened it."""

    def __init__(self, address, uid=None, receive_bytes=None):
        self.socket = socket.socket(socket.AF_UNIX)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        path = address.removeprefix("unix:path=").split(",")[0]
        self._connect(path, uid)
        own = os.geteuid() if uid is None else uid
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(own).encode().hex().encode() + b"\r\n")
        assert self.socket.recv(200).startswith(b"OK")
        self.pending = b""
        self.serial = 1
        self.socket.sendall(b"BEGIN\r\n" + message(1, "Hello", interface=DRIVER, path="/org/freedesktop/DBus",
                                                   destination=DRIVER))
        self.name = self.wait_for(1)[2][4:].rstrip(b"\0").decode()

    def _connect(self, path, uid):
        if uid is None:
            self.socket.connect(path)
            return
        groups = os.getgroups()
        os.setgroups([pwd.getpwuid(uid).pw_gid])
        os.setegid(pwd.getpwuid(uid).pw_gid)
        os.seteuid(uid)
        try:
            self.socket.connect(path)
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)

    def close(self):
        self.socket.close()

    def send(self, raw):
        """A message, renumbered; returns its number."""
        self.serial += 1
        self.socket.sendall(renumbered(raw, self.serial))
        return self.serial

    def try_send(self, raw, timeout_s):
        """As much as the bus takes in that time; bytes sent."""
        deadline = time.monotonic() + timeout_s
        view = memoryview(raw)
        sent = 0
        self.socket.setblocking(False)
        try:
            while sent < len(view) and (left := deadline - time.monotonic()) > 0:
                try:
                    sent += self.socket.send(view[sent:sent + (1 << 18)])
                except BlockingIOError:
                    select.select([], [self.socket], [], left)
        finally:
            self.socket.setblocking(True)
        return sent

    def _next(self, timeout_s):
        """(kind, number of the call it answers, body, error's name) of the next message; None: not in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            if len(self.pending) >= 16:
                order = "<" if self.pending[:1] == b"l" else ">"
                body, fields = struct.unpack_from(order + "I4xI", self.pending, 4)
                end = 16 + (fields + 7) // 8 * 8 + body
                if len(self.pending) >= end:
                    raw, self.pending = self.pending[:end], self.pending[end:]
                    return self._read(raw, order, fields, body)
            if not select.select([self.socket], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            got = self.socket.recv(1 << 20)
            if not got:
                raise ConnectionError("the bus hung up")
            self.pending += got

    @staticmethod
    def _read(raw, order, fields, body):
        answers, error, at = None, None, 16
        while at < 16 + fields:
            code, kind = raw[at], raw[at + 2:at + 3]
            at += 4
            if kind == b"u":
                if code == 5:
                    answers = struct.unpack_from(order + "I", raw, at)[0]
                at += 4
            elif kind == b"g":
                at += raw[at] + 2
            else:
                length = struct.unpack_from(order + "I", raw, at)[0]
                if code == 4:
                    error = raw[at + 4:at + 4 + length].decode()
                at += 5 + length
            at += -at % 8
        return raw[1], answers, raw[len(raw) - body:], error

    def wait_for(self, serial, timeout_s=30):
        """The answer to that call, (kind, number, body, error's name); others are thrown away. None: not in time."""
        deadline = time.monotonic() + timeout_s
        while (seen := self._next(max(0, deadline - time.monotonic()))) is not None:
            if seen[1] == serial:
                return seen
        return None

    def ask(self, raw, timeout_s=30):
        """Sends and waits; (seconds, answer)."""
        begin = time.monotonic()
        answer = self.wait_for(self.send(raw), timeout_s)
        return time.monotonic() - begin, answer

    def reach_the_bus(self, timeout_s=30):
        """What was sent before this has been passed on when it returns."""
        _, answer = self.ask(message(1, "GetId", interface=DRIVER, path="/org/freedesktop/DBus", destination=DRIVER),
                             timeout_s)
        assert answer, "the bus does not answer"

    def drain(self):
        """Throws away what has arrived, without waiting; bytes."""
        size = len(self.pending)
        self.pending = b""
        while select.select([self.socket], [], [], 0)[0]:
            got = self.socket.recv(1 << 20)
            if not got:
                break
            size += len(got)
        return size
