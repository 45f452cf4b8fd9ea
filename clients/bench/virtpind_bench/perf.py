# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hardware counters of a guest's vCPUs, where perf is installed and the processor lets it count."""
import shutil
import subprocess

EVENTS = ("cycles", "instructions", "LLC-load-misses")


def parse(text):
    """The figures of "perf stat -x,": {} where not all is counted."""
    counted = {}
    for line in text.splitlines():
        fields = line.split(",")
        if len(fields) > 2 and fields[0].isdecimal():
            counted[fields[2].split(":")[0]] = int(fields[0])
    cycles, instructions = counted.get("cycles"), counted.get("instructions")
    if not cycles or not instructions:
        return {}
    found = {"ipc": instructions / cycles}
    if "LLC-load-misses" in counted:
        found["misses"] = 1000 * counted["LLC-load-misses"] / instructions
    return found


class Counters:
    """Of these threads, from begin() to end()."""

    def __init__(self, tids):
        self.command = ["perf", "stat", "-x,", "-e", ",".join(EVENTS), "-t", ",".join(map(str, tids))]
        self.process = None

    def why_not(self):
        """Empty where there are counters."""
        if not shutil.which("perf"):
            return "perf is not installed"
        tried = subprocess.run([*self.command, "sleep", "0.1"], capture_output=True, text=True, check=False)
        return "" if parse(tried.stderr) else "perf counts no cycles here, as on most virtual hosts"

    def begin(self, seconds):
        self.process = subprocess.Popen([*self.command, "sleep", f"{seconds:.3f}"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, start_new_session=True)

    def end(self):
        _, said = self.process.communicate()
        self.process = None
        return parse(said)

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None
