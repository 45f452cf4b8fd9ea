# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtpind-bench without arguments: the tiny guest, in the same minute under several conditions."""
import os
import time
from statistics import median

from . import gaps, interrupts, proc, schedule
from .bus import ServiceError, refusal
from .errors import DENIED, FAILED, USAGE, Refused
from .guest import GuestEnded, TinyGuest, has_kvm
from .load import Load
from .metrics import TINY_GUEST
from .progress import Progress
from .results import Condition, Measurement

SETTLE_S = 0.1
# It takes no CPUs from others, and nobody moves for it more than its policy lets them.
DEDICATED = {"fallback": ("s", "fail"), "priority": ("i", -(1 << 30))}
MEANINGS = {
    "quiet": "no load of ours, policy none",
    "unpinned": "load, policy none",
    "siblings-wrong": "load, policy dedicated, on the threads of one core instead of a core for each vCPU",
    "dedicated": "load, policy dedicated",
    "imitated": "load, policy dedicated, and our load kept off the guest's CPUs by affinity; no isolation, but what "
                "the best one would give if this load was all there is",
    "isolated": "load, policy dedicated with isolate",
}
PAIRS = (("unpinned", "dedicated"), ("siblings-wrong", "dedicated"), ("dedicated", "isolated"),
         ("dedicated", "imitated"), ("unpinned", "isolated"), ("unpinned", "imitated"))


def check_host():
    """What there must be before anything is begun."""
    if os.geteuid() != 0:
        raise Refused("load in the host's slices and the guest's threads need root; run sudo virtpind-bench, or "
                      "measure a guest of yours without load: virtpind-bench --domain NAME", DENIED)
    if len(proc.online_cpus()) < 2:
        raise Refused("this host has one CPU: a guest cannot have one of its own beside the host's; at least two are "
                      "needed", FAILED)


