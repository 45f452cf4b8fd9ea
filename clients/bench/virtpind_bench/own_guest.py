# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtpind-bench --domain: a guest of the user's, as it runs, seen from the host under alternating policies.

Each policy is lent by our connection to the bus: the service takes it back when the connection is gone, also when this
process is killed. Nothing here has to be undone by hand.
"""
import time

from . import interrupts, proc, schedule
from .bus import ServiceError, refusal
from .errors import FAILED, NO_SUCH_GUEST, Refused
from .metrics import OWN_GUEST, PERF
from .perf import Counters
from .progress import Progress
from .results import Condition, Measurement

SETTLE_S = 0.5
BACK_S = 30


class Bench:
    def __init__(self, service, settings):
        self.service, self.settings, self.name = service, settings, settings.domain
        self.manager = service.manager()
        self.notes, self.left_out, self.perf = [], [], None
        try:
            self.path = service.find(self.name)
            self.guest = service.guest(self.path)
        except ServiceError as error:
            raise refusal(error, f"--domain {self.name}") from None
        if self.guest["RunState"] != "running":
            raise Refused(f"--domain {self.name}: the guest is {self.guest['RunState']}, and only one that runs can be "
                          f"measured; virsh start {self.name}", NO_SUCH_GUEST)
        held = [f"{owner} ({why})" for path, owner, why in self.manager["Holds"] if path == self.path]
        if held:
            raise Refused(f"--domain {self.name}: the guest is held by {', '.join(held)}, so no policy would take "
                          "effect; wait for it, or end it", FAILED)
        if len(proc.online_cpus()) < 2:
            raise Refused("this host has one CPU, on which no policy makes a difference; at least two are needed",
                          FAILED)

    def check_policies(self):
        """By dry runs, so that a mistake in the last one is not found after the first was tried."""
        for word in self.settings.policies:
            try:
                self.service.plan(self.guest["UUID"], word.policy, word.options)
            except ServiceError as error:
                raise refusal(error, f"--policies: {word.text}") from None

    def find_threads(self):
        try:
            self.pid = proc.qemu_of(self.guest["Name"], self.guest["UUID"])
        except ProcessLookupError as error:
            raise Refused(f"--domain {self.name}: {error} on this host, or none that can be seen from here; run this "
                          "beside its QEMU, as root", FAILED) from None
        self.threads = list(proc.threads_of(self.pid).values())
        if not self.threads:
            raise Refused(f"--domain {self.name}: process {self.pid} has no threads of vCPUs; is it QEMU?", FAILED)
        self.before = proc.affinities_of(self.pid)

    def begin_counting(self):
        counters = Counters([thread.tid for thread in self.threads])
        why_not = counters.why_not()
        if why_not:
            self.notes.append(f"without hardware counters: {why_not}")
        else:
            self.perf = counters

    def set_policy(self, word):
        try:
            self.service.lend(self.path, word.policy, word.options)
        except ServiceError as error:
            raise refusal(error, f"policy {word.text} for {self.name}") from None

    def look(self):
        return [thread.counters() for thread in self.threads], time.monotonic()

    def window(self, word):
        self.set_policy(word)
        interrupts.sleep(min(SETTLE_S, self.settings.window))
        before, begun = self.look()
        if self.perf:
            self.perf.begin(self.settings.window)
        interrupts.sleep(self.settings.window)
        counted = self.perf.end() if self.perf else {}
        after, ended = self.look()
        seen = self.service.guest(self.path)
        return {"condition": word.text, "satisfied": seen["Satisfied"], "isolated": seen["IsolatedCPUs"],
                "pins": ",".join(sorted({thread.affinity() for thread in self.threads})),
                **proc.rates(before, after, ended - begun), **counted}

    def measure(self):
        orders = schedule.make_orders(self.settings.policies, self.settings.rounds, self.settings.seed)
        progress, windows = Progress(len(orders) * len(orders[0])), []
        try:
            for number, order in enumerate(orders):
                for word in order:
                    progress.show(word.text)
                    windows.append({"round": number, **self.window(word)})
                    self.take_note(word, windows[-1])
                    progress.step()
        finally:
            progress.clear()
        return windows

    def take_note(self, word, window):
        """Once for each policy: what it asks for and did not get."""
        if not window["satisfied"]:
            note = f"{word.text} was not met: {' '.join(self.service.why(self.guest['UUID']))}"
            if note not in self.notes:
                self.notes.append(note)

    def run(self):
        self.check_policies()
        try:
            self.find_threads()
            self.begin_counting()
            windows = self.measure()
        except (FileNotFoundError, ProcessLookupError) as error:
            raise self.ended() from error
        except Refused:
            if not self.is_running():
                raise self.ended() from None
            raise
        finally:
            if self.perf:
                self.perf.stop()
        self.end_policies()
        return self.measurement(windows)

    def is_running(self):
        try:
            return self.service.guest(self.path)["RunState"] == "running"
        except ServiceError:
            return False

    def ended(self):
        return Refused(f"--domain {self.name}: the guest ended while it was measured; its policy is that from before. "
                       "Start it, and measure again", NO_SUCH_GUEST)

    def end_policies(self):
        """Leaves the bus, and sees by another connection that everything is as before."""
        self.service.close()
        watcher, deadline = type(self.service)(self.settings.bus), time.monotonic() + BACK_S
        try:
            while time.monotonic() < deadline:
                watcher.sync()
                now = watcher.guest(self.path)
                same = all(now[key] == self.guest[key] for key in ("Policy", "PolicySource", "PolicyOptions"))
                if same and self.differing() == {}:
                    self.notes.append("policy and affinities of all threads are as before")
                    return
                time.sleep(0.1)
            self.notes.append("NOT as before: " + "; ".join(
                f"thread {tid} may run on {cpus}, before on {self.before[tid]}"
                for tid, cpus in self.differing().items()) + f"; policy {now['Policy']}")
        except (ServiceError, FileNotFoundError):
            self.notes.append("the guest ended at the end of the measurement")
        finally:
            watcher.close()

    def differing(self):
        """Threads of before that may run elsewhere now."""
        return {tid: cpus for tid, cpus in proc.affinities_of(self.pid).items()
                if tid in self.before and cpus != self.before[tid]}

    def measurement(self, windows):
        facts = {**proc.host_facts(), "virtpind": self.manager["Version"], "guest": self.guest["Name"],
                 "vcpus": len(self.threads), "policy-before": self.guest["Policy"],
                 **schedule.facts(self.settings)}
        words = [word.text for word in self.settings.policies]
        conditions = [Condition(word, "on CPU " + " or ".join(sorted({
            window["pins"] for window in windows if window["condition"] == word}))) for word in words]
        if max((window["busy"] for window in windows), default=0) < 0.05:
            self.notes.append("the guest was idle all the time: give it the work that you care about")
        pairs = [*zip(words, words[1:]), *([(words[0], words[-1])] if len(words) > 2 else [])]
        vcpus = f"{len(self.threads)} vCPU" + "s" * (len(self.threads) > 1)
        title = (f"virtpind-bench: the guest {self.guest['Name']} ({vcpus}), as it runs\n"
                 f"{proc.describe_host(facts)}; {schedule.describe(self.settings)}")
        return Measurement(title, OWN_GUEST + PERF, conditions, pairs, windows, {},
                           self.left_out, self.notes, facts)


def measure(service, settings):
    return Bench(service, settings).run()
