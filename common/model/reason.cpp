// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reason.hpp"

#include <algorithm>
#include <array>

namespace virtpind {

const std::vector<ReasonInfo>& reason_table()
{
    using enum ReasonCode;
    static const std::vector<ReasonInfo> table{
        {fits_one_l3, "fits-one-l3", "all vCPUs share one last-level cache"},
        {fits_one_node, "fits-one-node", "all vCPUs are on one NUMA node, over several L3s"},
        {fits_one_package, "fits-one-package", "several NUMA nodes, all in one package"},
        {spans_l3s, "spans-l3s", "no single L3 had room, so vCPUs do not all share a cache"},
        {spans_nodes, "spans-nodes", "no single NUMA node had room, or numa=spread was asked for"},
        {spans_packages, "spans-packages", "no single package had room"},
        {siblings_kept, "siblings-kept", "every guest core is one host core"},
        {siblings_broken, "siblings-broken",
         "some guest cores have their vCPUs on different host cores"},
        {core_shared, "core-shared", "a host core is shared with another domain"},
        {cores_whole, "cores-whole", "the domain owns all its cores whole"},
        {siblings_idle, "siblings-idle", "one vCPU per core; the siblings stay idle"},
        {kind_chosen, "kind-chosen", "which kind of core a hybrid host gave"},
        {kind_mixed, "kind-mixed", "cores of several kinds, as cores=any allows"},
        {near_device, "near-device", "on the NUMA nodes of its passthrough devices"},
        {far_from_device, "far-from-device", "some vCPUs are away from its passthrough devices"},
        {far_from_memory, "far-from-memory", "some vCPUs are on a NUMA node without memory"},
        {device_unknown, "device-unknown", "the host has no PCI device of that address"},
        {avoids_device_node, "avoids-device-node",
         "no devices, so it leaves the nodes with I/O to others"},
        {vcache_chosen, "vcache-chosen", "on the L3 with the larger stacked cache"},
        {vcache_missed, "vcache-missed", "some vCPUs are off the L3 with the larger stacked cache"},
        {l3_alone, "l3-alone", "nobody else uses its L3s"},
        {l3_shared, "l3-shared", "another claim or housekeeping also uses its L3s"},
        {kept_in_place, "kept-in-place", "its present pins are valid and stay"},
        {moved, "moved", "some vCPUs change their CPU"},
        {restricted_cpus, "restricted-cpus", "the option cpus restricts the choice"},
        {emulator_housekeeping, "emulator-housekeeping",
         "emulator threads run on housekeeping CPUs, or on the pool when there are none"},
        {emulator_own, "emulator-own", "emulator threads have a core of their own"},
        {emulator_on_vcpus, "emulator-on-vcpus", "emulator threads share the CPUs of the vCPUs"},
        {emulator_fixed, "emulator-fixed", "emulator threads are fixed by policy"},
        {emulator_start_pin, "emulator-start-pin",
         "the definition starts the emulator on the domain's own L3, so that the guest is shown "
         "the right caches"},
        {iothreads_housekeeping, "iothreads-housekeeping",
         "I/O threads run on housekeeping CPUs, or on the pool when there are none"},
        {iothreads_own, "iothreads-own", "I/O threads have a core of their own"},
        {iothreads_on_vcpus, "iothreads-on-vcpus", "I/O threads share the CPUs of the vCPUs"},
        {iothreads_fixed, "iothreads-fixed", "I/O threads are fixed by policy"},
        {fixed_cpus_unusable, "fixed-cpus-unusable",
         "none of the CPUs that the policy fixes threads to may be used"},
        {threads_on_claim, "threads-on-claim",
         "threads are fixed by policy to CPUs that another domain claims"},
        {claim_has_threads, "claim-has-threads",
         "another domain's policy fixes its threads to CPUs of this domain"},
        {memory_follows, "memory-follows", "memory is bound to the nodes of the vCPUs"},
        {memory_kept, "memory-kept", "memory is left alone, as memory=keep asks"},
        {memory_locked, "memory-locked", "locked memory cannot move, so the nodes stay"},
        {memory_short, "memory-short", "nodes were ruled out for want of free memory"},
        {floats_on_pool, "floats-on-pool", "the vCPUs float on CPUs that nobody claims"},
        {pool_full, "pool-full", "the pool has fewer CPUs than the domain has vCPUs"},
        {no_pool, "no-pool",
         "there is no pool where it may float, so it floats on housekeeping or claimed CPUs"},
        {cpus_not_in_pool, "cpus-not-in-pool", "nothing of the option cpus is in the pool"},
        {claim_overrun, "claim-overrun",
         "its CPUs are also used by domains that can float nowhere else"},
        {own_core_denied, "own-core-denied", "a shared domain cannot have a core of its own"},
        {foreign_load, "foreign-load",
         "guests that somebody else pinned may float on its CPUs, too"},
        {quiet_cpus_used, "quiet-cpus-used",
         "which CPUs it has of those that are isolated from the scheduler"},
        {hands_off, "hands-off", "the policy says not to touch the domain"},
        {foreign_pins, "foreign-pins", "someone else pinned the domain; it is not touched"},
        {held, "held", "somebody asked to leave the domain alone for now"},
        {missing_now, "missing-now",
         "hugepages or memory that it needs are not there now; it does not start until they are"},
        {device_in_use, "device-in-use",
         "another guest that runs has one of its devices; it is planned as if that one were off"},
        {cpus_taken, "cpus-taken",
         "it is shut off, has no room beside those that run, and is planned for when it has"},
        {no_room, "no-room", "not enough free CPUs"},
        {no_whole_cores, "no-whole-cores", "not enough whole free cores"},
        {no_single_node, "no-single-node", "no NUMA node has room, and numa=single was asked for"},
        {no_kind, "no-kind", "no one kind of core has room, and kinds are not mixed"},
        {no_smt, "no-smt", "siblings were asked for, and the host has none or does not tell them"},
        {no_own_core, "no-own-core", "no core is left for emulator or I/O threads of its own"},
        {no_room_as_asked, "no-room-as-asked",
         "several options together rule out the CPUs that are free"},
        {cells_do_not_fit, "cells-do-not-fit", "some guest NUMA cell fits no host node"},
        {fell_back_to_shared, "fell-back-to-shared", "it did not fit and floats on the pool"},
        {left_untouched, "left-untouched", "it did not fit and fallback=fail leaves it alone"},
        {to_do_better, "to-do-better", "what would have to change for a better placement"},
        {not_proven, "not-proven", "no better placement was found, but that is no proof"},
        {metadata_unreadable, "metadata-unreadable",
         "the policy element in the domain's metadata cannot be read"},
        {definition_too_long, "definition-too-long",
         "the domain's XML is longer than what virtpind changes, so it is left alone"},
        {policy_invalid, "policy-invalid", "the merged policy contradicts itself"},
        {set_apart, "set-apart",
         "something went wrong in virtpind itself at this domain, which is left alone"},
        {option_without_effect, "option-without-effect",
         "an option of the policy is kept, but this version does not act on it"},
        {vcpus_missing, "vcpus-missing", "the policy asks for more vCPUs than can be plugged"},
        {vcpus_kept, "vcpus-kept", "the policy asks for fewer vCPUs than can be had while it runs"},
        {pins_elsewhere, "pins-elsewhere",
         "its pins name CPUs or nodes that this host does not have, which count as none"},
        {policy_elsewhere, "policy-elsewhere",
         "its policy names CPUs that this host does not have"},
        {auto_chosen, "auto-chosen", "what the policy auto is for this domain, and why"},
        {placement_auto, "placement-auto",
         "the definition has libvirt ask numad at every start, whatever the pins say"},
        {topology_mirrored, "topology-mirrored", "the guest's topology is that of its CPUs"},
        {topology_true, "topology-true",
         "the guest's topology says already what is true, and stays as it is"},
        {topology_gaps, "topology-gaps",
         "some vCPUs stay offline, so that the guest's caches end where the host's do"},
        {trailing_vcpus, "trailing-vcpus",
         "vCPUs behind the last one in use stay offline; the guest's caches do not change by it"},
        {topology_kept, "topology-kept",
         "the guest's topology is not, or cannot be, made like its CPUs'"},
        {cells_mirrored, "cells-mirrored", "the guest gets a NUMA cell for each of its nodes"},
        {caches_passed_through, "caches-passed-through",
         "the guest is shown the host's caches, and is right about which vCPUs share them"},
        {tune_refused, "tune-refused", "something that tune asks for would be wrong on this host"},
    };
    return table;
}

std::string_view to_string(ReasonCode code)
{
    const auto& table = reason_table();
    const auto row = std::find_if(table.begin(), table.end(),
                                  [code](const ReasonInfo& info) { return info.code == code; });
    return row != table.end() ? row->word : "unknown";
}

bool asks_for_elsewhere(const Reasons& reasons)
{
    return std::any_of(reasons.begin(), reasons.end(), [](const Reason& reason) {
        return reason.code == ReasonCode::policy_elsewhere;
    });
}

const Reason* main_shortfall(const Reasons& reasons)
{
    using enum ReasonCode;
    static constexpr std::array shortfalls{policy_elsewhere, memory_short,    fixed_cpus_unusable,
                                           pool_full,        no_pool,         cpus_not_in_pool,
                                           claim_overrun,    own_core_denied, no_room,
                                           no_whole_cores,   no_single_node,  no_kind,
                                           no_smt,           no_own_core,     no_room_as_asked,
                                           cells_do_not_fit, vcpus_missing,   vcpus_kept};
    const auto found = std::find_if(reasons.begin(), reasons.end(), [](const Reason& reason) {
        return std::find(shortfalls.begin(), shortfalls.end(), reason.code) != shortfalls.end();
    });
    return found != reasons.end() ? &*found : reasons.empty() ? nullptr : &reasons.front();
}

} // namespace virtpind
