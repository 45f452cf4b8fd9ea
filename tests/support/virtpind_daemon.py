# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtpind under test: everything it touches points into one directory, READY comes by sd_notify."""
import os
import signal
import socket
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

from waiting import wait_until

BINARY = os.environ.get("VIRTPIND_BINARY", "build/daemon/virtpind")
# Whether the size of its memory is its own: a sanitizer keeps what was freed.
MEMORY_IS_ITS_OWN = os.environ.get("VIRTPIND_SANITIZER", "none") == "none"


class VirtpindDaemon:
    def __init__(self, directory, bus, uri, *, topology=None, config=None, arguments=(),
                 environment=None, log_level="debug", state_dir=None, journal=False):
        """`journal`: virtpind takes its log for the stream to the journal."""
        self.directory = Path(directory)
        self.bus = bus
        self.log = self.directory / "virtpind.log"
        self.process = None
        self.environment = environment or {}
        self.journal = journal
        self.notifications = []
        self.command = [BINARY, "--bus", "session", "--uri", uri, "--log-level", log_level,
                        "--state-dir", str(state_dir
                                           or self.directory / "state"), "--runtime-dir", str(self.directory / "run")]
        if topology:
            self.command += ["--topology", topology]
        if config is not None:
            path = self.directory / "virtpind.json"
            path.write_text(config)
            self.command += ["--config", str(path)]
        self.command += arguments
        for name in ("state", "run"):
            (self.directory / name).mkdir(exist_ok=True)
        self.launches = 0
        self.ear = None

    def start(self):
        """Returns when the daemon says READY=1."""
        self.launch()
        wait_until(self._is_ready, lambda: f"virtpind is READY; its log:\n{self.log_text()}")
        return self

    def launch(self):
        """Returns at once."""
        notify_path = self._listen()
        environment = dict(os.environ, DBUS_SESSION_BUS_ADDRESS=self.bus.address,
                           NOTIFY_SOCKET=str(notify_path), **self.environment)
        with self.log.open("ab") as log:
            if self.journal:
                about = os.fstat(log.fileno())
                environment["JOURNAL_STREAM"] = f"{about.st_dev}:{about.st_ino}"
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment)

    def _is_ready(self):
        assert self.process.poll() is None, f"virtpind ended ({self.process.returncode}):\n{self.log_text()}"
        return "READY=1" in self.read_notifications()

    def _listen(self):
        """Hears one run of the daemon, on a thread: as with systemd, nobody waits until it is heard."""
        self._end_listening()
        self.launches += 1
        path = self.directory / f"notify{self.launches}"
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ear.bind(str(path))
        path.chmod(0o777)  # the daemon may run as another user
        self.notifications = []
        threading.Thread(target=self._hear, args=(self.ear, self.notifications), daemon=True).start()
        return path

    @staticmethod
    def _hear(ear, heard):
        while said := ear.recv(65536):
            heard.extend(said.decode().splitlines())
        ear.close()

    def _end_listening(self):
        if self.ear:
            self.ear.shutdown(socket.SHUT_RDWR)

    def read_notifications(self):
        """All lines notified since launch(), oldest first."""
        return self.notifications

    def notified(self, line):
        """How often `line` was notified since start()."""
        return self.read_notifications().count(line)

    def wait_for_notification(self, line):
        wait_until(lambda: line in self.read_notifications(), f"virtpind notifies {line}")

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def memory_kib(self):
        """Resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))

    def peak_memory_kib(self):
        """The most resident memory since forget_peak()."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))

    def forget_peak(self):
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def cpu_s(self):
        """CPU time of all its threads."""
        fields = Path(f"/proc/{self.process.pid}/schedstat").read_text().split()
        assert fields, "the kernel counts"
        return sum(int((task / "schedstat").read_text().split()[0])
                   for task in Path(f"/proc/{self.process.pid}/task").iterdir()) / 1e9

    def stop(self, how=signal.SIGTERM, deadline_s=30):
        """Ends the daemon if it runs and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(deadline_s)

    def kill(self):
        return self.stop(signal.SIGKILL)

    @contextmanager
    def suspended(self):
        """The daemon stands still meanwhile: what happens in the block, happens without it."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def start_restore(self, *arguments, environment=None):
        """`virtpind restore` on this daemon's state; returns the running process."""
        uri, state_dir = (self.command[self.command.index(option) + 1] for option in ("--uri", "--state-dir"))
        return subprocess.Popen([BINARY, "restore", "--uri", uri, "--state-dir", state_dir, *arguments],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
                                env=dict(os.environ, **(environment or {})))

    def restore(self, *arguments):
        """The same, to its end; returns the finished process."""
        restoring = self.start_restore(*arguments)
        output, errors = restoring.communicate(timeout=60)
        return subprocess.CompletedProcess(restoring.args, restoring.returncode, output, errors)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def restart(self, how=signal.SIGTERM):
        self.stop(how)
        return self.start()

    def close(self):
        """Who has not ended before the test's eyes must run, and end well; sanitizers report by the exit status."""
        status = self.stop() if self.process and self.process.returncode is None else 0
        self._end_listening()
        assert status == 0, f"virtpind ended with status {status}:\n{self.log_text()}"
