# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the modules with effects make of what the kernel and others say, and whom they refuse."""
import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import uuid
from pathlib import Path
from unittest import mock

from virtpind_bench import bus, guest, initramfs, interrupts, linux_guest, main, perf, proc, progress, tiny_guest
from virtpind_bench.errors import DENIED, FAILED, USAGE, Refused


class Kernel(unittest.TestCase):
    def test_cpulists(self):
        self.assertEqual(proc.parse_cpulist("0-2,5\n"), {0, 1, 2, 5})
        self.assertEqual(proc.parse_cpulist("\n"), set())

    def test_rates_are_those_of_all_vcpus_together(self):
        before = [{"ran": 1.0, "waited": 0.0, "moved": 2, "voluntary": 5, "involuntary": 0}] * 2
        after = [{"ran": 2.0, "waited": 1.0, "moved": 4, "voluntary": 7, "involuntary": 1},
                 {"ran": 1.0, "waited": 0.0, "moved": 2, "voluntary": 5, "involuntary": 0}]
        self.assertEqual(proc.rates(before, after, 2.0), {"delay": 50.0, "busy": 0.5, "migrations": 1.0,
                                                          "involuntary": 0.5, "voluntary": 1.0})

    def test_what_the_kernel_does_not_tell_is_no_zero(self):
        look = [{"ran": 1.0, "waited": 0.0, "moved": None, "voluntary": 5, "involuntary": 0}]
        self.assertIsNone(proc.rates(look, look, 1.0)["migrations"])

    def test_perf_counts_all_or_nothing(self):
        counted = "1000,,cycles,1,100.00,,\n500,,instructions:u,1,100.00,,\n5,,LLC-load-misses,1,100.00,,\n"
        self.assertEqual(perf.parse(counted), {"ipc": 0.5, "misses": 10.0})
        self.assertEqual(perf.parse("<not supported>,,cycles,0,100.00,,\n500,,instructions,1,100.00,,\n"), {})


class Processes(unittest.TestCase):
    """Whoever runs something on the host chooses its arguments."""

    def test_a_guest_is_found_by_its_uuid_whatever_else_runs(self):
        wanted = str(uuid.uuid4())
        waits = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
        with contextlib.ExitStack() as stack:
            for arguments in (["-uuid"], ["-uuid", wanted], ["-uuid"]):
                process = stack.enter_context(subprocess.Popen([*waits, *arguments], stdin=subprocess.PIPE,
                                                               stdout=subprocess.PIPE))
                process.stdout.readline()  # its arguments are there
                if wanted in arguments:
                    found = process.pid
            self.assertEqual(proc.qemu_of("no such guest", wanted), found)
            with self.assertRaisesRegex(ProcessLookupError, "no process runs the guest"):
                proc.qemu_of("no such guest", str(uuid.uuid4()))


