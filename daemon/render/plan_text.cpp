// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plan_text.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "common/model/policy.hpp"
#include "reason_text.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace virtpind {

namespace {

constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr char housekeeping_mark = 'h';
constexpr char pool_mark = '.';
constexpr char unusable_mark = '-';
constexpr char quiet_mark = '~';
constexpr char many_mark = '*'; // domains beyond the alphabet

std::string size_text(std::uint64_t bytes)
{
    constexpr std::uint64_t kib = 1024;
    if (bytes >= 10 * kib * kib * kib) {
        return std::to_string(bytes / (kib * kib * kib)) + " GiB";
    }
    return bytes >= kib * kib ? std::to_string(bytes / (kib * kib)) + " MiB"
                              : std::to_string(bytes / kib) + " KiB";
}

bool floats(const DomainPlan& plan)
{
    return plan.placement == Placement::shared;
}

// What stands for each domain that is on the map, in the order of the plan.
std::vector<char> domain_marks(const Plan& plan)
{
    std::vector<char> marks;
    std::size_t next = 0;
    for (const auto& domain : plan.domains) {
        const auto absent = domain.claim.empty() && !floats(domain);
        const auto mark = absent ? ' ' : next < letters.size() ? letters[next++] : many_mark;
        marks.push_back(mark);
    }
    return marks;
}

// One mark per CPU; a claimed CPU without a vCPU of its domain (an idle sibling, a core for the
// emulator) is the small letter.
std::map<CpuId, char> cpu_marks(const Plan& plan, const Topology& topology)
{
    std::map<CpuId, char> marks;
    const auto quiet = topology.quiet_cpus();
    for (const auto id : topology.all_cpus()) {
        marks[id] = plan.housekeeping.contains(id) ? housekeeping_mark
                    : !plan.usable.contains(id)    ? unusable_mark
                    : quiet.contains(id)           ? quiet_mark
                                                   : pool_mark;
    }
    const auto of_domain = domain_marks(plan);
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        const auto& domain = plan.domains[i];
        const auto pinned = domain.vcpu_cpus();
        for (const auto id : domain.claim) {
            const auto idle = domain.placement == Placement::dedicated && !pinned.contains(id) &&
                              of_domain[i] != many_mark;
            marks[id] = idle ? static_cast<char>(of_domain[i] - 'A' + 'a') : of_domain[i];
        }
    }
    return marks;
}

// Where vCPUs of the domain float; empty: none do.
CpuSet floating_cpus(const DomainPlan& domain)
{
    if (floats(domain)) {
        return domain.vcpu_cpus();
    }
    return domain.floating.empty() ? CpuSet{} : domain.vcpus.at(domain.floating.front());
}

// "  C,D float": who floats on some of `cpus`.
std::string floating_on(const Plan& plan, const CpuSet& cpus)
{
    constexpr std::size_t named_max = 8;
    const auto marks = domain_marks(plan);
    std::string text;
    std::size_t count = 0;
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        const auto& domain = plan.domains[i];
        if (!floating_cpus(domain).intersects(cpus)) {
            continue;
        }
        if (++count <= named_max && marks[i] != many_mark) {
            text += (text.empty() ? "  " : ",") + std::string{marks[i]};
        }
    }
    if (count > named_max || (count > 0 && text.empty())) {
        return "  " + pluralize(count, "domain") + pluralize(count, " floats", " float");
    }
    return text + (count == 0 ? "" : pluralize(count, " floats", " float"));
}

class Map {
public:
    Map(const Plan& plan, const Topology& topology)
        : plan_{plan}, topology_{topology}, marks_{cpu_marks(plan, topology)}
    {}

    std::string draw() const
    {
        const auto online = topology_.online_cpus();
        std::string text;
        std::size_t number = 0;
        CpuSet offline;
        for (const auto& package : topology_.packages) {
            if (!package.cpus.intersects(online)) {
                offline |= package.cpus;
                continue;
            }
            text += "package " + std::to_string(number++) + "\n";
            for (const auto& node : topology_.nodes) {
                text += draw_node(node, package.cpus & node.cpus);
            }
        }
        return offline.empty()
                   ? text
                   : text + "offline           " + pluralize(offline.size(), "CPU ", "CPUs ") +
                         offline.str() + "\n";
    }

private:
    std::string draw_node(const Node& node, const CpuSet& cpus) const
    {
        if (cpus.empty()) {
            return "";
        }
        constexpr std::uint64_t kib = 1024;
        auto text = "  node " + std::to_string(raw(node.id));
        text += node.memory_kib > 0 ? " (" + size_text(node.memory_kib * kib) + ")\n" : "\n";
        for (std::size_t l3 = 0; l3 < topology_.l3s.size(); ++l3) {
            text += draw_l3(l3, topology_.l3s[l3].cpus & cpus);
        }
        return text;
    }

