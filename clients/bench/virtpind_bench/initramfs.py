# SPDX-License-Identifier: LGPL-2.1-or-later
"""The archive that a Linux guest starts from: cpio, in the kernel's form "newc". Pure."""
import os
import stat


def entry(number, name, mode, data=b"", device=(0, 0)):
    """`name` without a leading /."""
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
    return padded(head) + padded(data)


def padded(data):
    return data + b"\0" * (-len(data) % 4)


def archive(files, console=True):
    """`files`: path to content, each of a program or library. With their folders, and the console that the first
    process speaks to."""
    folders = {"dev", "proc", "sys"}
    for path in files:
        folder = os.path.dirname(path.lstrip("/"))
        while folder:
            folders.add(folder)
            folder = os.path.dirname(folder)
    parts = [entry(index, folder, stat.S_IFDIR | 0o755) for index, folder in enumerate(sorted(folders), 1)]
    if console:
        parts.append(entry(len(parts) + 1, "dev/console", stat.S_IFCHR | 0o600, device=(5, 1)))
    for path, data in sorted(files.items()):
        parts.append(entry(len(parts) + 1, path.lstrip("/"), stat.S_IFREG | 0o755, data))
    parts.append(entry(0, "TRAILER!!!", 0))
    return b"".join(parts)
