// SPDX-License-Identifier: LGPL-2.1-or-later
#include "shortfall.hpp"

#include "common/base/printable.hpp"
#include "daemon/render/reason_text.hpp"
#include "dbus/errors.hpp"

namespace virtpind {

namespace {

constexpr std::size_t text_bytes_max = 4096;

Shortfall unmet(const DomainPlan& plan)
{
    const auto* why = main_shortfall(plan.reasons);
    if (why == nullptr) {
        return {.code = "not-as-asked", .text = "It does not get what its policy asks for."};
    }
    return {.code = std::string{to_string(why->code)}, .text = reason_text(*why)};
}

// The CPUs of one host, by whose they are to a domain.
class Owners {
public:
    Owners(const DomainRecord& record, const Plan& plan, const Topology& topology)
        : record_{record}, plan_{plan}, topology_{topology}, online_{topology.online_cpus()}
    {}

    // Of the CPUs that one vCPU may use.
    [[nodiscard]] std::string_view word(VcpuId vcpu, const CpuSet& mask) const
    {
        const auto cpus = mask & online_;
        const auto stance = record_.decision.stance;
        const auto is_ours = stance == Stance::managed || stance == Stance::held;
        if (!is_ours || !record_.plan || cpus.empty()) {
            return cpus == online_ ? "all" : "foreign";
        }
        const auto& plan = *record_.plan;
        if (plan.claim.includes(cpus)) {
            return "own";
        }
        if (plan_.pool.includes(cpus)) {
            return "pool";
        }
        if (plan_.housekeeping.includes(cpus)) {
            return "housekeeping";
        }
        if (cpus == online_) {
            return "all";
        }
        const auto planned = plan.vcpus.find(vcpu);
        if (planned == plan.vcpus.end() || planned->second != mask) {
            return "foreign";
        }
        return topology_.isolated.includes(cpus) ? "isolated" : "claimed";
    }

    [[nodiscard]] const CpuSet& online() const { return online_; }

private:
    const DomainRecord& record_;
    const Plan& plan_;
    const Topology& topology_;
    CpuSet online_;
};

} // namespace

bool is_lacking(const DomainRecord& record)
{
    return record.decision.stance == Stance::managed && record.plan && !record.plan->satisfied &&
           (record.seen.facts.active() || asks_for_elsewhere(record.plan->reasons));
}

std::optional<Shortfall> shortfall_of(const DomainRecord& record)
{
    const auto lacking = is_lacking(record);
    if (record.error && (record.error->code != Errc::unsatisfiable || !lacking)) {
        return Shortfall{.code = std::string{bus::error_word(record.error->code)},
                         .text = printable(record.error->message, text_bytes_max)};
    }
    return lacking ? std::optional{unmet(*record.plan)} : std::nullopt;
}

std::string_view placement_word(const DomainRecord& record, const Plan& plan,
                                const Topology* topology)
{
    const auto& facts = record.seen.facts;
    if (!facts.active() || topology == nullptr) {
        return "none";
    }
    const Owners owners{record, plan, *topology};
    const auto pins = record.seen.pins_in_force();
    const auto& general = pins.vcpu_cpuset ? *pins.vcpu_cpuset : owners.online();
    std::string_view word = "none";
    for (const auto vcpu : facts.vcpus_online) {
        const auto own = pins.vcpus.find(vcpu);
        const auto found = owners.word(vcpu, own != pins.vcpus.end() ? own->second : general);
        if (word != "none" && found != word) {
            return "mixed";
        }
        word = found;
    }
    return word;
}

} // namespace virtpind