    // "    L3 0 32 MiB    [h h] [. .]    CPUs 0-1,8-9", wrapped after so many cores.
    std::string draw_l3(std::size_t position, const CpuSet& cpus) const
    {
        constexpr std::size_t label_width = 20;
        constexpr std::size_t row_cpus = 32;
        if (cpus.empty()) {
            return "";
        }
        const auto& l3 = topology_.l3s[position];
        auto label = "    L3 " + std::to_string(position);
        label += l3.size_bytes > 0 ? " " + size_text(l3.size_bytes) : "";
        label += l3.vcache ? " V" : "";
        std::string text;
        std::string row;
        CpuSet in_row;
        const auto end_row = [&] {
            label.resize(std::max(label.size() + 1, label_width), ' ');
            text += label + row + "  CPUs " + in_row.str() + floating_on(plan_, in_row) + "\n";
            label.clear();
            row.clear();
            in_row = {};
        };
        for (const auto& core : topology_.cores) {
            if (!core.cpus.intersects(cpus)) {
                continue;
            }
            if (in_row.size() + core.cpus.size() > row_cpus && !in_row.empty()) {
                end_row();
            }
            row += (row.empty() ? "" : " ") + draw_core(core);
            in_row |= core.cpus;
        }
        end_row();
        return text;
    }

    // "[A A]"; efficiency cores "(A)", low-power ones "<A>".
    std::string draw_core(const Core& core) const
    {
        const auto core_class = at_id(topology_.kinds, core.kind).core_class;
        const auto efficiency = core_class == CoreClass::efficiency;
        const auto low_power = core_class == CoreClass::low_power;
        std::string text;
        for (const auto id : core.cpus) {
            text += text.empty() ? "" : " ";
            text += marks_.at(id);
        }
        return (efficiency  ? "("
                : low_power ? "<"
                            : "[") +
               text +
               (efficiency  ? ")"
                : low_power ? ">"
                            : "]");
    }

    const Plan& plan_;
    const Topology& topology_;
    std::map<CpuId, char> marks_;
};

// Nothing tells where a CPU is that is offline: it stands in a package and an L3 of its own, which
// are none.
template <class Part>
std::size_t count_online(const std::vector<Part>& parts, const CpuSet& online)
{
    return static_cast<std::size_t>(
        std::count_if(parts.begin(), parts.end(),
                      [&online](const Part& part) { return part.cpus.intersects(online); }));
}

std::string host_line(const Plan& plan, const Topology& topology)
{
    const auto or_none = [](const CpuSet& cpus) { return cpus.empty() ? "none" : cpus.str(); };
    const auto online = topology.online_cpus();
    const auto offline = topology.cpus.size() - online.size();
    return "host: " + pluralize(topology.cpus.size(), "CPU") +
           (offline > 0 ? " (" + std::to_string(offline) + " offline)" : std::string{}) + ", " +
           pluralize(count_online(topology.cores, online), "core") + ", " +
           pluralize(count_online(topology.l3s, online), "L3") + ", " +
           pluralize(topology.nodes.size(), "node") + ", " +
           pluralize(count_online(topology.packages, online), "package") + "; housekeeping " +
           or_none(plan.housekeeping) +
           (plan.yielded.empty() ? "" : " (gives way on " + plan.yielded.str() + ")") + "; pool " +
           or_none(plan.pool) +
           (topology.isolated.empty() ? "" : "; isolated " + topology.isolated.str()) +
           (topology.nohz_full.empty() ? "" : "; nohz_full " + topology.nohz_full.str()) + "\n";
}

std::string legend(const Plan& plan, const Topology& topology)
{
    std::string text = "h housekeeping   . pool   - not usable   A domain below   a kept idle or "
                       "for the emulator";
    const auto marks = domain_marks(plan);
    if (std::find(marks.begin(), marks.end(), many_mark) != marks.end()) {
        text += "   * a domain beyond Z";
    }
    text += topology.quiet_cpus().empty() ? "" : "   ~ isolated, not in the pool";
    if (std::any_of(topology.l3s.begin(), topology.l3s.end(),
                    [](const L3& l3) { return l3.vcache; })) {
        text += "   V V-cache";
    }
    return text + (topology.is_hybrid() ? "   (..) efficiency core   <..> low-power core\n" : "\n");
}

std::string iothread_text(const DomainPlan& plan)
{
    CpuSet cpus;
    for (const auto& [id, pin] : plan.iothreads) {
        cpus |= pin;
    }
    return plan.iothreads.empty() ? "" : "; I/O threads on " + cpus.str();
}

