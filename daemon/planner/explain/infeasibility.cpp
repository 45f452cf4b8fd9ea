// SPDX-License-Identifier: LGPL-2.1-or-later
#include "infeasibility.hpp"

#include "common/base/messages.hpp"
#include "daemon/planner/place/memory_words.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

// One thing that the domain asks for, and the domain without it.
struct Relaxation {
    ReasonCode code{};
    std::string asked; // "numa=single"
    std::string way;   // "numa=prefer"
    Intent intent;
};

using Relaxations = std::vector<Relaxation>;

std::string smt_asked(SmtChoice smt)
{
    switch (smt) {
    case SmtChoice::prefer:
        break;
    case SmtChoice::require:
        return "smt=require";
    case SmtChoice::isolate:
        return "smt=isolate";
    case SmtChoice::spread:
        return "smt=spread";
    }
    return "smt=prefer";
}

bool asks_for_own(const ThreadChoice& choice)
{
    return choice.mode == ThreadChoice::Mode::own;
}

bool asks_for_own_iothreads(const Intent& intent)
{
    return !intent.iothreads.empty() && asks_for_own(intent.policy.iothreads);
}

void relax_cpus(const Intent& intent, Relaxations& relaxations)
{
    auto& relaxed = relaxations.emplace_back(Relaxation{ReasonCode::restricted_cpus,
                                                        "cpus=" + intent.policy.cpus.str(),
                                                        "more CPUs in cpus", intent});
    relaxed.intent.policy.cpus = {};
}

// The option cpus leaves fewer free CPUs than the domain has vCPUs.
bool is_short_by_cpus(const Intent& intent, const Surroundings& around)
{
    return around.free.common(intent.policy.cpus) < intent.vcpus_online.size();
}

void relax_places(const HostIndex& host, const Intent& intent, Relaxations& relaxations)
{
    if (const auto home = home_nodes(host, intent); intent.memory_locked && !home.empty()) {
        auto& relaxed = relaxations.emplace_back(Relaxation{ReasonCode::memory_locked,
                                                            "memory locked on node " + home.str(),
                                                            "a stop and a new start", intent});
        relaxed.intent.memory_locked = false;
    }
    if (intent.policy.memory == MemoryChoice::follow && intent.memory_kib > 0) {
        auto& relaxed = relaxations.emplace_back(
            Relaxation{ReasonCode::memory_short, "memory=follow",
                       intent.hugepage_kib ? "more free hugepages" : "more free memory", intent});
        relaxed.intent.policy.memory = MemoryChoice::keep;
    }
    if (intent.policy.numa == NumaChoice::single) {
        auto& relaxed = relaxations.emplace_back(
            Relaxation{ReasonCode::no_single_node, "numa=single", "numa=prefer", intent});
        relaxed.intent.policy.numa = NumaChoice::prefer;
    }
}

void relax_cores(const HostIndex& host, const Intent& intent, Relaxations& relaxations)
{
    if (asks_for_own(intent.policy.emulator)) {
        auto& relaxed = relaxations.emplace_back(
            Relaxation{ReasonCode::no_own_core, "emulator=own", "emulator=auto", intent});
        relaxed.intent.policy.emulator = {};
    }
    if (asks_for_own_iothreads(intent)) {
        auto& relaxed = relaxations.emplace_back(
            Relaxation{ReasonCode::no_own_core, "iothreads=own", "iothreads=auto", intent});
        relaxed.intent.policy.iothreads = {};
    }
    if (host.topology->is_hybrid() && intent.policy.cores != CoreChoice::any) {
        auto& relaxed = relaxations.emplace_back(
            Relaxation{ReasonCode::no_kind, "one kind of core", "cores=any", intent});
        relaxed.intent.policy.cores = CoreChoice::any;
    }
    if (lacks_siblings(host, intent)) {
        auto& relaxed = relaxations.emplace_back(
            Relaxation{ReasonCode::no_smt, "siblings by topology=keep", "topology=match", intent});
        relaxed.intent.policy.topology = TopologyChoice::match;
    }
    if (intent.policy.smt != SmtChoice::prefer) {
        auto& relaxed = relaxations.emplace_back(Relaxation{
            ReasonCode::no_whole_cores, smt_asked(intent.policy.smt), "smt=prefer", intent});
        relaxed.intent.policy.smt = SmtChoice::prefer;
    }
}

// In the order in which they are blamed: the option cpus first where nothing else matters, else
// last.
Relaxations relaxations_of(const HostIndex& host, const Intent& intent, const Surroundings& around)
{
    Relaxations relaxations;
    const auto restricted = !intent.policy.cpus.empty();
    const auto blamed_first = restricted && is_short_by_cpus(intent, around);
    if (blamed_first) {
        relax_cpus(intent, relaxations);
    }
    relax_places(host, intent, relaxations);
    relax_cores(host, intent, relaxations);
    if (restricted && !blamed_first) {
        relax_cpus(intent, relaxations);
    }
    return relaxations;
}

Intent with_vcpus(const Intent& intent, std::size_t count)
{
    auto smaller = intent;
    smaller.vcpus_online = {};
    for (const auto vcpu : intent.vcpus_online) {
        if (smaller.vcpus_online.size() < count) {
            smaller.vcpus_online.insert(vcpu);
        }
    }
    return smaller;
}

