// SPDX-License-Identifier: LGPL-2.1-or-later
// What the host does besides serving guests, as a value: settings of the kernel, isolation, and
// tools that place threads, too. Each fact is there, or the reason why it was not measured.
#pragma once

#include "common/base/cpu_set.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace virtpind {

// A fact, or why it is not known.
template <class T>
struct Measured {
    std::optional<T> value;
    std::string reason = "not asked"; // only where there is no value

    static Measured of(T value) { return {.value = std::move(value), .reason = {}}; }

    static Measured not_known(std::string why)
    {
        return {.value = std::nullopt, .reason = std::move(why)};
    }
};

// A unit of systemd whose processes are kept to some CPUs.
struct UnitCpus {
    std::string unit; // "system.slice"
    CpuSet cpus;      // cpuset.cpus; empty: not restricted
    CpuSet effective; // cpuset.cpus.effective
};

// A line of a hook that moves threads, or of a configuration that bans CPUs.
struct HookLine {
    std::string path;
    std::size_t line = 0; // from 1
    std::string word;     // "AllowedCPUs", "cset", "taskset", ...
};

struct Interrupt {
    std::string name; // "45", "LOC" is never one of them
    std::string device;
    CpuSet effective; // where it goes now
    CpuSet allowed;   // where it may go; the kernel holds managed ones to where they are
    std::uint64_t per_second = 0;
};

struct CpuGovernor {
    CpuId cpu{};
    std::string driver;     // "intel_pstate", "amd-pstate-epp", "acpi-cpufreq", ...
    std::string governor;   // "powersave", ...
    std::string preference; // energy_performance_preference; "" where there is none
};

// The deepest sleep that a CPU is allowed.
struct IdleState {
    CpuId cpu{};
    std::string name; // "C6"
    std::uint64_t wake_usec = 0;
};

struct SwapUse {
    std::uint64_t total_kib = 0;
    std::uint64_t used_kib = 0;
};

struct HostFacts {
    Measured<std::string> cmdline;
    Measured<std::vector<UnitCpus>> units;
    Measured<std::vector<std::string>> daemons; // running ones that place threads: "numad"
    Measured<std::vector<HookLine>> hooks;
    Measured<std::string> tuned_profile; // "" where none is active
    Measured<CpuSet> irqbalance_banned;  // CPUs that irqbalance leaves alone
    Measured<std::vector<Interrupt>> interrupts;
    Measured<std::vector<CpuGovernor>> governors;
    Measured<std::vector<IdleState>> idle_states; // none of CPUs that the kernel never lets sleep
    Measured<CpuSet> workqueue_cpus;              // where unbound work of the kernel may run
    Measured<std::uint64_t> halt_poll_nsec;
    Measured<bool> ksm;
    Measured<bool> numa_balancing;
    Measured<std::string> thp;       // "always", "madvise", "never"
    Measured<std::string> sched_ext; // name of the scheduler that is loaded; "" for none
    Measured<bool> rt_throttling;    // sched_rt_runtime_us leaves something to the others
    Measured<SwapUse> swap;

    // All unknown for the same reason.
    [[nodiscard]] static HostFacts not_known(const std::string& why);
};

} // namespace virtpind
