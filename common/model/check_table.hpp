// SPDX-License-Identifier: LGPL-2.1-or-later
// The doctor's checks: one row each, in the order in which findings of a guest are told. The names
// are what programs and people refer to: they never change. The manual page virtpind-doctor(1) is
// checked against this table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace virtpind {

enum class Severity { error, warning, note };
[[nodiscard]] std::string_view to_string(Severity severity); // "error" "warning" "note"

enum class Check : std::uint8_t {
    policy_unsatisfied,
    pin_none,
    pin_missing_cpu,
    pin_missing_node,
    pin_offline_cpu,
    pin_outside_cgroup,
    pin_smt_mismatch,
    pin_smt_split,
    pin_smt_shared_foreign,
    pin_dup,
    pin_overlap_vm,
    pin_cross_llc,
    pin_llc_shared_with_host,
    pin_cross_numa,
    pin_device_remote,
    pin_core_class_mixed,
    pin_ecore_cluster_split,
    pin_not_vcache,
    pin_cpu0,
    pin_all_cores,
    pin_range,
    pin_range_on_isolcpus,
    pin_unpinned_vcpu_fallback,
    pin_stale_vcpupin,
    pin_live_not_config,
    pin_affinity_changed,
    pin_hotplugged_unpinned,
    emu_on_vcpu_cores,
    emu_unpinned,
    emu_half_core,
    emu_far,
    emu_cpuid_source,
    io_iothread_unused,
    io_iothread_missing,
    io_iothread_on_vcpu,
    io_no_iothread,
    cpu_topoext_missing,
    cpu_topoext_on_intel,
    cpu_sockets,
    cpu_threads_not_host,
    cpu_mode,
    cpu_cache_pt_mismatch,
    cpu_cache_pt_hybrid,
    cpu_cache_pt_mode,
    cpu_holes_useless,
    cpu_holes_wrong_stride,
    cpu_holes_filled,
    cpu_hypervisor_off,
    cpu_hv_missing,
    cpu_invtsc_no_save,
    cpu_invtsc_absent,
    cpu_hint_dedicated,
    cpu_topology_mismatch,
    cpu_clusters_x86,
    cpu_numa_cells,
    cpu_placement_auto,
    cpu_overridden_by_commandline,
    sched_fifo,
    mem_locked_no_limit,
    mem_hugepages_short,
    mem_balloon,
    dev_shared_hostdev,
    smbios_host,
    host_smt_off,
    host_cmdline_cpus,
    host_isolcpus_overlap,
    host_competing_tool,
    host_leftover_isolation,
    host_scx_loaded,
    host_irq_on_vm_cores,
    host_governor,
    host_cstate_deep,
    host_workqueue,
    host_halt_poll,
    host_ksm,
    host_autonuma,
    host_thp,
    host_swap,
    host_l3_as_numa,
    host_classify_lowconf,
};

struct CheckInfo {
    Check check{};
    std::string_view name; // "pin.smt-mismatch"
    Severity severity = Severity::note;
    std::string_view about; // what is wrong where it is found
    std::string_view why;   // what comes of it
    std::string_view fix;   // what mends it; GUEST stands for the guest's name
};

[[nodiscard]] std::span<const CheckInfo> check_table();
[[nodiscard]] const CheckInfo& info_of(Check check);
[[nodiscard]] const CheckInfo* find_check(std::string_view name); // nullptr: unknown

} // namespace virtpind
