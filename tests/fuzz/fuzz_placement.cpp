// SPDX-License-Identifier: LGPL-2.1-or-later
// Any text as a definition that a small host has to plan, or (from a brace on) as a before-image
// that is given back there: no number in it is an index.
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/planner/diff.hpp"
#include "daemon/planner/intents.hpp"
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/plan_tuning.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "daemon/state/original_state_json.hpp"
#include "tests/support/topology_builder.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace virtpind;

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

// CPUs 1,4 7,10 and 13, the last one offline; nodes 0 and 2. What memory there is nobody tells.
const Topology& host()
{
    static const auto made = [] {
        auto topology = test::host_of_cores({{.cpus = {1, 4}},
                                             {.cpus = {7, 10}, .package = 1, .node = 2, .l3 = 1},
                                             {.cpus = {13}, .package = 1, .node = 2, .l3 = 1}});
        topology.cpus.back().online = false;
        for (auto& node : topology.nodes) {
            node.memory_kib = 0;
        }
        return topology;
    }();
    return made;
}

void plan(const ObservedDomain& seen)
{
    Config config;
    config.default_policy = "dedicated";
    auto decision = decide_intents({.config = config,
                                    .topology = host(),
                                    .domains = {seen},
                                    .histories = {},
                                    .look = IntentInput::Look::first})
                        .front();
    require(!decision.unreadable || decision.unreadable->code != Errc::internal);
    if (decision.stance == Stance::managed &&
        find_fault(host(), decision.intent, Names::of_any_host)) {
        return;
    }
    const PlanRequest request{.topology = &host(), .intents = {decision.intent}};
    auto made = make_plan(request);
    require(check_plan(request, made).empty());
    auto& domain = made.domains.front();
    tune_plan(domain, host(), decision.intent, seen, TuningAbilities{}, nullptr);
    if (domain.placement != Placement::none) {
        static_cast<void>(
            diff({.seen = seen, .online = host().online_cpus(), .abilities = {}}, domain));
    }
}

void give_back(const BeforeImage& image)
{
    ObservedDomain seen;
    seen.facts.uuid = image.uuid;
    seen.facts.id = image.id;
    seen.facts.vcpus_max = 4;
    seen.facts.vcpus_online = VcpuSet::range(0, 3);
    seen.facts.iothreads = {IothreadId{1}};
    if (image.id) {
        seen.running.emplace();
    }
    seen.definition = {.pins = PinSet{}};
    const auto usable = host().usable_cpus();
    const auto actions = diff_restore(
        {.seen = seen, .online = host().online_cpus(), .abilities = {}, .before = &image}, usable,
        image.boot_id);
    for (const auto& action : actions.live) {
        if (const auto* pin = std::get_if<PinVcpu>(&action)) {
            require(usable.includes(pin->cpus));
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string text{data, data + size};
    if (text.starts_with('{')) {
        if (const auto image = parse_before_image(text, "fuzz.json")) {
            give_back(*image);
        }
        return 0;
    }
    const PolicyCatalog catalog;
    if (const auto seen = parse_domain_xml(text, catalog, XmlKind::config)) {
        plan(*seen);
    }
    return 0;
}
