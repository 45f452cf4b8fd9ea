// SPDX-License-Identifier: LGPL-2.1-or-later
// What a reason says of its case: named values, and phrases where sentences of one code differ in
// more than values. daemon/render/reason_table.cpp has the sentences that they are put into.
#pragma once

#include "common/base/cpu_set.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace virtpind {

// Parts of sentences, each a row of the same table.
enum class ReasonPhrase {
    // who
    emulator_threads,
    io_threads,
    // where emulator and I/O threads are
    with_the_vcpus,
    nearest_housekeeping,
    pool_without_housekeeping_near,
    housekeeping_elsewhere,
    pool_without_housekeeping,
    vcpus_without_others,
    vcpus_as_asked,
    // places, and what is wanted there
    numa_node,
    l3,
    kind_of_core,
    on_node,
    on_l3_of_node,
    free_memory,
    free_hugepages,
    cores_isolate,
    cores_require,
    // what would be better
    wished_kind,
    fewer_low_power,
    fewer_doubled,
    even_spread,
    fewer_nodes,
    fewer_without_cell,
    nearer_nodes,
    fewer_without_memory,
    fewer_away_from_devices,
    fewer_away_from_devices_or_memory,
    nearer_devices,
    fewer_packages,
    fewer_unisolated,
    fewer_broken_siblings,
    fewer_l3s,
    fewer_partial_cores,
    fewer_shared_cores,
    fewer_off_vcache,
    // what is lost to housekeeping
    lose_place,
    lose_kind,
    lose_usual_cores,
    lose_cores,
    lose_nodes,
    lose_device,
    lose_vcache,
    // what is asked for
    asks_cpus,
    asks_locked_memory,
    asks_memory_follow,
    asks_numa_single,
    asks_device_require,
    asks_device_package,
    asks_emulator_own,
    asks_iothreads_own,
    asks_one_kind,
    asks_siblings,
    asks_smt_require,
    asks_smt_isolate,
    // what would let it fit
    more_cpus_allowed,
    new_start,
    more_memory,
    more_hugepages,
    numa_prefer,
    device_prefer,
    emulator_auto,
    iothreads_auto,
    cores_any,
    topology_match,
    smt_prefer,
    other_housekeeping,
    at_most_vcpus,
    weaker_options,
    // why others are not kept off its CPUs
    no_isolation_helper,
    no_isolation_kernel,
    no_isolation_cpuset,
    no_isolation_group,
    no_isolation_boot,
    no_isolation_guests,
    no_isolation_units,
    no_isolation_threads,
    no_isolation_pinned,
    no_isolation_others,
    no_isolation_floor,
    no_isolation_change,
    no_isolation_version,
    no_isolation_topology,
    no_isolation_refused,
    no_isolation_busy,
    no_isolation_failed,
    // why the power profile is not held
    no_profile_service,
    no_profile_yielded,
    // the guest's topology and what speaks against a tune
    guest_shape,
    nothing_to_mirror,
    floating_siblings,
    definition_differs,
    too_many_vcpus,
    by_cpu_argument,
    by_definition,
    argument_overrides,
    argument_hides_shape,
    definition_opposes,
    model_named,
    x86_only,
    amd_only,
    host_lacks_feature,
    libvirt_lacks_feature,
    one_thread_per_core,
    topoext_unavailable,
    topoext_disabled,
    unlike_kinds,
    unlike_l3_sizes,
    unlike_start,
    cpus_offline,
    caches_unknown,
    no_own_cpus,
    floating_caches,
    topology_miscounts,
    topology_misleads,
    no_true_topology,
};

struct MemoryAmount { // shown in MiB, rounded up
    std::uint64_t kib = 0;
    friend bool operator==(const MemoryAmount&, const MemoryAmount&) = default;
};

struct PageSize { // shown in the largest unit without a fraction
    std::uint64_t kib = 0;
    friend bool operator==(const PageSize&, const PageSize&) = default;
};

struct DomainOnCpus { // "web1 (6-7)"
    std::string name;
    CpuSet cpus;
    friend bool operator==(const DomainOnCpus&, const DomainOnCpus&) = default;
};

using DomainsOnCpus = std::vector<DomainOnCpus>;
using Counts = std::vector<std::uint64_t>; // "8+4"
using NameList = std::vector<std::string>;
using ReasonPhrases = std::vector<ReasonPhrase>;

// A text is somebody else's or an error's, and shown as it is but for what is not printable.
using ReasonValue =
    std::variant<bool, std::uint64_t, CpuSet, NodeSet, VcpuSet, MemoryAmount, PageSize, std::string,
                 NameList, DomainsOnCpus, Counts, ReasonPhrase, ReasonPhrases>;

// An argument has one type, whatever reason it is in.
// clang-format off
inline constexpr auto argument_names = std::to_array<std::string_view>({
    // numbers
    "better", "broken", "cells", "cores", "dies", "doubled", "fewer_l3s", "fewer_nodes",
    "former_l3s", "former_nodes", "free", "free_allowed", "l3s",
    "missed", "most", "now", "packages", "sockets", "threads_per_core", "unwished", "usable",
    "vcpus", "wanted_vcpus",
    // true or false
    "dedicated", "displaced", "elsewhere", "gaps", "isolated", "later", "no_cells", "numad",
    "other_claims", "package", "priority", "realtime", "shared", "shut_off", "stays", "unlike",
    // sets
    "allowed", "beyond", "cpus", "emulator", "floating", "from", "host_cpus", "host_nodes",
    "housekeeping", "kept", "last_vcpu", "load", "nodes", "offline", "other_nodes", "own",
    "pool", "quiet", "siblings", "spare", "start", "waiting", "yielded",
    // memory
    "available", "memory", "missing", "page",
    // texts and names
    "arch", "argument", "device", "error", "hold", "model", "newcomer", "option", "passed_through",
    "placement", "policy", "rival",
    // lists
    "devices", "guests", "kinds", "neighbours", "owners", "parts", "rivals", "tunes",
    // phrases
    "asked", "by", "gain", "loss", "need", "place", "shape", "threads", "wanted", "ways", "where", "why",
});

// clang-format on

// One of argument_names; another one is an error of the compiler.
class ArgumentName {
public:
    // NOLINTNEXTLINE(google-explicit-constructor): it is written as a word
    consteval ArgumentName(const char* word) : word_{word}
    {
        if (std::find(argument_names.begin(), argument_names.end(), word_) ==
            argument_names.end()) {
            throw "not in argument_names"; // NOLINT(hicpp-exception-baseclass): never at run time
        }
    }

    [[nodiscard]] constexpr std::string_view word() const { return word_; }

    friend bool operator==(const ArgumentName&, const ArgumentName&) = default;

private:
    std::string_view word_;
};

struct ReasonArgument {
    ArgumentName name;
    ReasonValue value;
    friend bool operator==(const ReasonArgument&, const ReasonArgument&) = default;
};

using ReasonArguments = std::vector<ReasonArgument>;

// nullptr when there is none of that name.
[[nodiscard]] const ReasonValue* find_argument(const ReasonArguments& arguments,
                                               std::string_view name);

} // namespace virtpind
