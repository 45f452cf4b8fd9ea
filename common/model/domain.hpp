// SPDX-License-Identifier: LGPL-2.1-or-later
// A domain: its facts, and its current pins (observed). Plain values, filled from libvirt, from
// XML, or from a scenario.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "guest_details.hpp"
#include "policy.hpp"
#include "undo_note.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace virtpind {

enum class RunState { shutoff, running, paused, crashed, other };
[[nodiscard]] std::string_view
to_string(RunState state); // "shutoff" "running" "paused" "crashed" "other"

// The guest's own topology as in <cpu><topology>.
struct GuestTopology {
    unsigned sockets = 1;
    unsigned dies = 1;
    unsigned clusters = 1;
    unsigned cores = 1;
    unsigned threads = 1;

    // Product of all, as 64 bit so that hostile numbers do not wrap.
    [[nodiscard]] std::uint64_t product() const
    {
        return std::uint64_t{sockets} * dies * clusters * cores * threads;
    }

    friend bool operator==(const GuestTopology&, const GuestTopology&) = default;
};

// A guest NUMA cell (<cpu><numa><cell>).
struct GuestCell {
    std::uint32_t id = 0;
    VcpuSet vcpus;
    std::uint64_t memory_kib = 0;
    friend bool operator==(const GuestCell&, const GuestCell&) = default;
};

enum class NumaMode { strict, preferred, interleave, restrictive };
[[nodiscard]] std::string_view to_string(NumaMode mode);
[[nodiscard]] Result<NumaMode> parse_numa_mode(std::string_view word); // error: invalid_argument

// <numatune>: <memory> and, for guest cells, <memnode>.
struct NumaTune {
    NumaMode mode = NumaMode::restrictive;
    NodeSet nodes;                          // empty: only memnodes are set
    std::map<std::uint32_t, NodeSet> cells; // guest cell id -> host nodes
    // The element as it was read, so that restoring it is lossless; empty if the planner made it.
    // Not compared.
    std::string source_xml;

    friend bool operator==(const NumaTune& a, const NumaTune& b)
    {
        return a.mode == b.mode && a.nodes == b.nodes && a.cells == b.cells;
    }
};

// One set of pins: of the running domain (LIVE) or of its persistent definition (CONFIG). An absent
// thread has no pin of its own.
struct PinSet {
    std::map<VcpuId, CpuSet> vcpus;
    std::optional<CpuSet> emulator;
    std::map<IothreadId, CpuSet> iothreads;
    std::optional<NumaTune> numatune;
    std::optional<CpuSet> vcpu_cpuset; // <vcpu cpuset=>: the fallback for threads without a pin
    // The definition has <iothreadids>. libvirt adds it when an I/O thread is pinned in the
    // definition.
    bool iothreads_listed = false;
    friend bool operator==(const PinSet&, const PinSet&) = default;

    // Union of all vCPU pins that are narrower than `online` (vcpu_cpuset replaces missing pins of
    // `vcpus`); the claim of a foreign domain.
    [[nodiscard]] CpuSet narrow_cpus(const CpuSet& online, const VcpuSet& vcpus) const;
};

// The content of the metadata: nothing, a valid policy, or an unreadable element.
struct MetadataPolicy {
    std::optional<Result<PolicySpec>> content; // nullopt: no element of virtpind
};

// A device of the host that the guest has, but not as a PCI device of the definition.
struct IndirectDevice {
    enum class Kind { mediated, vdpa, argument } kind = Kind::mediated;
    std::string id;     // UUID, "/dev/vhost-vdpa-0", or the argument of QEMU's; at most 128 bytes
    std::string parent; // PCI address of its parent device; "" if unknown
    friend bool operator==(const IndirectDevice&, const IndirectDevice&) = default;
};

// A longer definition is read and its pins are respected, but it is not changed: for each write,
// libvirtd formats, parses and copies all of it, and every other guest waits.
inline constexpr std::size_t changed_definition_bytes_max = std::size_t{1024} * 1024;

struct DomainFacts {
    DomainUuid uuid;
    std::string name;
    std::optional<int> id; // libvirt id; only while active; changes at every start
    RunState state = RunState::shutoff;
    bool persistent = true;
    std::size_t definition_bytes =
        0; // the longer of both XML texts, live and definition; 0: not known
    // libvirt is starting, saving or migrating it: all other changes must wait.
    bool job_active = false;
    std::uint32_t vcpus_max = 1;
    VcpuSet vcpus_online;    // live ones while active, else those enabled at boot
    VcpuSet vcpus_pluggable; // online ones that libvirt may unplug; the others came with the start
    std::optional<GuestTopology> topology; // absent: libvirt's default (sockets = vCPUs)
    std::vector<GuestCell> cells;
    std::vector<IothreadId> iothreads;
    // Host addresses of passed-through PCI devices, "0000:01:00.0".
    std::vector<std::string> pci_devices;
    std::vector<IndirectDevice> indirect_devices;
    std::uint64_t memory_kib = 0;
    std::optional<std::uint64_t>
        hugepage_kib;           // memory backed by hugepages of this size; 0: the default size
    bool memory_locked = false; // passthrough devices, hugepages or <locked/>: pages cannot move
    MetadataPolicy metadata;

    [[nodiscard]] bool active() const { return id.has_value(); }
};

// "PCI device 0000:01:00.0 and 1 more": the host devices of the guest; "" for none.
[[nodiscard]] std::string passed_through(const DomainFacts& facts);

