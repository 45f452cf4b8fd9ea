# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtpinctl as users type it, against the service on a private bus."""
import os
import pty
import select
import struct
import subprocess
import fcntl
import termios
from pathlib import Path

from waiting import wait_until

BINARY = os.environ.get("VIRTPINCTL_BINARY", "build/clients/ctl/virtpinctl")

# Exit statuses, as virtpinctl(1) has them.
OK, FAILED, USAGE, NOT_AS_ASKED, NO_SUCH_GUEST, DENIED, UNREACHABLE = range(7)


class Virtpinctl:
    def __init__(self, address, binary=BINARY, bus="session"):
        self.binary, self.bus = binary, bus
        self.environment = {**{name: value for name, value in os.environ.items()
                               if name not in ("COLUMNS", "NO_COLOR", "SYSTEMD_COLORS", "LC_ALL", "LANG")},
                            f"DBUS_{bus.upper()}_BUS_ADDRESS": address, "LC_ALL": "C.UTF-8", "TERM": "xterm"}

    def command(self, *arguments):
        return [self.binary, "--bus", self.bus, *(one if isinstance(one, bytes) else str(one) for one in arguments)]

    def run(self, *arguments, user=None, stdin=subprocess.DEVNULL, timeout=60, **environment):
        """The finished process."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=timeout, check=False,
                              stdin=stdin, env={**self.environment, **environment}, user=user, group=user,
                              extra_groups=[] if user else None)

    def start(self, *arguments, stdin=subprocess.DEVNULL, **environment):
        """A running process, whose lines are read from its stdout."""
        return subprocess.Popen(self.command(*arguments), stdin=stdin, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env={**self.environment, **environment})

    def on_terminal(self, *arguments, columns=80, rows=200, typed="", secrets=(), user=None, timeout=60, **environment):
        """Exit status and everything that a terminal of this size gets. `secrets` are pairs of a prompt and what is
        typed once it is shown and the terminal hides what is typed, in their order: who turns that on throws away
        what was typed before."""
        secrets = list(secrets)
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen(self.command(*arguments), stdin=theirs, stdout=theirs, stderr=theirs,
                                   env={**self.environment, **environment}, start_new_session=True,
                                   user=user, group=user, extra_groups=[] if user else None,
                                   preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = b""
        while select.select([ours], [], [], timeout)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if secrets and secrets[0][0].encode() in shown:
                wait_until(lambda: hides_typing(ours), lambda: f"what is typed is hidden: {shown.decode()}")
                os.write(ours, secrets.pop(0)[1].encode())
        else:
            process.kill()
            raise AssertionError(f"nothing more in {timeout} s after: {shown.decode()!r}")
        os.close(ours)
        return process.wait(timeout), shown.decode().replace("\r\n", "\n")


def hides_typing(terminal):
    """Whether the terminal does not echo."""
    local_flags = termios.tcgetattr(terminal)[3]
    return not local_flags & termios.ECHO


def make_folder_with(directory, name, script):
    """A folder for PATH with one program in it."""
    directory.mkdir()
    program = Path(directory) / name
    program.write_text(script)
    program.chmod(0o755)
    return directory


def says(done, status, *texts):
    """That the process has this exit status, and these texts in its output. Returns it."""
    output = done.stdout + done.stderr
    assert done.returncode == status, f"status {done.returncode}: {output}"
    for text in texts:
        assert text in output, output
    return done
