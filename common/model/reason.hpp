// SPDX-License-Identifier: LGPL-2.1-or-later
// Why a decision fell as it did: a code, and the values of the case. Programs and tests compare
// those; people read the sentence that daemon/render/reason_text makes of them.
#pragma once

#include "reason_arguments.hpp"

#include <vector>

namespace virtpind {

// Each has a row in daemon/render/reason_table.cpp, in this order.
enum class ReasonCode {
    // placement of dedicated domains
    fits_one_l3,
    fits_one_node,
    fits_one_package,
    spans_l3s,
    spans_nodes,
    spans_packages,
    siblings_kept,
    siblings_broken,
    core_shared,
    cores_whole,
    siblings_idle,
    own_cores,
    few_cores,
    kind_chosen,
    kind_mixed,
    kind_missed,
    near_device,
    far_from_device,
    far_from_memory,
    cells_share_node,
    device_unknown,
    avoids_device_node,
    vcache_chosen,
    vcache_missed,
    l3_alone,
    l3_shared,
    kept_in_place,
    moved,
    tidied,
    restricted_cpus,
    vcpus_float,
    quiet_cpus_used,
    foreign_load,
    housekeeping_yields,
    // threads and memory
    emulator_housekeeping,
    emulator_own,
    emulator_on_vcpus,
    emulator_fixed,
    emulator_start_pin,
    iothreads_housekeeping,
    iothreads_own,
    iothreads_on_vcpus,
    iothreads_fixed,
    fixed_cpus_unusable,
    threads_on_claim,
    claim_has_threads,
    memory_follows,
    memory_kept,
    memory_locked,
    memory_short,
    // shared domains, and those that are left alone
    floats_on_pool,
    pool_full,
    no_pool,
    cpus_not_in_pool,
    devices_not_in_pool,
    claim_overrun,
    own_core_denied,
    hands_off,
    foreign_pins,
    held,
    // not now
    missing_now,
    device_in_use,
    cpus_taken,
    // does not fit
    no_room,
    no_whole_cores,
    no_single_node,
    no_device_node,
    no_kind,
    no_smt,
    no_own_core,
    no_room_as_asked,
    cells_do_not_fit,
    fell_back_to_shared,
    left_untouched,
    to_do_better,
    not_proven,
    metadata_unreadable,
    definition_too_long,
    policy_invalid,
    set_apart,
    cpus_isolated,
    cpus_not_isolated,
    isolation_left_out,
    profile_held,
    profile_not_held,
    nodes_forgotten,
    vcpus_missing,
    vcpus_kept,
    dedicated_vcpus_missing,
    pins_elsewhere,
    policy_elsewhere,
    auto_chosen,
    // the guest's topology and tuning
    placement_auto,
    topology_mirrored,
    topology_true,
    topology_gaps,
    trailing_vcpus,
    topology_kept,
    cells_mirrored,
    caches_passed_through,
    tune_refused,
};

struct Reason {
    ReasonCode code{};
    ReasonArguments arguments = {};
    friend bool operator==(const Reason&, const Reason&) = default;
};

using Reasons = std::vector<Reason>;

// Whether the policy of a domain was made for another host: nothing that happens on this one, but
// another policy, can meet it.
[[nodiscard]] bool asks_for_elsewhere(const Reasons& reasons);

} // namespace virtpind