// The elements and attributes of a definition that virtpind may change ("cpu/topology",
// "cputune/vcpupin:3"), in a normal form: what is there, not how it is written. What is not there
// is absent. By the names in part_table.hpp, as files and metadata have them: a later version may
// know more.
using DefinitionParts = std::map<std::string, std::string>;

// An element of <cputune> that refers to vCPUs by number: <vcpusched>, <cachetune>, <memorytune>.
struct VcpuKeyed {
    std::string element;
    VcpuSet vcpus;
    std::vector<VcpuSet> monitors; // <monitor vcpus=> in it, in their order
    bool more = false;             // it says more than its monitors
    friend bool operator==(const VcpuKeyed&, const VcpuKeyed&) = default;
};

// Overrides of a definition by the arguments of <qemu:commandline> and similar elements, which QEMU
// reads last. Each has its name as people find it, "-cpu".
struct QemuOverrides {
    std::map<Tune, std::string> tunes; // QEMU does not take these from the definition
    std::string shape;                 // nor number and topology of the vCPUs
    std::string cells;                 // nor the guest's memory and its cells
    bool host_caches = false;          // an argument -cpu shows the guest the host's caches
};

// The CPU settings of a persistent definition besides the pins. Normal forms: attributes that
// libvirt fills in by itself do not count.
struct CpuDefinition {
    std::uint32_t vcpus_max = 1;
    VcpuSet enabled;          // those that start with the guest
    bool lists_vcpus = false; // <vcpus> tells of each one, so that holes are where they belong
    std::string placement = "static";      // <vcpu placement=>
    std::optional<GuestTopology> topology; // absent: one socket per vCPU
    std::vector<GuestCell> cells;          // ascending id
    std::set<Tune> tuned;                  // those whose elements and attributes are all there
    bool emulated = false;                 // <domain type='qemu'>: no CPU of the host is passed on
    std::string arch;                      // <os><type arch=>; "" where it is not said
    std::vector<VcpuKeyed> keyed;          // in the order of the document
    // What nobody changes, so it is not compared: the CPU model that is named, "" for none; the
    // tunes of which the definition says the contrary; vCPUs that are scheduled in real time.
    std::string model;
    std::set<Tune> opposed;
    VcpuSet realtime;
    QemuOverrides overrides;
    DefinitionParts parts; // what all this was read from, and those of the pins; not compared

    friend bool operator==(const CpuDefinition& a, const CpuDefinition& b)
    {
        return a.vcpus_max == b.vcpus_max && a.enabled == b.enabled &&
               a.lists_vcpus == b.lists_vcpus && a.placement == b.placement &&
               a.topology == b.topology && a.cells == b.cells && a.tuned == b.tuned &&
               a.emulated == b.emulated && a.arch == b.arch && a.keyed == b.keyed;
    }
};

// The running domain, as libvirt reports it.
struct RunningDomain {
    PinSet pins;
    // Kernel affinity of vCPU threads; only if the observation asked for it.
    std::optional<std::map<VcpuId, CpuSet>> affinities;
    // virtpind's metadata besides the policy; absent if there is none or it is unreadable.
    std::optional<UndoNote> note;
    bool has_policy = false;          // its metadata has a policy, readable or not
    std::optional<PolicySpec> policy; // that policy, if it is readable
};

// The persistent definition.
struct DomainDefinition {
    PinSet pins;
    std::optional<CpuDefinition> cpus; // absent: a scenario, which has no more than pins
    // Absent where the domain's facts are the definition's.
    std::optional<std::vector<IothreadId>> iothreads;
    std::optional<UndoNote> note;        // as that of RunningDomain
    std::optional<GuestDetails> details; // absent: a scenario
};

// One domain as seen in one observation. Both sides are absent if it is unreadable.
struct ObservedDomain {
    DomainFacts facts;
    std::optional<RunningDomain> running;       // absent while it is shut off
    std::optional<DomainDefinition> definition; // absent for a transient domain

    // What the definition says about the guest's CPUs; nullptr if that is not known.
    [[nodiscard]] const CpuDefinition* defined_cpus() const
    {
        return definition && definition->cpus ? &*definition->cpus : nullptr;
    }

    // What the domain starts with next: by its definition, else by its facts.
    [[nodiscard]] const VcpuSet& boot_vcpus() const;
    [[nodiscard]] const std::vector<IothreadId>& boot_iothreads() const;

    // The notes of the two sides.
    [[nodiscard]] const std::optional<UndoNote>& running_note() const;
    [[nodiscard]] const std::optional<UndoNote>& definition_note() const;

    // The pins of the two sides, and those in force: of the running domain, else of its definition.
    [[nodiscard]] std::optional<PinSet> running_pins() const;
    [[nodiscard]] std::optional<PinSet> definition_pins() const;
    [[nodiscard]] PinSet pins_in_force() const;
};

// "; vCPUs 2-3 stay plugged until the next start", if more run than the definition starts with;
// otherwise "".
[[nodiscard]] std::string what_stays_plugged(const ObservedDomain& seen);

// Error: limits_exceeded, with the next step, when its definition is longer than virtpind changes.
[[nodiscard]] Result<void> check_definition_size(const DomainFacts& facts);

// The vCPUs of each guest core, ascending: vCPU v is in core v / threads. `threads` is at least 1.
[[nodiscard]] std::vector<std::vector<VcpuId>> guest_cores(const VcpuSet& vcpus, unsigned threads);

} // namespace virtpind