class Bench:
    METRICS = TINY_GUEST

    def __init__(self, service, settings):
        self.service, self.settings = service, settings
        self.manager = service.manager()
        self.online = proc.online_cpus()
        self.load = Load(len(self.online), 0)
        self.guest = None
        self.left_out, self.notes = [], []

    def close(self):
        self.load.stop()
        if self.guest:
            self.guest.stop()
        self.service.close()

    def start_guest(self):
        two = proc.host_facts()["threads-per-core"] > 1 and len(self.online) >= 6
        if not two:
            self.left_out.append(("siblings-wrong", "needs at least three cores of two threads each."))
        self.boot_one_of(lambda kind: TinyGuest(self.manager["LibvirtURI"], kind, 2 if two else 1))

    def boot_one_of(self, make):
        """With KVM where it is there and runs the guest; else emulated. `make(kind)` makes one."""
        kinds = ["qemu"] if self.settings.tcg or not has_kvm() else ["kvm", "qemu"]
        for kind in kinds:
            self.guest = make(kind)
            if self.guest.boot():
                break
            self.guest.stop()
            if kind == kinds[-1]:
                raise Refused(f"the guest of the measurement does not boot ({kind}); see libvirt's log of "
                              f"{self.guest.name}", FAILED)
            self.notes.append("KVM is there and did not run the guest")
        if self.guest.kind == "qemu":
            self.notes.append("the guest is emulated (TCG): this shows what the host's scheduler does to a vCPU's "
                              "thread, and nothing of what KVM guests cost and gain")
        self.service.sync()
        try:
            self.path = self.service.find(self.guest.name)
        except ServiceError as error:
            raise refusal(error, "virtpind does not see the guest of the measurement") from None

    def set_policy(self, policy, options):
        try:
            self.service.lend(self.path, policy, options)
        except ServiceError as error:
            if error.name == "Unsatisfiable":
                raise Refused(f"there is no room for a dedicated guest of {self.guest.vcpus} vCPU beside the guests "
                              f"there are: {error}", FAILED) from None
            raise refusal(error, f"policy {policy} for the guest of the measurement") from None

    def probe(self):
        """Which conditions can be had here, with the policy of each."""
        policies = {"quiet": ("none", {}), "unpinned": ("none", {}), "dedicated": ("dedicated", DEDICATED)}
        self.set_policy("dedicated", DEDICATED)
        self.claim = set().union(*(proc.parse_cpulist(thread.affinity()) for thread in self.guest.threads))
        if len(self.claim) != self.guest.vcpus:
            raise Refused("the guest of the measurement did not get CPUs of its own: "
                          + " ".join(self.service.why(self.guest.name)), FAILED)
        self.cpus_of_claim = [min(proc.parse_cpulist(thread.affinity())) for thread in self.guest.threads]
        if self.pairs_siblings():
            core = ",".join(map(str, sorted(proc.siblings_of(min(self.claim)))))
            policies["siblings-wrong"] = ("dedicated", {**DEDICATED, "cpus": ("s", core), "smt": ("s", "prefer")})
        isolate = {**DEDICATED, "isolate": ("b", True)}
        self.set_policy("dedicated", isolate)
        if self.service.guest(self.path)["IsolatedCPUs"]:
            policies["isolated"] = ("dedicated", isolate)
        else:
            self.left_out.append(("isolated", "isolation cannot be had here: "
                                  + " ".join(self.service.why(self.guest.name))))
            if self.online - self.claim:
                policies["imitated"] = ("dedicated", DEDICATED)
        self.set_policy("none", {})
        return policies

    def pairs_siblings(self):
        return self.guest.vcpus > 1

    def choose(self, policies):
        wanted = self.settings.conditions
        for name in wanted or ():
            if name not in MEANINGS:
                raise Refused(f"--conditions: {name!r} is unknown; valid: {', '.join(MEANINGS)}", USAGE)
            if name not in policies:
                why = dict(self.left_out).get(name, "isolated can be had here, so nothing needs to imitate it")
                raise Refused(f"--conditions: {name} cannot be had here: {why}", USAGE)
        chosen = [name for name in MEANINGS if name in policies and (not wanted or name in wanted)]
        return {name: policies[name] for name in (chosen if "quiet" in chosen else ["quiet", *chosen])}

    def window(self, name, policy):
        """What a window of this condition came to."""
        interrupts.check()
        self.load.pause()
        self.set_policy(*policy)
        self.load.keep_to(self.online - self.claim if name == "imitated" else self.online)
        if name != "quiet":
            self.load.resume()
        interrupts.sleep(SETTLE_S)
        begun, own = time.monotonic(), time.process_time()
        before, busy, load = self.look()
        figures = self.measure_window(name)
        after, busy_after, load_after = self.look()
        # The host's figures are of the time from look to look, in which the guest also tells its report.
        seconds, own = time.monotonic() - begun, time.process_time() - own
        seen = proc.rates(before, after, seconds)
        return {"condition": name, **figures, "delay": seen["delay"], "migrations": seen["migrations"],
                        "load": (load_after - load) / seconds, "own": own / seconds,
                        "stolen": (busy_after[1] - busy[1]) / seconds,
                        "others": max(0.0, busy_after[0] - busy[0] - load_after + load - own - sum(
                            last["ran"] - first["ran"] for first, last in zip(before, after))) / seconds}

    def look(self):
        """The first vCPU alone counts: the others only spin beside it."""
        return [self.guest.threads[0].counters()], proc.busy_seconds(), self.load.cpu_seconds()

    def run(self):
        check_host()
        self.start_guest()
        self.prepare()
        policies = self.choose(self.probe())
        orders = schedule.make_orders(list(policies), self.settings.rounds, self.settings.seed)
        total = len(policies) * self.settings.rounds
        self.load.seconds = 60 + total * (4 * self.settings.window + 5)
        self.load.start()
        progress, windows = Progress(total), []
        try:
            for number, order in enumerate(orders):
                for name in order:
                    progress.show(name)
                    windows.append({"round": number, **self.window(name, policies[name])})
                    progress.step()
        finally:
            progress.clear()
        return self.measurement(policies, windows)

    def prepare(self):
        self.floor, self.reports = self.guest.calibrate(), []

    def measure_window(self, name):
        """Figures that can be told at once; those of the reports wait for the best measure of the guest's clock."""
        self.reports.append((name, self.guest.window(self.settings.window)))
        return {}

    def finish(self, policies, windows):
        """Completes the windows; the waiting curves by condition."""
        hz, floor = self.guest.hz, self.floor
        for (_, report), window in zip(self.reports, windows):
            window.update(gaps.figures(report, hz, floor))
        quiet = median(window["speed"] for window in windows if window["condition"] == "quiet")
        for window in windows:
            window["work"] = 100 * window["speed"] / quiet
        self.notes.append(f"gaps shorter than {floor * 1e6:.0f} us are the guest's own and do not count")
        return {name: gaps.waiting_curve([report for which, report in self.reports if which == name], hz, floor)
                for name in policies}

    def kind_word(self):
        return "KVM" if self.guest.kind == "kvm" else "TCG"

    def title(self):
        return f"virtpind-bench: a guest of {self.guest.vcpus} vCPU ({self.kind_word()}) under load"

    def measurement(self, policies, windows):
        curves = self.finish(policies, windows)
        facts = {**proc.host_facts(), "virtpind": self.manager["Version"], "guest": self.guest.kind,
                 "vcpus": self.guest.vcpus, "claim": sorted(self.claim), **schedule.facts(self.settings),
                 "load": self.load.describe()}
        mean = {key: sum(window[key] for window in windows) / len(windows) for key in ("own", "others", "stolen")}
        notes = [*self.notes, f"the load is {self.load.describe()}",
                 f"in the windows, the measurement itself took {100 * mean['own']:.2f} % of one CPU, others on this "
                 f"host {100 * mean['others']:.0f} %, and {100 * mean['stolen']:.0f} % was stolen by what it runs on"]
        title = f"{self.title()}\n{proc.describe_host(facts)}; {schedule.describe(self.settings)}"
        return Measurement(title, self.METRICS, [Condition(name, MEANINGS[name]) for name in policies],
                           [pair for pair in PAIRS if set(pair) <= policies.keys()], windows,
                           curves, self.left_out, notes, facts)


    @classmethod
    def measure(cls, service, settings):
        bench = cls(service, settings)
        try:
            return bench.run()
        except GuestEnded as error:
            raise Refused(f"{error}; nothing is left of it", FAILED) from None
        finally:
            bench.close()


def measure(service, settings):
    return Bench.measure(service, settings)