// The largest number of vCPUs that fits, by halving; 0 when not even one does.
std::size_t most_vcpus(Fleet& fleet, const Intent& intent, const Fleet::Availability& room)
{
    std::size_t fits = 0;
    auto too_many = std::min(intent.vcpus_online.size(), room.around.free.size() + 1);
    while (fits + 1 < too_many) {
        const auto middle = fits + (too_many - fits) / 2;
        (fleet.what_if(with_vcpus(intent, middle), room) ? fits : too_many) = middle;
    }
    return fits;
}

class Sentence {
public:
    Sentence(const HostIndex& host, const Intent& intent, const Surroundings& around)
        : host_{host}
        , intent_{intent}
        , around_{around}
        , free_{around.free}
        , vcpus_{pluralize(intent.vcpus_online.size(), "vCPU")}
    {}

    [[nodiscard]] std::string text(ReasonCode code) const
    {
        using enum ReasonCode;
        switch (code) {
        case restricted_cpus:
            return but("the option cpus allows only " + intent_.policy.cpus.str() + ", of which " +
                       are(free_.common(intent_.policy.cpus)) +
                       (is_short_by_cpus(intent_, around_) ? "." : ", but not as it asks."));
        case memory_locked:
            return but("its memory is locked on node " + home_nodes(host_, intent_).str() +
                       ", which has no room.");
        case memory_short:
            return but("not on nodes with " + memory_wanted(intent_) + ".");
        case no_single_node:
            return but("no single node has room for " + vcpus_ + ", as numa=single asks.");
        case no_own_core:
            return but(vcpus_ + pluralize(intent_.vcpus_online.size(), " leaves", " leave") +
                       " no core for emulator or I/O threads alone.");
        case no_kind:
            return but("no one kind of core has room for " + vcpus_ + ".");
        case no_smt:
            return intent_.topology && intent_.topology->threads > 1
                       ? "smt=require promises siblings to the threads of its guest cores, and "
                         "this "
                         "host has no SMT."
                       : "smt=require promises siblings, and this host does not tell which CPUs "
                         "are "
                         "siblings.";
        case no_whole_cores:
            return but(cores());
        default:
            return short_of_cpus();
        }
    }

    [[nodiscard]] std::string all_of(const Relaxations& relaxations) const
    {
        std::string asked;
        for (const auto& relaxation : relaxations) {
            asked += (asked.empty() ? "" : ", ") + relaxation.asked;
        }
        return but("not for all that it asks: " + asked + ".");
    }

private:
    static std::string are(std::size_t count)
    {
        return count == 0 ? "none is free"
                          : std::to_string(count) + pluralize(count, " is", " are") + " free";
    }

    [[nodiscard]] std::string but(const std::string& why) const
    {
        return pluralize(free_.size(), "CPU") + pluralize(free_.size(), " is", " are") +
               " free, but " + why;
    }

    [[nodiscard]] std::string short_of_cpus() const
    {
        const auto count = intent_.vcpus_online.size();
        return vcpus_ + pluralize(count, " needs a free CPU", " need as many free CPUs") +
               ", and " + are(free_.size()) + ".";
    }

    [[nodiscard]] std::string cores() const
    {
        const auto cores = pluralize(intent_.vcpus_online.size(), "core");
        switch (intent_.policy.smt) {
        case SmtChoice::isolate:
            return "not " + cores + " whole, one for each vCPU, as smt=isolate asks.";
        case SmtChoice::spread:
            return "not on " + cores + ", one for each vCPU, as smt=spread asks.";
        case SmtChoice::require:
        case SmtChoice::prefer:
            break;
        }
        return "not as whole cores for " + vcpus_ + ", as smt=require asks.";
    }

    const HostIndex& host_;
    const Intent& intent_;
    const Surroundings& around_;
    const CpuSet& free_;
    std::string vcpus_;
};

} // namespace

Infeasibility find_infeasibility(Fleet& fleet, const Intent& intent,
                                 const Fleet::Availability& room)
{
    const Sentence sentence{fleet.host(), intent, room.around};
    auto relaxations = relaxations_of(fleet.host(), intent, room.around);
    Infeasibility infeasibility;
    auto& [code, text] = infeasibility.reason;
    code = ReasonCode::no_room;
    const auto too_few = room.around.free.size() < intent.vcpus_online.size();
    if (!too_few && !relaxations.empty()) {
        code = ReasonCode::no_room_as_asked;
        text = sentence.all_of(relaxations);
        for (const auto& relaxation : relaxations) {
            if (fleet.what_if(relaxation.intent, room)) {
                code = infeasibility.ways.empty() ? relaxation.code : code;
                infeasibility.ways.push_back(relaxation.way);
            }
        }
    }
    if (lacks_siblings(fleet.host(), intent)) {
        code = ReasonCode::no_smt;
    }
    if (code != ReasonCode::no_room_as_asked) {
        text = sentence.text(code);
    }
    if (const auto most = most_vcpus(fleet, intent, room); most > 0) {
        infeasibility.ways.push_back("at most " + pluralize(most, "vCPU"));
    }
    return infeasibility;
}

} // namespace virtpind
