// SPDX-License-Identifier: LGPL-2.1-or-later
#include "check_table.hpp"

#include "common/base/by_id.hpp"

#include <algorithm>
#include <array>

namespace virtpind {

namespace {

using enum Check;
constexpr auto error = Severity::error;
constexpr auto warning = Severity::warning;
constexpr auto note = Severity::note;

constexpr std::string_view dedicated = "virtpinctl set GUEST dedicated";
constexpr std::string_view whole_cores = "virtpinctl set GUEST dedicated smt=require";
constexpr std::string_view matched = "virtpinctl set GUEST dedicated topology=match";

constexpr std::array table{
    CheckInfo{policy_unsatisfied, "policy.unsatisfied", warning,
              "the guest has less than its policy asks for", "it runs, but not where it should",
              "virtpinctl explain GUEST"},
    CheckInfo{pin_none, "pin.none", note, "a guest with a device of the host may run on every CPU",
              "its vCPUs move between cores and caches while it plays or computes", dedicated},
    CheckInfo{pin_missing_cpu, "pin.missing-cpu", error,
              "a pin names CPUs that this host does not have",
              "libvirt drops them silently, and refuses to start the guest where none is left",
              dedicated},
    CheckInfo{pin_missing_node, "pin.missing-node", error,
              "the memory is bound to NUMA nodes that this host does not have, or that have none",
              "libvirt refuses to start the guest", dedicated},
    CheckInfo{pin_offline_cpu, "pin.offline-cpu", error, "a pin names CPUs that are offline",
              "libvirt drops them silently, and refuses to start the guest where none is left",
              dedicated},
    CheckInfo{pin_outside_cgroup, "pin.outside-cgroup", error,
              "a pin names CPUs that machine.slice may not use",
              "the kernel refuses such pins, or narrows them",
              "systemctl show machine.slice -p AllowedCPUs"},
    CheckInfo{pin_smt_mismatch, "pin.smt-mismatch", warning,
              "threads of one guest core run on different host cores",
              "the guest takes two vCPUs for one core that are two, and fills the wrong ones first",
              whole_cores},
    CheckInfo{pin_smt_split, "pin.smt-split", warning,
              "vCPUs that the guest takes for cores are threads of one host core",
              "the guest puts two busy threads where there is one core", whole_cores},
    CheckInfo{pin_smt_shared_foreign, "pin.smt-shared-foreign", warning,
              "siblings of its vCPUs' CPUs have somebody else",
              "who runs there takes up to half of the core away", whole_cores},
    CheckInfo{pin_dup, "pin.dup", warning, "several vCPUs are pinned to one CPU",
              "one waits while the other runs", dedicated},
    CheckInfo{pin_overlap_vm, "pin.overlap-vm", warning, "guests are pinned to the same CPUs",
              "each waits while the other runs there", dedicated},
    CheckInfo{pin_cross_llc, "pin.cross-llc", warning,
              "the vCPUs are spread over more L3s than they need",
              "what one of them wrote is slow to reach the others", dedicated},
    CheckInfo{pin_llc_shared_with_host, "pin.llc-shared-with-host", note,
              "the guest has part of an L3, and the host the rest",
              "the host's work drives the guest's data out of that cache", dedicated},
    CheckInfo{pin_cross_numa, "pin.cross-numa", warning,
              "the vCPUs are spread over NUMA nodes without cells, or the memory is on other nodes",
              "the guest takes all memory for local, and half of it is not", dedicated},
    CheckInfo{pin_device_remote, "pin.device-remote", warning,
              "a device of the guest is local to other nodes than its vCPUs",
              "its data and interrupts cross the link between the nodes",
              "virtpinctl set GUEST dedicated device=require"},
    CheckInfo{pin_core_class_mixed, "pin.core-class-mixed", warning,
              "the vCPUs are on cores of different types",
              "the guest takes its CPUs for equal, and waits for the slow ones",
              "virtpinctl set GUEST dedicated cores=performance"},
    CheckInfo{pin_ecore_cluster_split, "pin.ecore-cluster-split", note,
              "efficiency cores are taken from more clusters than needed",
              "each cluster shares one L2", dedicated},
    CheckInfo{pin_not_vcache, "pin.not-vcache", note,
              "the vCPUs would fit on the L3 with V-cache, and are not there alone",
              "only some of them have the large cache", dedicated},
    CheckInfo{pin_cpu0, "pin.cpu0", note, "a vCPU has CPU 0",
              "much of the kernel's own work and many interrupts are there", dedicated},
    CheckInfo{pin_all_cores, "pin.all-cores", warning, "the guest's pins take every CPU",
              "nothing is left for QEMU and the host, which then interrupt its vCPUs",
              "give the guest two vCPUs less, or virtpinctl set GUEST shared"},
    CheckInfo{pin_range, "pin.range", note, "vCPUs are pinned to several CPUs each",
              "they still move among these", dedicated},
    CheckInfo{pin_range_on_isolcpus, "pin.range-on-isolcpus", error,
              "a thread may use several CPUs of isolcpus",
              "the kernel balances no load there: it stays on one of them for good", dedicated},
    CheckInfo{pin_unpinned_vcpu_fallback, "pin.unpinned-vcpu-fallback", warning,
              "some vCPUs have a pin and others have none",
              "those without run wherever <vcpu cpuset> or the host lets them", dedicated},
    CheckInfo{pin_stale_vcpupin, "pin.stale-vcpupin", note,
              "there is a pin for a vCPU that the guest does not have", "libvirt drops it silently",
              "virsh edit GUEST: remove it"},
    CheckInfo{pin_live_not_config, "pin.live-not-config", note,
              "the running pins are not those of the definition", "its next start runs elsewhere",
              "virsh vcpupin GUEST VCPU CPUS --live --config, for those that are to stay"},
    CheckInfo{pin_affinity_changed, "pin.affinity-changed", warning,
              "threads may use other CPUs than libvirt set", "somebody moved them with taskset",
              "virtpinctl apply GUEST"},
    CheckInfo{pin_hotplugged_unpinned, "pin.hotplugged-unpinned", warning,
              "a vCPU that was plugged in has no pin", "libvirt gives it every CPU", dedicated},
    CheckInfo{emu_on_vcpu_cores, "emu.on-vcpu-cores", warning,
              "QEMU's own threads are pinned to CPUs of vCPUs", "whenever QEMU works, vCPUs wait",
              dedicated},
    CheckInfo{emu_unpinned, "emu.unpinned", warning,
              "the vCPUs are pinned one to one, and QEMU's own threads to nothing",
              "QEMU's threads run on the vCPUs' CPUs, too", dedicated},
    CheckInfo{emu_half_core, "emu.half-core", note,
              "QEMU's own threads have siblings of vCPUs' CPUs",
              "whenever QEMU works, these cores are slower",
              "virtpinctl set GUEST dedicated smt=require emulator=own"},
    CheckInfo{emu_far, "emu.far", note,
              "QEMU's own threads or I/O threads are on another node than the vCPUs",
              "what they read for the guest crosses the link between the nodes", dedicated},
    CheckInfo{emu_cpuid_source, "emu.cpuid-source", note,
              "QEMU starts on CPUs whose caches or cores are not those of the vCPUs",
              "with cache passthrough the guest may be told of the caches where QEMU starts",
              "virtpinctl set GUEST dedicated tune=cache-passthrough"},
    CheckInfo{io_iothread_unused, "io.iothread-unused", warning,
              "an I/O thread is defined, and no disk or controller names it",
              "an I/O thread that nothing names does nothing",
              "virsh edit GUEST: <driver ... iothread='1'/> in a virtio disk"},
    CheckInfo{io_iothread_missing, "io.iothread-missing", error,
              "a pin or a disk names an I/O thread that the guest does not have",
              "libvirt refuses to start the guest",
              "virsh edit GUEST: raise <iothreads>, or remove what names it"},
    CheckInfo{io_iothread_on_vcpu, "io.iothread-on-vcpu", warning,
              "I/O threads are pinned to CPUs of vCPUs", "each request of a disk stops a vCPU",
              dedicated},
    CheckInfo{io_no_iothread, "io.no-iothread", note,
              "virtio disks of a guest with CPUs of its own have no I/O thread",
              "QEMU's main thread serves them, one after the other",
              "virsh edit GUEST: <iothreads>1</iothreads>, and iothread='1' in <driver>"},
    CheckInfo{cpu_topoext_missing, "cpu.topoext-missing", warning,
              "the guest has several threads in a core on an AMD host, without topoext",
              "QEMU hides hyperthreading and the L3s from it",
              "virtpinctl set GUEST dedicated tune=topoext"},
    CheckInfo{cpu_topoext_on_intel, "cpu.topoext-on-intel", note,
              "the definition requires topoext, which this host's CPUs do not have",
              "it does nothing here, and some checks refuse it",
              "virsh edit GUEST: remove <feature name='topoext'/>"},
    CheckInfo{cpu_sockets, "cpu.sockets", warning, "a Windows guest has more than two sockets",
              "its desktop editions use one or two of them, and no CPU of the others",
              "virsh edit GUEST: <topology sockets='1' .../>"},
    CheckInfo{cpu_threads_not_host, "cpu.threads-not-host", warning,
              "the guest's threads in a core are not the host's",
              "the guest shares work between its CPUs as if they were other cores", matched},
    CheckInfo{cpu_mode, "cpu.mode", note, "a guest with a device of the host has a named CPU model",
              "it does not see what this host's CPUs can do",
              "virsh edit GUEST: <cpu mode='host-passthrough'/>"},
    CheckInfo{cpu_cache_pt_mismatch, "cpu.cache-pt-mismatch", warning,
              "with cache passthrough the guest believes in other shared caches than there are",
              "its scheduler keeps work together that is apart",
              "virtpinctl set GUEST dedicated topology=host tune=cache-passthrough"},
    CheckInfo{cpu_cache_pt_hybrid, "cpu.cache-pt-hybrid", note,
              "cache passthrough on a host with different cores",
              "the guest sees one L2 for several performance cores",
              "virsh edit GUEST: remove <cache mode='passthrough'/>"},
    CheckInfo{cpu_cache_pt_mode, "cpu.cache-pt-mode", error,
              "cache passthrough needs mode host-passthrough or maximum, and no level",
              "libvirt refuses to start the guest",
              "virsh edit GUEST: <cpu mode='host-passthrough'/>, <cache mode='passthrough'/>"},
    CheckInfo{cpu_holes_useless, "cpu.holes-useless", note,
              "the vCPUs that stay off are the last ones, beside cache passthrough",
              "they change no APIC id of those that are on",
              "virsh edit GUEST: remove <vcpus>, unless they are to be plugged in"},
    CheckInfo{cpu_holes_wrong_stride, "cpu.holes-wrong-stride", warning,
              "the vCPUs that stay off do not put the others where the host's L3s begin",
              "the guest believes in other shared caches than there are",
              "virtpinctl set GUEST dedicated topology=host tune=cache-passthrough"},
    CheckInfo{cpu_holes_filled, "cpu.holes-filled", warning, "vCPUs run that were to stay off",
              "virsh setvcpus fills gaps first, and the guest's caches are wrong then",
              "virsh setvcpu GUEST VCPU --disable"},
    CheckInfo{cpu_hypervisor_off, "cpu.hypervisor-off", warning,
              "the hypervisor bit is off, and Hyper-V's enlightenments are on",
              "a guest looks for enlightenments only where the bit is on",
              "virsh edit GUEST: choose one of the two"},
    CheckInfo{cpu_hv_missing, "cpu.hv-missing", warning,
              "a Windows guest lacks enlightenments of Hyper-V",
              "it spends much time on timers and interrupts",
              "virsh edit GUEST: add them to <features><hyperv>"},
    CheckInfo{cpu_invtsc_no_save, "cpu.invtsc-no-save", note, "the definition requires invtsc",
              "libvirt can neither save nor migrate the guest, nor keep its memory in a snapshot",
              "keep it, or virsh edit GUEST: remove <feature name='invtsc'/>"},
    CheckInfo{cpu_invtsc_absent, "cpu.invtsc-absent", note,
              "the clock is the TSC as it is, and invtsc is not required",
              "the guest may not trust the TSC, and use a slow clock",
              "virtpinctl set GUEST dedicated tune=invtsc"},
    CheckInfo{cpu_hint_dedicated, "cpu.hint-dedicated", note,
              "<hint-dedicated/> is on, and the vCPUs do not have CPUs of their own",
              "the guest's kernel spins where it should wait", dedicated},
    CheckInfo{cpu_topology_mismatch, "cpu.topology-mismatch", error,
              "<topology> has another number of CPUs than <vcpu>",
              "libvirt refuses: CPU topology doesn't match maximum vcpu count",
              "virsh edit GUEST: sockets * dies * clusters * cores * threads = <vcpu>"},
    CheckInfo{cpu_clusters_x86, "cpu.clusters-x86", warning, "<topology> has clusters on x86",
              "QEMU has none there, and may refuse to start", "virsh edit GUEST: clusters='1'"},
    CheckInfo{cpu_numa_cells, "cpu.numa-cells", warning,
              "the guest's NUMA cells do not have all of its vCPUs",
              "libvirt puts the rest into the first cell", "virsh edit GUEST: name all in <cell>"},
    CheckInfo{cpu_placement_auto, "cpu.placement-auto", warning,
              "the placement is automatic, which asks numad",
              "without numad the guest does not start, and pins from numad are whole nodes",
              "virsh edit GUEST: <vcpu placement='static'>"},
    CheckInfo{cpu_overridden_by_commandline, "cpu.overridden-by-commandline", warning,
              "an argument of <qemu:commandline> overrides the definition",
              "what the definition says there never reaches the guest",
              "virsh edit GUEST: remove the argument"},
    CheckInfo{sched_fifo, "sched.fifo", warning, "vCPUs are scheduled in real time",
              "a busy vCPU starves whatever else is on its CPU, also the kernel's own work",
              "virsh edit GUEST: remove <vcpusched>"},
    CheckInfo{mem_locked_no_limit, "mem.locked-no-limit", warning,
              "<locked/> without a <hard_limit>",
              "QEMU may lock all memory of the host, and older libvirt refuses it",
              "virsh edit GUEST: <memtune><hard_limit .../>"},
    CheckInfo{
        mem_hugepages_short, "mem.hugepages-short", error,
        "the guest wants more hugepages than there are", "QEMU cannot start",
        "reserve them: sysctl vm.nr_hugepages=N, or hugepages=N on the kernel's command line"},
    CheckInfo{mem_balloon, "mem.balloon", note,
              "a guest with a device of the host has a memory balloon",
              "its memory is locked, so the balloon gives nothing back",
              "virsh edit GUEST: <memballoon model='none'/>"},
    CheckInfo{dev_shared_hostdev, "dev.shared-hostdev", note,
              "several guests have the same device of the host", "only one of them can run",
              "nothing, if that is meant"},
    CheckInfo{smbios_host, "smbios.host", note, "the guest sees the host's serial numbers",
              "software in it can tell which machine it is", "nothing, if that is meant"},
    CheckInfo{host_smt_off, "host.smt-off", note,
              "the guest has several threads in a core, and this host has not",
              "what the guest takes for one core are two", matched},
    CheckInfo{host_cmdline_cpus, "host.cmdline-cpus", warning,
              "the kernel's command line names CPUs that this host does not have",
              "it was written for another host, or before SMT was switched",
              "edit the kernel's command line"},
    CheckInfo{host_isolcpus_overlap, "host.isolcpus-overlap", note,
              "isolated CPUs that no guest is pinned to",
              "nobody uses them: neither the host nor a guest",
              "remove them from isolcpus=, or pin a guest there"},
    CheckInfo{host_competing_tool, "host.competing-tool", warning,
              "something else on this host moves threads or CPUs",
              "two that place the same threads undo each other", "leave one of the two in charge"},
    CheckInfo{host_leftover_isolation, "host.leftover-isolation", warning,
              "the host is kept off CPUs, and no pinned guest runs there",
              "a hook that ended too early left the host with less",
              "systemctl set-property --runtime UNIT AllowedCPUs=ALL"},
    CheckInfo{host_scx_loaded, "host.scx-loaded", note, "a scheduler of sched_ext is loaded",
              "it places vCPU threads by rules of its own, as far as their pins let it",
              "unload it, if guests stutter"},
    CheckInfo{host_irq_on_vm_cores, "host.irq-on-vm-cores", warning,
              "interrupts of the host are served on a guest's CPUs", "each of them stops a vCPU",
              "write other CPUs into /proc/irq/N/smp_affinity_list"},
    CheckInfo{host_governor, "host.governor", note, "CPUs of guests save energy",
              "they are slow to speed up", "cpupower -c CPUS frequency-set -g performance"},
    CheckInfo{host_cstate_deep, "host.cstate-deep", note, "CPUs of guests sleep deeply",
              "a vCPU that is woken waits until its CPU is awake",
              "cpupower -c CPUS idle-set -D 100"},
    CheckInfo{
        host_workqueue, "host.workqueue", note,
        "the kernel's unbound work may run on a guest's CPUs", "each piece of it stops a vCPU",
        "write a mask of other CPUs into /sys/devices/virtual/workqueue/cpumask; isolate=true "
        "does it while the guest runs"},
    CheckInfo{host_halt_poll, "host.halt-poll", note,
              "KVM does not poll before it lets a vCPU that halts sleep",
              "each short pause of a guest costs a sleep and a wake-up",
              "echo 200000 > /sys/module/kvm/parameters/halt_poll_ns"},
    CheckInfo{host_ksm, "host.ksm", note, "the kernel merges equal pages of guests",
              "guests wait when they write to such pages", "echo 0 > /sys/kernel/mm/ksm/run"},
    CheckInfo{host_autonuma, "host.autonuma", note,
              "the kernel moves memory between nodes by itself, beside pinned guests",
              "it makes guests stumble to find out what their pins say already",
              "sysctl kernel.numa_balancing=0"},
    CheckInfo{host_thp, "host.thp", note,
              "transparent hugepages are off, and a guest has small pages",
              "addresses take more steps to translate",
              "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"},
    CheckInfo{host_swap, "host.swap", note,
              "the host swaps, and a pinned guest's memory is not locked",
              "a vCPU waits for the disk when its memory is there",
              "give guests less memory, or lock it with <memoryBacking><locked/>"},
    CheckInfo{host_l3_as_numa, "host.l3-as-numa", note, "the firmware shows each L3 as a NUMA node",
              "nodes that are near each other are not worth what cells cost",
              "the firmware's setup: L3 as NUMA domain, off"},
    CheckInfo{host_classify_lowconf, "host.classify-lowconf", note,
              "the kinds of this host's cores or caches are uncertain",
              "guests may get cores of the wrong kind", "lstopo shows what the kernel tells"},
};

constexpr bool is_in_order()
{
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (static_cast<std::size_t>(table[i].check) != i) {
            return false;
        }
    }
    return true;
}

static_assert(is_in_order(), "a row stands where its check is in the enum");
static_assert(table.size() == static_cast<std::size_t>(host_classify_lowconf) + 1);

} // namespace

std::string_view to_string(Severity severity)
{
    switch (severity) {
    case Severity::error:
        return "error";
    case Severity::warning:
        return "warning";
    case Severity::note:
        return "note";
    }
    return "note";
}

std::span<const CheckInfo> check_table()
{
    return table;
}

const CheckInfo& info_of(Check check)
{
    return at_id(table, check);
}

const CheckInfo* find_check(std::string_view name)
{
    const auto* const at = std::find_if(table.begin(), table.end(),
                                        [name](const CheckInfo& row) { return row.name == name; });
    return at == table.end() ? nullptr : at;
}

} // namespace virtpind
