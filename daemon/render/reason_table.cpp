// SPDX-License-Identifier: LGPL-2.1-or-later
// Long: all prose about placements stands in one file, where its sentences are read side by side.
#include "reason_table.hpp"

#include <algorithm>

namespace virtpind {

namespace {

using enum ReasonLevel;

// A row is read as a whole.
// clang-format off
constexpr auto reasons = std::to_array<ReasonInfo>({
    // Placement of dedicated domains.
    {ReasonCode::fits_one_l3, good, "fits-one-l3", "all vCPUs share one last-level cache", {
        "{own:vCPU # is|vCPUs # share one L3} on {nodes:node #|nodes #}.",
        "{vcpus:The vCPU is|All # vCPUs share one L3} on {nodes:node #|nodes #}."}},
    {ReasonCode::fits_one_node, good, "fits-one-node", "all vCPUs are on one NUMA node, over several L3s", {
        "{own:vCPU # is|vCPUs # are} on {nodes:node #|nodes #}.",
        "All {vcpus} vCPUs are on {nodes:node #|nodes #}."}},
    {ReasonCode::fits_one_package, note, "fits-one-package", "several NUMA nodes, all in one package", {
        "{own:vCPU # is|vCPUs # are} in one package.",
        "All {vcpus} vCPUs are in one package."}},
    {ReasonCode::spans_l3s, note, "spans-l3s", "no single L3 had room, so vCPUs do not all share a cache", {
        "{own:vCPU # spans|vCPUs # span} {l3s:# L3|# L3s}: {parts}.",
        "The vCPUs span {l3s:# L3|# L3s}: {parts}."}},
    {ReasonCode::spans_nodes, note, "spans-nodes", "no single NUMA node had room, or numa=spread was asked for", {
        "{own:vCPU # spans|vCPUs # span} nodes {nodes}: {parts}.",
        "The vCPUs span nodes {nodes}: {parts}."}},
    {ReasonCode::spans_packages, note, "spans-packages", "no single package had room", {
        "{own:vCPU # spans|vCPUs # span} {packages:# package|# packages}.",
        "The vCPUs span {packages:# package|# packages}."}},
    {ReasonCode::siblings_kept, good, "siblings-kept", "every guest core is one host core", {
        "Every guest core is one host core."}},
    {ReasonCode::siblings_broken, note, "siblings-broken",
     "some guest cores have their vCPUs on different host cores", {
        "{broken} of {cores:# guest core|# guest cores} {broken:has its|have their} vCPUs on different host cores."}},
    {ReasonCode::core_shared, note, "core-shared", "a host core is shared with another domain", {
        "{cores:# of its cores is|# of its cores are} shared with another domain."}},
    {ReasonCode::cores_whole, good, "cores-whole", "all cores of the domain are exclusive", {
        "All its cores are exclusive."}},
    {ReasonCode::siblings_idle, good, "siblings-idle", "one vCPU per core; the siblings stay idle", {
        "It has one vCPU per core, as smt=isolate asks[; {siblings:its sibling # stays|the siblings # stay} idle]."}},
    {ReasonCode::own_cores, good, "own-cores", "one vCPU per core, as the guest's topology has it", {
        "Each vCPU has a core of its own, as in the guest's topology; shared domains use {pool:its sibling|the "
            "siblings #} last.",
        "Each vCPU has a core of its own, as in the guest's topology[; {siblings:its sibling # stays|the siblings # "
            "stay} idle]."}},
    {ReasonCode::few_cores, note, "few-cores", "several vCPUs on one core, though one per core was wished", {
        "{doubled:# vCPU is|# vCPUs are} on a core with another one, because no more cores are free for it; smt=spread "
            "wishes a core for each.",
        "The guest's topology has {vcpus:# core|# cores}, and it runs on {cores:#|#}, where its vCPUs stay while it "
            "runs{stays:}[; smt=isolate keeps {most}].",
        "The guest's topology has {vcpus:# core|# cores}, and it runs on {cores:#|#}, because more would take it off "
            "{nodes:node #|nodes #}[; smt=isolate keeps {most}].",
        "The guest's topology has {vcpus:# core|# cores}, and it runs on {cores:#|#}, because too few whole cores are "
            "free for it and others[; smt=isolate keeps {most}]."}},
    {ReasonCode::kind_chosen, good, "kind-chosen", "which kind of core a hybrid host gave", {
        "{own:vCPU # is|vCPUs # are} on {kinds, and} cores.",
        "All vCPUs are on {kinds, and} cores."}},
    {ReasonCode::kind_mixed, note, "kind-mixed", "cores of several kinds, as cores=any allows", {
        "Its cores are of several kinds, as cores=any allows: {kinds, and}.",
        "No single kind of core in the pool is large enough for it, so it runs on several kinds."}},
    {ReasonCode::kind_missed, lacking, "kind-missed", "the wished kind of core has no room, so it is on another one", {
        "All vCPUs are on {kinds, and} cores, because the wished kind has no room for {unwished:# vCPU|# vCPUs}."}},
    {ReasonCode::near_device, good, "near-device", "on the NUMA nodes of its passthrough devices", {
        "It is on {nodes:node #|nodes #}, as near{elsewhere:} to its devices as {other_nodes:node #|nodes #}, where "
            "they are attached: each L3 is called a node here.",
        "It is on {nodes:node #|nodes #}, where some of its devices are attached; the others are on "
            "{other_nodes:node #|nodes #}.",
        "It is on {nodes:node #|nodes #}, where its devices are attached."}},
    {ReasonCode::far_from_device, note, "far-from-device", "some vCPUs are away from its passthrough devices", {
        "{vcpus:# vCPU is|# vCPUs are} away from {nodes:node #|nodes #}, where its devices are attached."}},
    {ReasonCode::far_from_memory, note, "far-from-memory", "some vCPUs are on a NUMA node without memory", {
        "{vcpus:# vCPU is|# vCPUs are} on {nodes:node #, which has|nodes #, which have} no memory."}},
    {ReasonCode::cells_share_node, note, "cells-share-node", "several guest NUMA cells are on one node", {
        "{cells} guest cells share {nodes:node #|nodes #}, although other nodes have room; "
            "numa=spread gives each cell a node."}},
    {ReasonCode::device_unknown, note, "device-unknown", "the host has no PCI device of that address", {
        "This host has no PCI device {device}, so its location is ignored; lspci -D lists the devices.",
        "The description of this host lists no devices, so the location of {devices, and} is ignored."}},
    {ReasonCode::avoids_device_node, good, "avoids-device-node",
     "no devices, so it leaves the nodes with I/O to others", {
        "It has no devices, so it leaves the nodes with I/O to domains that have some."}},
    {ReasonCode::vcache_chosen, good, "vcache-chosen", "on the L3 with the larger stacked cache", {
        "It is on the L3 with V-cache."}},
    {ReasonCode::vcache_missed, note, "vcache-missed", "some vCPUs are off the L3 with the larger stacked cache", {
        "{missed} of {vcpus:# vCPU|# vCPUs} {missed:is|are} not on the L3 with V-cache."
            "[ It would fit there but for housekeeping ({housekeeping}), which the configuration can put elsewhere.]"}},
    {ReasonCode::l3_alone, good, "l3-alone", "no other domain and no housekeeping uses its L3s", {
        "No other domain claims CPUs of its L3s; {pool:CPU # there is|CPUs # there are} in the pool, where shared "
            "domains run.",
        "Nobody else uses its L3s."}},
    {ReasonCode::l3_shared, note, "l3-shared", "another claim or housekeeping also uses its L3s", {
        "Its L3s also serve housekeeping ({housekeeping}) and other domains: {owners, and}.",
        "Its L3s also serve {owners, and}.",
        "Its L3s also serve housekeeping ({housekeeping})."}},
    {ReasonCode::kept_in_place, good, "kept-in-place", "its present pins are valid and stay", {
        "Running vCPUs stay where they are pinned."}},
    {ReasonCode::moved, note, "moved", "some vCPUs change their CPU", {
        "{vcpus:# vCPU changes its CPU|# vCPUs change their CPU}[{displaced:} to make room for others]."}},
    {ReasonCode::tidied, note, "tidied",
     "it moved, though it could stay, for fewer NUMA nodes or L3s: its own or another's", {
        "{vcpus:# vCPU|# vCPUs} moved from {from:CPU #|CPUs #}, because {newcomer} then spans "
            "{fewer_nodes:# NUMA node|# NUMA nodes} instead of {former_nodes}.",
        "{vcpus:# vCPU|# vCPUs} moved from {from:CPU #|CPUs #}, because {newcomer} then spans "
            "{fewer_l3s:# L3|# L3s} instead of {former_l3s}.",
        "{vcpus:# vCPU|# vCPUs} moved from {from:CPU #|CPUs #}, because the domain then spans "
            "{fewer_nodes:# NUMA node|# NUMA nodes} instead of {former_nodes}.",
        "{vcpus:# vCPU|# vCPUs} moved from {from:CPU #|CPUs #}, because the domain then spans "
            "{fewer_l3s:# L3|# L3s} instead of {former_l3s}."}},
    {ReasonCode::restricted_cpus, note, "restricted-cpus", "the option cpus restricts the choice", {
        "!{free:# CPU is|# CPUs are} free, but the option cpus allows only {allowed}, of which {free_allowed} "
            "{free_allowed:is|are} free[{unlike:}, but not as its other options ask].",
        "!{free:# CPU is|# CPUs are} free, but the option cpus allows only {allowed}, of which none is free.",
        "The option cpus allows only {allowed:CPU #|CPUs #}."}},
    {ReasonCode::vcpus_float, good, "vcpus-float",
     "some vCPUs have CPUs of their own, the others run on the pool, as dedicated-vcpus asks", {
        "!{own:vCPU # has a CPU of its own|vCPUs # have CPUs of their own}; {floating:vCPU # runs|vCPUs # run} on "
            "{housekeeping:housekeeping CPU #|housekeeping CPUs #}, because nothing is left of the pool.",
        "{own:vCPU # has a CPU of its own|vCPUs # have CPUs of their own}; {floating:vCPU # runs|vCPUs # run} on "
            "{cpus:CPU #|CPUs #} of the pool, as dedicated-vcpus asks.",
        "!{own:vCPU # has a CPU of the domain's own|vCPUs # have CPUs of the domain's own}; {floating:vCPU # runs|"
            "vCPUs # run} there, too, because no other CPU is left."}},
    {ReasonCode::quiet_cpus_used, good, "quiet-cpus-used", "which of its CPUs are isolated from the scheduler", {
        "Of its CPUs, {quiet:# is|# are} isolated from the scheduler (isolcpus, nohz_full); the others are not.",
        "Its CPUs are isolated from the scheduler (isolcpus, nohz_full)."}},
    {ReasonCode::foreign_load, note, "foreign-load", "foreign guests with wide pins may run on its CPUs, too", {
        "No other domain claims its CPUs, but foreign guests that are pinned to more CPUs than they have vCPUs may "
            "run there, too: {guests, and}."}},
    {ReasonCode::housekeeping_yields, note, "housekeeping-yields", "automatic housekeeping leaves it CPUs", {
        "When it starts, automatic housekeeping leaves it {yielded:CPU #|CPUs #}{later:} and keeps {housekeeping:CPU "
            "#|CPUs #}: it would otherwise {loss}. \"housekeeping\": \"{housekeeping}\" in the configuration makes "
            "that fixed.",
        "Automatic housekeeping leaves it {yielded:CPU #|CPUs #} and keeps {housekeeping:CPU #|CPUs #}: it would "
            "otherwise {loss}. \"housekeeping\": \"{housekeeping}\" in the configuration makes that fixed.",
        "Automatic housekeeping leaves it {yielded:CPU #, where it has|CPUs #, where it has} its place, and keeps "
            "{housekeeping:CPU #|CPUs #}. \"housekeeping\": \"{housekeeping}\" in the configuration makes that "
            "fixed."}},

    // Threads and memory.
    {ReasonCode::emulator_housekeeping, good, "emulator-housekeeping",
     "emulator threads run on housekeeping CPUs, or on the pool when there are none", {
        "Emulator threads run on {cpus:CPU #|CPUs #}: {why}."}},
    {ReasonCode::emulator_own, good, "emulator-own", "emulator threads have a core of their own", {
        "Emulator threads run on {cpus:CPU #|CPUs #}: a core of their own."}},
    {ReasonCode::emulator_on_vcpus, note, "emulator-on-vcpus", "emulator threads share the CPUs of the vCPUs", {
        "Emulator threads run on {cpus:CPU #|CPUs #}: {why}."}},
    {ReasonCode::emulator_fixed, good, "emulator-fixed", "emulator threads are fixed by policy", {
        "Emulator threads run on {cpus:CPU #|CPUs #}: fixed by policy."}},
    {ReasonCode::emulator_start_pin, note, "emulator-start-pin",
     "the definition starts the emulator on the domain's own L3, so that the guest is shown the right caches", {
        "The definition starts the emulator on {start:CPU #|CPUs #}, because the guest is shown the caches of the CPUs "
            "that QEMU starts on; once started, the emulator moves to {emulator:CPU #|CPUs #}.",
        "The emulator starts on {start:CPU #|CPUs #}, on the L3 of the vCPUs but not among them: they are scheduled in "
            "real time and would not let it run."}},
    {ReasonCode::iothreads_housekeeping, good, "iothreads-housekeeping",
     "I/O threads run on housekeeping CPUs, or on the pool when there are none", {
        "I/O threads run on {cpus:CPU #|CPUs #}: {why}."}},
    {ReasonCode::iothreads_own, good, "iothreads-own", "I/O threads have a core of their own", {
        "I/O threads run on {cpus:CPU #|CPUs #}: a core of their own."}},
    {ReasonCode::iothreads_on_vcpus, note, "iothreads-on-vcpus", "I/O threads share the CPUs of the vCPUs", {
        "I/O threads run on {cpus:CPU #|CPUs #}: {why}."}},
    {ReasonCode::iothreads_fixed, good, "iothreads-fixed", "I/O threads are fixed by policy", {
        "I/O threads run on {cpus:CPU #|CPUs #}: fixed by policy."}},
    {ReasonCode::fixed_cpus_unusable, note, "fixed-cpus-unusable",
     "none of the CPUs that the policy fixes threads to may be used", {
        "{threads} are fixed by policy to {cpus:CPU #, which|CPUs #, none of which} may {cpus:not |}be used on this "
            "host now."}},
    {ReasonCode::threads_on_claim, note, "threads-on-claim",
     "threads are fixed by policy to CPUs that another domain claims", {
        "{threads} are fixed by policy to {cpus:CPU #, which is|CPUs #, which are} claimed by {owners, and}; they "
            "disturb each other."}},
    {ReasonCode::claim_has_threads, note, "claim-has-threads",
     "another domain's policy fixes its threads to CPUs of this domain", {
        "The policies of other domains fix threads to CPUs that it claims: {guests, and}."}},
    {ReasonCode::memory_follows, good, "memory-follows", "memory is bound to the nodes of the vCPUs", {
        "Memory is bound to {elsewhere:}{nodes:node #, the nearest that has|nodes #, the nearest that have} enough "
            "of it.",
        "Memory follows the vCPUs to {nodes:node #|nodes #}."}},
    {ReasonCode::memory_kept, note, "memory-kept", "memory is left alone, as memory=keep asks", {
        "Memory is left where it is, as memory=keep asks: its <numatune> has libvirt ask numad at every start{numad:}, "
            "and the guest does not start without numad.",
        "Memory is left where it is, as memory=keep asks."}},
    {ReasonCode::memory_locked, note, "memory-locked", "locked memory cannot move, so the nodes stay", {
        "{free:# CPU is|# CPUs are} free, but its memory is locked on {nodes:node #, which has|nodes #, which have} "
            "no room.",
        "Its memory is locked, so it runs{shared:} on its own nodes only.",
        "Its memory is locked, so it stays on its nodes."}},
    {ReasonCode::memory_short, lacking, "memory-short", "nodes were ruled out for want of free memory", {
        "With no more memory than {nodes:node # has|nodes # have} ({available}), it would have {gain}.",
        "With {wanted} on {nodes:node #|nodes #}, it would have {gain}.",
        "{free:# CPU is|# CPUs are} free, but not on nodes with {wanted}.",
        "Memory is not bound: all nodes together have less than {wanted}.",
        "It cannot start here: no node has hugepages of {page}.",
        "The nodes where it could run have less free memory than it needs."}},

    // Shared domains, and those that are left alone.
    {ReasonCode::floats_on_pool, good, "floats-on-pool", "the vCPUs run on CPUs that no domain claims", {
        "{vcpus:# vCPU runs|# vCPUs run} on {cpus:CPU #|CPUs #} of the shared pool ({nodes:node #|nodes #})."}},
    {ReasonCode::pool_full, note, "pool-full", "there are fewer CPUs where it floats than the domain has vCPUs", {
        "{elsewhere:}That is {usable:# CPU|# CPUs} for {vcpus:# vCPU|# vCPUs}, which will wait for each other.",
        "The pool has only {usable:# CPU|# CPUs} for it; vCPUs will wait for each other."}},
    {ReasonCode::no_pool, lacking, "no-pool",
     "there is no pool where it may run, so it runs on housekeeping or claimed CPUs", {
        "{vcpus:# vCPU runs|# vCPUs run} on {housekeeping:housekeeping CPU #|housekeeping CPUs #}, because all "
            "others are claimed[{isolated:} or isolated].",
        "{vcpus:# vCPU runs|# vCPUs run} on {cpus:CPU #|CPUs #}, claimed by {owners, and}, because no other CPU is "
            "left for it.",
        "{vcpus:# vCPU runs|# vCPUs run} on {cpus:CPU #|CPUs #}, isolated from the scheduler, because no other CPU "
            "is left for it."}},
    {ReasonCode::cpus_not_in_pool, lacking, "cpus-not-in-pool", "nothing of the option cpus is in the pool", {
        "The option cpus allows {allowed:CPU #, which is|CPUs #, none of which is} {allowed:not |}in the pool: "
            "claimed, housekeeping or not present."}},
    {ReasonCode::devices_not_in_pool, lacking, "devices-not-in-pool", "too little of the pool is near its devices", {
        "There is no room in the pool for {vcpus:# vCPU|# vCPUs} in a package{package:} of {nodes:node #|nodes #}, "
            "where its devices are attached, as device=package asks.",
        "There is no room in the pool for {vcpus:# vCPU|# vCPUs} on {nodes:node #|nodes #}, where its devices are "
            "attached, as device=require asks."}},
    {ReasonCode::claim_overrun, note, "claim-overrun", "its CPUs are also used by domains that can run nowhere else", {
        "Its CPUs are also used by {neighbours, and}, which can run nowhere else."}},
    {ReasonCode::own_core_denied, note, "own-core-denied", "a shared domain cannot have a core of its own", {
        "{threads} get no core of their own: only a dedicated domain claims CPUs."}},
    {ReasonCode::hands_off, note, "hands-off", "the policy leaves the domain alone", {
        "Its policy {policy} leaves it alone.",
        "It has no policy, or the policy none, so it is left alone."}},
    {ReasonCode::foreign_pins, note, "foreign-pins", "somebody else pinned the domain; it is not touched", {
        "Somebody else pinned it; set a policy to take it over.[ It may run on {load:CPU #|CPUs #}, more than it has "
            "vCPUs there, which counts as load, not as a claim.][{shut_off:} It is shut off, so it has no claim to "
            "those CPUs now.]"}},
    {ReasonCode::held, note, "held", "a hold leaves the domain alone for now", {
        "It is left alone on request: {hold}.",
        "It is left alone on request."}},

    // Not now.
    {ReasonCode::missing_now, note, "missing-now",
     "hugepages or memory that it needs are missing now; it waits for them", {
        "{missing} of hugepages are missing now; it cannot start until they are there. It needs {memory} in pages of "
            "{page}.",
        "{missing} of memory are missing now; its definition is made for when they are free."}},
    {ReasonCode::device_in_use, note, "device-in-use",
     "a guest that runs has one of its devices; it is planned as if that guest were off", {
        "It has {devices, and} in common with {rival}, which runs: it cannot start until {rival} stops, and is planned "
            "as if {rival} were off.",
        "It has {devices, and} in common with {rivals, and}: only one of them can run at a time, so it is planned as "
            "if the others were off."}},
    {ReasonCode::cpus_taken, note, "cpus-taken",
     "it is shut off, has no room beside those that run, and is planned for when it has", {
        "It has no room beside the domains that run now[: its CPUs are claimed by {owners, and}]. It is shut off, so "
            "its definition is made for when it has room."}},

    // Does not fit.
    {ReasonCode::no_room, lacking, "no-room", "not enough free CPUs", {
        "{vcpus:# vCPU needs a free CPU|# vCPUs need as many free CPUs}, and {free:# is|# are} free.",
        "{vcpus:# vCPU needs a free CPU|# vCPUs need as many free CPUs}, and none is free.",
        "No CPU of this host may be used."}},
    {ReasonCode::no_whole_cores, lacking, "no-whole-cores", "not enough whole free cores", {
        "{free:# CPU is|# CPUs are} free, but not {need}."}},
    {ReasonCode::no_single_node, lacking, "no-single-node", "no NUMA node has room, and numa=single was asked for", {
        "{free:# CPU is|# CPUs are} free, but no single node has room for {vcpus:# vCPU|# vCPUs}, as numa=single asks.",
        "No single node has room in the pool for {vcpus:# vCPU|# vCPUs}, as numa=single asks."}},
    {ReasonCode::no_device_node, lacking, "no-device-node",
     "no room near its devices, which the option device asks for", {
        "{free:# CPU is|# CPUs are} free, but there is no room for {vcpus:# vCPU|# vCPUs} in a package{package:} of "
            "{nodes:node #|nodes #}, where its devices are attached, as device=package asks.",
        "{free:# CPU is|# CPUs are} free, but there is no room for {vcpus:# vCPU|# vCPUs} on {nodes:node #|nodes #}, "
            "where its devices are attached, as device=require asks."}},
    {ReasonCode::no_kind, lacking, "no-kind", "no single kind of core has room, and kinds are not mixed", {
        "{free:# CPU is|# CPUs are} free, but no single kind of core has room for {vcpus:# vCPU|# vCPUs}."}},
    {ReasonCode::no_smt, lacking, "no-smt", "siblings were asked for, and the host has none or does not tell them", {
        "smt=require promises siblings to the {threads_per_core} threads of each guest core, and this host has no SMT.",
        "smt=require promises siblings, and this host does not tell which CPUs are siblings."}},
    {ReasonCode::no_own_core, lacking, "no-own-core", "no core is left for emulator or I/O threads of its own", {
        "{free:# CPU is|# CPUs are} free, but {vcpus:# vCPU leaves|# vCPUs leave} no core for emulator or I/O threads "
            "alone."}},
    {ReasonCode::no_room_as_asked, lacking, "no-room-as-asked",
     "several options together rule out the CPUs that are free", {
        "{free:# CPU is|# CPUs are} free, but not with all that it asks for: {asked, and}."}},
    {ReasonCode::cells_do_not_fit, lacking, "cells-do-not-fit", "some guest NUMA cell fits no host node", {
        "The guest gets no NUMA cells: {nodes:node # has|nodes # have} less memory than a cell for the vCPUs there "
            "would need.",
        "Some guest NUMA cell spans nodes: no arrangement puts each on one node."}},
    {ReasonCode::fell_back_to_shared, lacking, "fell-back-to-shared", "it does not fit and shares CPUs with others", {
        "It shares CPUs with others until enough CPUs are free."}},
    {ReasonCode::left_untouched, lacking, "left-untouched", "it does not fit and fallback=fail leaves it alone", {
        "It is left alone, as fallback=fail asks."}},
    {ReasonCode::to_do_better, note, "to-do-better", "what would have to change for a better placement", {
        "With {cpus:CPU #|CPUs #} it would have {gain}; {cpus:it is|they are} claimed by {owners, and}. Stop or move "
            "those[{priority:}, or give this domain a higher priority].",
        "{cpus:CPU #|CPUs #} would give it {gain}; stop and start it to have it placed again, because running vCPUs "
            "stay where they are.",
        "It would fit on {where} but for housekeeping ({housekeeping}), which the configuration can put elsewhere.",
        "With \"housekeeping\": \"{spare}\" in the configuration, it would not {loss}.",
        "No {place} of this host is large enough: with at most {most:# vCPU|# vCPUs} it could fit one.",
        "Without the claims of others{other_claims:} it would not fit either: {usable:# CPU is|# CPUs are} usable "
            "beside housekeeping[ ({housekeeping})]. It would fit with {ways, or}.",
        "It does not fit on this host: {usable:# CPU is|# CPUs are} usable beside housekeeping[ ({housekeeping})]. It "
            "would fit with {ways, or}.",
        "It would fit on {cpus:CPU #, which is|CPUs #, which are} claimed by {owners, and}. Stop or shrink "
            "those[{priority:}, or give this domain a higher priority].[ Beside those it would fit with {ways, or}.]",
        "It would fit with {ways, or}."}},
    {ReasonCode::not_proven, note, "not-proven", "no better placement was found, but that is no proof", {
        "No better placement was found, but the search does not prove that there is none."}},
    {ReasonCode::metadata_unreadable, lacking, "metadata-unreadable",
     "the policy element in the domain's metadata cannot be read", {
        "{error}"}},
    {ReasonCode::definition_too_long, lacking, "definition-too-long",
     "the domain's XML is longer than what virtpind changes, so it is left alone", {
        "{error}"}},
    {ReasonCode::policy_invalid, lacking, "policy-invalid", "the merged policy contradicts itself", {
        "{error}"}},
    {ReasonCode::set_apart, lacking, "set-apart", "virtpind itself failed at this domain, which is left alone", {
        "{error}"}},
    {ReasonCode::cpus_isolated, good, "cpus-isolated", "the kernel keeps other tasks off its CPUs", {
        "While it runs, the kernel keeps other tasks off {cpus:CPU #|CPUs #}."}},
    {ReasonCode::cpus_not_isolated, lacking, "cpus-not-isolated",
     "isolate=true cannot be had now: it is pinned all the same, and other tasks may run there, too", {
        "Other tasks are not kept off its CPUs, as isolate asks: {why}."}},
    {ReasonCode::isolation_left_out, note, "isolation-left-out",
     "isolate=auto cannot be had now: it is pinned, and other tasks may run there, too", {
        "Other tasks are not kept off its CPUs, as isolate=auto does where it can: {why}."}},
    {ReasonCode::profile_held, good, "profile-held", "power-profiles-daemon holds the profile performance", {
        "While it runs, power-profiles-daemon holds the profile \"performance\"."}},
    {ReasonCode::profile_not_held, lacking, "profile-not-held",
     "profile=performance cannot be had now", {
        "The power profile is not held at \"performance\", as profile=performance asks: {why}."}},
    {ReasonCode::nodes_forgotten, note, "nodes-forgotten",
     "kernel threads that are kept on their NUMA node run anywhere, until the next boot", {
        "Linux before 7.0 lets kswapd and kcompactd forget their NUMA nodes when CPUs are isolated: they run anywhere "
            "until the next boot."}},
    {ReasonCode::vcpus_missing, lacking, "vcpus-missing", "the policy asks for more vCPUs than can be plugged", {
        "The policy asks for {wanted_vcpus:# vCPU|# vCPUs}: the domain has room for {vcpus}[{gaps:}, because the "
            "gaps in its definition stay]; a larger <vcpu> in the definition makes more."}},
    {ReasonCode::vcpus_kept, lacking, "vcpus-kept", "the policy asks for fewer vCPUs than can be had while it runs", {
        "The policy asks for {wanted_vcpus:# vCPU|# vCPUs}: the guest did not give back {kept:vCPU #|vCPUs #}; "
            "Reapply asks it again.",
        "The policy asks for {wanted_vcpus:# vCPU|# vCPUs}: the guest was started with more of them, which cannot be "
            "unplugged; it has that number from its next start."}},
    {ReasonCode::dedicated_vcpus_missing, note, "dedicated-vcpus-missing",
     "the option dedicated-vcpus names vCPUs that the domain does not have, or that are all offline", {
        "The option dedicated-vcpus names {beyond:vCPU #|vCPUs #}, but the last vCPU of the domain is {last_vcpu}.",
        "{waiting:vCPU #, which the option dedicated-vcpus names, is offline|vCPUs #, which the option "
            "dedicated-vcpus names, are offline}, so all vCPUs run on the pool."}},
    {ReasonCode::pins_elsewhere, note, "pins-elsewhere",
     "its pins name CPUs or nodes that this host does not have; they are ignored", {
        "Its pins name {cpus:CPU #|CPUs #}, which this host does not have (it has {host_cpus}), so they count as none.",
        "Its memory is bound to {nodes:node #|nodes #}, which this host does not have (it has {host_nodes}), so it "
            "counts as not bound."}},
    {ReasonCode::policy_elsewhere, lacking, "policy-elsewhere", "its policy names CPUs that this host does not have", {
        "Its policy names {cpus:CPU #|CPUs #}, which this host does not have (it has {host_cpus}); they are in the "
            "options cpus, emulator or iothreads."}},
    {ReasonCode::auto_chosen, note, "auto-chosen", "what the policy auto means for this domain, and why", {
        "The policy {policy} means {placement} for this domain, because it is given {passed_through}.",
        "The policy {policy} means {placement} for this domain, because it is given no device of the host."}},

    // The guest's topology and tuning.
    {ReasonCode::placement_auto, note, "placement-auto",
     "the definition has libvirt ask numad at every start, whatever the pins say", {
        "The definition says <vcpu placement='auto'>, with which libvirt asks numad at every start whatever the pins "
            "say; it becomes static{dedicated:}.",
        "The definition says <vcpu placement='auto'>, with which libvirt asks numad at every start whatever the pins "
            "say, and cannot start the guest without numad; placement='static' avoids that."}},
    {ReasonCode::topology_mirrored, good, "topology-mirrored", "the guest's topology is that of its CPUs", {
        "From its next start, the guest has the topology of the CPUs it runs on: {shape}."}},
    {ReasonCode::topology_true, good, "topology-true", "the guest's topology is already that of its CPUs, and stays", {
        "The guest's topology stays: it already is that of the CPUs it runs on ({shape})."}},
    {ReasonCode::topology_gaps, note, "topology-gaps",
     "some vCPUs stay offline, so that the guest's caches end where the host's do", {
        "{offline:vCPU # stays|vCPUs # stay} offline, so that the guest's cores and caches end where the host's do."}},
    {ReasonCode::trailing_vcpus, note, "trailing-vcpus",
     "vCPUs behind the last one in use stay offline, which does not change the guest's caches", {
        "{offline:vCPU # stays|vCPUs # stay} offline behind all others, which does not change the guest's caches."}},
    {ReasonCode::topology_kept, note, "topology-kept",
     "the guest's topology is not, or cannot be, made like that of its CPUs", {
        "The guest does not know that it is on nodes {nodes}; topology=match gives it a NUMA cell for each.",
        "The guest takes each of its {vcpus:# vCPU|# vCPUs} for a core of its own, but {doubled:# of its host cores "
            "runs|# of its host cores run} several. topology=match tells it which.",
        "The guest gets no NUMA cells{no_cells:}: {argument} in the QEMU command line of the definition overrides what "
            "would be written of its memory.",
        "The guest's <vcpu>, <vcpus> and <topology> stay: {argument} in the QEMU command line of the definition "
            "overrides what would be written there.",
        "The guest's topology stays: {why}."}},
    {ReasonCode::cells_mirrored, good, "cells-mirrored", "the guest gets a NUMA cell for each of its nodes", {
        "The guest gets {cells:# NUMA cell|# NUMA cells}, one for each node that its vCPUs are on."}},
    {ReasonCode::caches_passed_through, good, "caches-passed-through",
     "the guest is shown the host's caches, and is right about which vCPUs share them", {
        "The guest is shown the host's caches, and vCPUs that it takes to share one really do. This needs the host's "
            "own CPU (host-passthrough or maximum)."}},
    {ReasonCode::tune_refused, note, "tune-refused", "something that tune asks for would be wrong on this host", {
        "The guest is shown the host's caches by {by}, and that is wrong: {why}.",
        "{tunes, and} {tunes:is|are} left out: {why}.",
        "The host's caches are not passed through: {why}.",
        "The guest's CPUs are emulated (type='qemu'), so there is nothing of the host to show it; KVM (type='kvm') "
            "passes the host's on."}},
});

constexpr auto phrases = std::to_array<PhraseInfo>({
    {ReasonPhrase::emulator_threads, "Emulator threads"},
    {ReasonPhrase::io_threads, "I/O threads"},

    {ReasonPhrase::with_the_vcpus, "the part of the pool that its vCPUs run on"},
    {ReasonPhrase::nearest_housekeeping, "the housekeeping CPUs nearest to its vCPUs"},
    {ReasonPhrase::pool_without_housekeeping_near, "the pool on its node, where there is no housekeeping"},
    {ReasonPhrase::housekeeping_elsewhere,
     "housekeeping on {nodes:node #|nodes #}, the nearest; its own {nodes:node has|nodes have} none"},
    {ReasonPhrase::pool_without_housekeeping, "the pool near its vCPUs, because there is no housekeeping"},
    {ReasonPhrase::vcpus_without_others, "the CPUs of its vCPUs, because there is neither housekeeping nor a pool"},
    {ReasonPhrase::vcpus_as_asked,
     "the CPUs of its vCPUs, as the policy asks[{isolated:}; the scheduler uses only the first of those that are "
     "isolated]"},

    {ReasonPhrase::numa_node, "NUMA node"},
    {ReasonPhrase::l3, "L3"},
    {ReasonPhrase::kind_of_core, "wished kind of core"},
    {ReasonPhrase::on_node, "{nodes:node #|nodes #}"},
    {ReasonPhrase::on_l3_of_node, "one L3 of {nodes:node #|nodes #}"},
    {ReasonPhrase::free_memory, "{memory} of free memory"},
    {ReasonPhrase::free_hugepages, "{memory} of free hugepages of {page}"},
    {ReasonPhrase::cores_isolate, "{vcpus:# whole core|# whole cores}, one for each vCPU, as smt=isolate asks"},
    {ReasonPhrase::cores_require, "as whole cores for {vcpus:# vCPU|# vCPUs}, as smt=require asks"},

    {ReasonPhrase::wished_kind, "the wished kind of core"},
    {ReasonPhrase::fewer_low_power, "{better} instead of {now} vCPUs on low-power cores"},
    {ReasonPhrase::fewer_doubled, "{better} instead of {now} vCPUs on a core with another one"},
    {ReasonPhrase::even_spread, "its vCPUs spread more evenly over the nodes"},
    {ReasonPhrase::fewer_nodes, "{better} instead of {now} NUMA nodes"},
    {ReasonPhrase::fewer_without_cell, "{better} instead of {now} devices without a guest cell beside them"},
    {ReasonPhrase::nearer_nodes, "nodes nearer to each other"},
    {ReasonPhrase::fewer_without_memory, "{better} instead of {now} vCPUs on nodes without memory"},
    {ReasonPhrase::fewer_away_from_devices, "{better} instead of {now} vCPUs away from its devices"},
    {ReasonPhrase::fewer_away_from_devices_or_memory,
     "{better} instead of {now} vCPUs away from its devices or from memory"},
    {ReasonPhrase::nearer_devices, "nodes nearer to its devices"},
    {ReasonPhrase::fewer_packages, "{better} instead of {now} packages"},
    {ReasonPhrase::fewer_unisolated, "{better} instead of {now} vCPUs outside the isolated CPUs"},
    {ReasonPhrase::fewer_broken_siblings, "{better} instead of {now} guest cores on different host cores"},
    {ReasonPhrase::fewer_l3s, "{better} instead of {now} L3s"},
    {ReasonPhrase::fewer_partial_cores, "{better} instead of {now} cores used in part"},
    {ReasonPhrase::fewer_shared_cores, "{better} instead of {now} cores shared with others"},
    {ReasonPhrase::fewer_off_vcache, "{better} instead of {now} vCPUs off the V-cache"},

    {ReasonPhrase::lose_place, "lack CPUs of its own"},
    {ReasonPhrase::lose_kind, "be on cores of another kind"},
    {ReasonPhrase::lose_usual_cores, "be on low-power cores"},
    {ReasonPhrase::lose_cores, "have more vCPUs that share a core"},
    {ReasonPhrase::lose_nodes, "span more nodes"},
    {ReasonPhrase::lose_device, "be away from its devices or from memory"},
    {ReasonPhrase::lose_vcache, "miss the V-cache"},

    {ReasonPhrase::asks_cpus, "cpus={allowed}"},
    {ReasonPhrase::asks_locked_memory, "memory locked on {nodes:node #|nodes #}"},
    {ReasonPhrase::asks_memory_follow, "memory=follow"},
    {ReasonPhrase::asks_numa_single, "numa=single"},
    {ReasonPhrase::asks_device_require, "device=require"},
    {ReasonPhrase::asks_device_package, "device=package"},
    {ReasonPhrase::asks_emulator_own, "emulator=own"},
    {ReasonPhrase::asks_iothreads_own, "iothreads=own"},
    {ReasonPhrase::asks_one_kind, "one kind of core"},
    {ReasonPhrase::asks_siblings, "siblings by topology=keep"},
    {ReasonPhrase::asks_smt_require, "smt=require"},
    {ReasonPhrase::asks_smt_isolate, "smt=isolate"},

    {ReasonPhrase::more_cpus_allowed, "more CPUs in cpus"},
    {ReasonPhrase::new_start, "a stop and a new start"},
    {ReasonPhrase::more_memory, "more free memory"},
    {ReasonPhrase::more_hugepages, "more free hugepages"},
    {ReasonPhrase::numa_prefer, "numa=prefer"},
    {ReasonPhrase::device_prefer, "device=prefer"},
    {ReasonPhrase::emulator_auto, "emulator=auto"},
    {ReasonPhrase::iothreads_auto, "iothreads=auto"},
    {ReasonPhrase::cores_any, "cores=any"},
    {ReasonPhrase::topology_match, "topology=match"},
    {ReasonPhrase::smt_prefer, "smt=prefer"},
    {ReasonPhrase::other_housekeeping, "\"housekeeping\": \"{spare}\" in the configuration"},
    {ReasonPhrase::at_most_vcpus, "at most {most:# vCPU|# vCPUs}"},
    {ReasonPhrase::weaker_options, "fewer vCPUs, less housekeeping or weaker options"},

    {ReasonPhrase::no_isolation_helper,
     "virtpind-isolate does not answer ({error}); systemctl enable --now virtpind-isolate.socket lets it"},
    {ReasonPhrase::no_isolation_kernel, "that takes Linux 6.7 or later and cgroup v2 ({error})"},
    {ReasonPhrase::no_isolation_cpuset,
     "guests have no cpuset controller ({error}); cgroup_controllers in /etc/libvirt/qemu.conf gives it"},
    {ReasonPhrase::no_isolation_group,
     "its control group is not one of systemd's in machine.slice; a guest without <resource> in its definition has "
     "it there"},
    {ReasonPhrase::no_isolation_boot,
     "{cpus:CPU # is|CPUs # are} isolated at boot already; without isolcpus= in the kernel's command line this "
     "guest can have {cpus:it|them} to itself while it runs"},
    {ReasonPhrase::no_isolation_guests,
     "{guests, and} could not start any more, pinned to nothing else; other pins (virsh vcpupin --config) or a policy "
     "would help"},
    {ReasonPhrase::no_isolation_units,
     "{owners, and} could not start any more, with CPUAffinity= on nothing else; other CPUs there (systemctl edit) "
     "would help"},
    {ReasonPhrase::no_isolation_threads,
     "its own threads ({error}) are on nothing but the CPUs of its vCPUs; emulator=auto and iothreads=auto would help"},
    {ReasonPhrase::no_isolation_pinned, "{error} would have no CPU left of {cpus}, to which it is pinned"},
    {ReasonPhrase::no_isolation_others, "somebody else has {cpus:CPU #|CPUs #} isolated"},
    {ReasonPhrase::no_isolation_floor, "{error}; fewer vCPUs, or isolate=false for another guest, would help"},
    {ReasonPhrase::no_isolation_change,
     "its threads are no longer as virtpind saw them ({error}); virtpinctl apply looks again"},
    {ReasonPhrase::no_isolation_version,
     "virtpind-isolate does not understand what virtpind asks ({error}); systemctl restart virtpind makes both the "
     "same version"},
    {ReasonPhrase::no_isolation_topology, "virtpind plans for a topology from a file, and not for this host"},
    {ReasonPhrase::no_isolation_refused, "the kernel refuses it ({error})"},
    {ReasonPhrase::no_isolation_busy,
     "virtpind-isolate is still at work on another request ({error}); virtpinctl apply asks again"},
    {ReasonPhrase::no_isolation_failed, "virtpind-isolate could not do it ({error})"},

    {ReasonPhrase::no_profile_service,
     "power-profiles-daemon does not hold it ({error}); systemctl status power-profiles-daemon tells more"},
    {ReasonPhrase::no_profile_yielded,
     "somebody chose another profile meanwhile, which stands until a guest asks anew"},

    {ReasonPhrase::guest_shape,
     "{sockets:# socket|# sockets}, {dies:# die|# dies} per socket, {cores:# core|# cores} per die, "
     "{threads_per_core:# thread|# threads} per core"},
    {ReasonPhrase::nothing_to_mirror, "its vCPUs have no CPUs of their own whose topology it could have"},
    {ReasonPhrase::floating_siblings,
     "some of its vCPUs float on the pool, so it cannot be told which of them are siblings or share a cache"},
    {ReasonPhrase::definition_differs,
     "the definition has other vCPUs or cells than the running domain; this is decided again when the domain is next "
     "shut off"},
    {ReasonPhrase::too_many_vcpus, "with the gaps that its caches need, it would have more than 255 vCPUs"},
    {ReasonPhrase::by_cpu_argument, "the argument -cpu of its command line"},
    {ReasonPhrase::by_definition, "its definition"},
    {ReasonPhrase::argument_overrides,
     "{argument} in the QEMU command line of the definition overrides what would be written"},
    {ReasonPhrase::argument_hides_shape,
     "{argument} in the QEMU command line of the definition overrides any topology that the definition says, so it is "
     "unknown which vCPUs the guest would take to share a cache"},
    {ReasonPhrase::definition_opposes, "the definition explicitly says the opposite, and that stays"},
    {ReasonPhrase::model_named,
     "that needs the host's own CPU, and the definition names the model {model}, which stays; with "
     "<cpu mode='host-passthrough'/> instead, it is possible"},
    {ReasonPhrase::x86_only, "it is for x86 guests, and this one is {arch}"},
    {ReasonPhrase::amd_only, "it is a feature of AMD CPUs"},
    {ReasonPhrase::host_lacks_feature, "this host cannot give it to a guest"},
    {ReasonPhrase::libvirt_lacks_feature, "libvirt does not say that this host can give it to a guest"},
    {ReasonPhrase::one_thread_per_core, "the guest has one thread per core"},
    {ReasonPhrase::topoext_unavailable,
     "AMD CPUs describe them by topoext only, which this host cannot give to a guest"},
    {ReasonPhrase::topoext_disabled, "AMD CPUs describe them by topoext only, which the definition disables"},
    {ReasonPhrase::unlike_kinds, "the cores of this host are of several kinds with different caches"},
    {ReasonPhrase::unlike_l3_sizes, "its L3s differ in size, and a guest can be told of one size only"},
    {ReasonPhrase::unlike_start,
     "QEMU starts on {start:CPU #|CPUs #}, whose caches differ from those of the vCPUs[{realtime:}. It is not started "
     "among the vCPUs, because they are scheduled in real time and would not let it run]"},
    {ReasonPhrase::cpus_offline,
     "some CPUs of the host are offline, so CPUID does not say how many CPUs share a cache"},
    {ReasonPhrase::caches_unknown, "the description of this host does not tell which CPUs share a cache"},
    {ReasonPhrase::no_own_cpus, "the vCPUs have no CPUs of their own, so no cache is certain to be theirs"},
    {ReasonPhrase::floating_caches, "some of its vCPUs float on the pool, so no cache is certain to be theirs"},
    {ReasonPhrase::topology_miscounts, "the guest's topology does not give the number of its vCPUs"},
    {ReasonPhrase::topology_misleads,
     "with its present topology the guest would take vCPUs to share a cache that do not, or the reverse; "
     "topology=match corrects that"},
    {ReasonPhrase::no_true_topology, "no topology makes the guest see its {l3s:# L3|# L3s} as they really are"},
});

// clang-format on

constexpr bool is_complete()
{
    for (std::size_t i = 0; i < reasons.size(); ++i) {
        if (reasons[i].code != ReasonCode{static_cast<int>(i)} || reasons[i].word.empty() ||
            reasons[i].sentences.front().empty()) {
            return false;
        }
    }
    return std::all_of(phrases.begin(), phrases.end(), [](const PhraseInfo& row) {
        return !row.text.empty() &&
               row.phrase == ReasonPhrase{static_cast<int>(&row - phrases.data())};
    });
}

static_assert(is_complete(), "a row for each code and each phrase, in their order");

} // namespace

std::span<const ReasonInfo> reason_table()
{
    return reasons;
}

std::span<const PhraseInfo> phrase_table()
{
    return phrases;
}

const ReasonInfo& info_of(ReasonCode code)
{
    return reasons.at(static_cast<std::size_t>(code));
}

std::string_view text_of(ReasonPhrase phrase)
{
    return phrases.at(static_cast<std::size_t>(phrase)).text;
}

} // namespace virtpind