class LinuxGuests(unittest.TestCase):
    def test_answer_of_the_probe_is_read(self):
        figures, pairs = linux_guest.parse_answer(["T 5 980", "T 60 15", "T 900 5", "M 9000 4000", "C 0 1 80.5",
                                                   "C 0 2 120.0"])
        self.assertEqual(figures, {"late99": 60, "late_max": 900, "cache": 9000, "memory": 4000, "apart": 120})
        self.assertEqual(pairs, {(0, 1): 80.5, (0, 2): 120.0})
        for lost in (["M 1 1"], ["T 5 1"], ["T 5 1", "M 1 1", "Kernel panic"], ["T 5 x", "M 1 1"]):
            with self.assertRaises(ValueError):
                linux_guest.parse_answer(lost)

    def test_percentile_is_exceeded_by_no_more_than_its_share(self):
        self.assertEqual(linux_guest.percentile({1: 99, 7: 1}, 0.01), 1)
        self.assertEqual(linux_guest.percentile({1: 98, 7: 2}, 0.01), 7)
        self.assertEqual(linux_guest.percentile({3: 5}, 0.01), 3)

    @unittest.skipUnless(shutil.which("busybox"), "busybox is not installed: tests/install-deps")
    def test_archive_is_one_that_others_can_read(self):
        packed = initramfs.archive({"/init": b"program", "/lib/a/b.so": b"x" * 5}, console=False)
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["busybox", "cpio", "-i", "-d"], input=packed, cwd=folder, check=True, capture_output=True)
            self.assertEqual(Path(folder, "init").read_bytes(), b"program")
            self.assertEqual(Path(folder, "lib/a/b.so").read_bytes(), b"x" * 5)
            self.assertTrue(os.access(Path(folder, "init"), os.X_OK) and Path(folder, "proc").is_dir())
        self.assertEqual(initramfs.archive({}).count(b"dev/console"), 1)

    @unittest.skipUnless("VIRTPIND_BENCH_PROBE" in os.environ, "the probe is not built")
    def test_probe_measures_what_it_is_asked_to(self):
        said = subprocess.run([os.environ["VIRTPIND_BENCH_PROBE"]], input="nonsense\ngo 0.1\n", text=True, check=True,
                              capture_output=True).stdout.splitlines()
        self.assertRegex(said[0], r"^R \d+$")
        self.assertEqual(said[-1], "E")
        figures, pairs = linux_guest.parse_answer(said[1:-1])
        self.assertTrue(figures["memory"] > 0 and figures["late_max"] >= figures["late99"])
        vcpus = min(int(said[0].split()[1]), 8)
        self.assertEqual(len(pairs), vcpus * (vcpus - 1) // 2)


class Refusals(unittest.TestCase):
    def refused(self, call, status, *parts):
        with self.assertRaises(Refused) as refusal:
            call()
        self.assertEqual(refusal.exception.status, status)
        for part in parts:
            self.assertIn(part, str(refusal.exception))

    def test_host_with_one_cpu(self):
        with mock.patch("os.geteuid", return_value=0), mock.patch.object(proc, "online_cpus", return_value={0}):
            self.refused(tiny_guest.check_host, FAILED, "one CPU", "at least two")

    def test_user_without_rights(self):
        with mock.patch("os.geteuid", return_value=1000):
            self.refused(tiny_guest.check_host, DENIED, "root", "--domain NAME")

    def test_host_without_virsh_or_image(self):
        with mock.patch("shutil.which", return_value=None):
            self.refused(lambda: guest.virsh("qemu:///system", "uri"), 6, "libvirt-clients")
        with mock.patch.object(guest, "IMAGE", guest.IMAGE / "gone"):
            self.refused(lambda: guest.TinyGuest("qemu:///system", "qemu", 1), FAILED, "gone", "VIRTPIND_BENCH_GUEST")

    def test_linux_guest_without_a_kernel_or_the_probe(self):
        self.refused(lambda: linux_guest.find_kernel("/gone/vmlinuz"), USAGE, "/gone/vmlinuz", "--kernel FILE")
        with mock.patch.object(linux_guest, "PROBE", Path("/gone/probe")):
            self.refused(linux_guest.make_archive, FAILED, "/gone/probe", "VIRTPIND_BENCH_PROBE")

    def test_service_that_does_not_know_the_flag_is_older(self):
        error = bus.ServiceError("org.freedesktop.DBus.Error.InvalidArgs", "unknown bits 0x8")
        refused = bus.refusal(error, "policy x")
        self.assertIn("policy x: unknown bits 0x8; is the virtpind that runs older", str(refused))
        self.assertEqual(bus.refusal(bus.ServiceError("org.virtpind1.Error.NoSuchDomain", "no"), "x").status, 4)

    def test_arguments(self):
        for arguments, *parts in ((["--rounds", "7"], "7", "8 to 1000"), (["--window", "0"], "0 s", "0.05 to 600"),
                                  (["--rounds", "x"], "--rounds", "--help"), (["--dom", "x"], "--dom"),
                                  (["--policies", "none,auto"], "--domain NAME"),
                                  (["--domain", "x", "--tcg"], "--tcg", "--policies"),
                                  (["--kernel", "x"], "--kernel", "--linux"),
                                  (["--domain", "x", "--policies", "none"], "1 policies")):
            self.refused(lambda given=arguments: main.run(given, "0"), USAGE, *parts)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class ProgressOfWindows(unittest.TestCase):
    def test_terminal_sees_what_is_measured_and_how_long_it_takes_yet(self):
        shown = Terminal()
        counted = progress.Progress(4, shown)
        counted.show("quiet")
        self.assertTrue(shown.getvalue().endswith("0 of 4 windows: quiet"))
        counted.begun -= 30
        counted.step()
        counted.show("dedicated")
        self.assertRegex(shown.getvalue(), r"1 of 4 windows: dedicated, 9\d s left$")
        counted.clear()
        self.assertTrue(shown.getvalue().endswith("\r\033[K"))

    def test_others_see_nothing(self):
        shown = io.StringIO()
        progress.Progress(4, shown).show("quiet")
        self.assertEqual(shown.getvalue(), "")


class Interrupts(unittest.TestCase):
    def test_interrupt_that_was_lost_is_heard_later(self):
        with mock.patch.object(interrupts.Asked, "to_end", False):
            interrupts.check()
            try:
                interrupts.ask(2, None)
            except KeyboardInterrupt:
                pass  # as Python does while it ends an object
            with self.assertRaises(KeyboardInterrupt):
                interrupts.sleep(60)


class Definition(unittest.TestCase):
    def test_names_are_text_and_the_image_keeps_its_owner(self):
        xml = guest.definition("a<b", "an id", "kvm", 2, 16, guest.disk_of("/x & y"), "/usr/bin/qemu")
        for part in ("<name>a&lt;b</name>", "/x &amp; y", "relabel='no'", "<vcpu placement='static'>2</vcpu>"):
            self.assertIn(part, xml)