std::string memory_text(const DomainPlan& plan)
{
    return plan.numatune ? "; memory on node " + plan.numatune->nodes.str() + " (" +
                               std::string{to_string(plan.numatune->mode)} + ")"
                         : "";
}

// "2 vCPUs (6 offline)".
std::string vcpu_count(const DomainPlan& plan)
{
    const auto all = plan.at_start ? plan.tuning.cpus->topology.product() : plan.vcpus.size();
    const auto offline = all - plan.online.size();
    return pluralize(plan.online.size(), "vCPU") +
           (offline > 0 ? " (" + std::to_string(offline) + " offline)" : "");
}

// It has more or fewer vCPUs than its policy asks for.
bool has_other_count(const DomainPlan& plan)
{
    return std::any_of(plan.reasons.begin(), plan.reasons.end(), [](const Reason& reason) {
        return reason.code == ReasonCode::vcpus_missing || reason.code == ReasonCode::vcpus_kept;
    });
}

// The shortfall of a domain, before its placement.
std::string unsatisfied_text(const DomainPlan& plan)
{
    if (plan.satisfied) {
        return "";
    }
    if (plan.placement == plan.requested) {
        return has_other_count(plan) ? "PARTLY SATISFIED (other number of vCPUs): "
                                     : "PARTLY SATISFIED: ";
    }
    return "NOT SATISFIED (asked for " + std::string{to_string(plan.requested)} + "): ";
}

// "A win11: dedicated, 12 vCPUs on 6-11,18-23; emulator on 0,12; proven optimal".
std::string domain_line(const DomainPlan& plan, char mark)
{
    auto text = std::string{mark} + " " + printable(plan.name) + ": ";
    text += unsatisfied_text(plan);
    if (plan.placement == Placement::none) {
        text += "left alone";
        return text + (plan.claim.empty() ? "\n" : "; it is pinned to " + plan.claim.str() + "\n");
    }
    text += std::string{to_string(plan.placement)} + ", " + vcpu_count(plan) + " on " +
            plan.own_cpus().str();
    if (!plan.floating.empty()) {
        text += " (own) and " + floating_cpus(plan).str() + " (floating)";
    }
    text += "; emulator on " + plan.emulator.str();
    text += plan.start_emulator ? " (started on " + plan.start_emulator->str() + ")" : "";
    text += iothread_text(plan) + memory_text(plan);
    return text + (plan.optimal ? "; proven optimal\n" : "\n");
}

// Only dedicated domains pin vCPU by vCPU.
std::string pin_line(const DomainPlan& plan)
{
    if (plan.placement != Placement::dedicated) {
        return "";
    }
    std::string text = "    vCPU>CPU";
    for (const auto& [vcpu, pin] : plan.at_start ? *plan.at_start : plan.vcpus) {
        text += " " + std::to_string(raw(vcpu)) + ">" + pin.str();
    }
    return text + "\n";
}

// How good the plan is for the dedicated domains that arrive, where there are several.
std::string fleet_line(const FleetReport& fleet)
{
    if (fleet.newcomers < 2) {
        return "";
    }
    const auto text =
        "\nfleet: " + pluralize(fleet.newcomers, "dedicated domain") + " placed together; ";
    const auto gap = gap_of(fleet);
    if (!gap) {
        return text + "proven optimal\n";
    }
    const auto several = fleet.cost.levels().size() > 1;
    const auto what =
        gap->term ? std::string{cost_term_table.at(static_cast<std::size_t>(*gap->term)).name}
                  : "domains without a place";
    return text + "not proven optimal: " + what +
           (several ? " at priority " + std::to_string(gap->priority) : "") + ": " +
           std::to_string(gap->cost) + ", lower bound " + std::to_string(gap->bound) + "\n";
}

} // namespace

std::string plan_to_text(const Plan& plan, const Topology& topology)
{
    auto text = host_line(plan, topology);
    for (const auto& warning : topology.warnings) {
        text += "warning: " + printable(warning, 1024) + "\n";
    }
    text += "\n" + Map{plan, topology}.draw() + legend(plan, topology) + fleet_line(plan.fleet);
    const auto marks = domain_marks(plan);
    for (std::size_t i = 0; i < plan.domains.size(); ++i) {
        const auto& domain = plan.domains[i];
        text += "\n" + domain_line(domain, marks[i]) + pin_line(domain);
        for (const auto& reason : domain.reasons) {
            text += "    - " + reason_text(reason) + "\n";
        }
    }
    return text;
}

} // namespace virtpind
