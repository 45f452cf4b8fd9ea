// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a scenario on a fixed small host: an error, or a plan that keeps every invariant and
// can be printed.
#include "common/model/config.hpp"
#include "daemon/commands/scenario_json.hpp"
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "daemon/render/plan_json.hpp"
#include "daemon/render/plan_text.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace virtpind {
namespace {

constexpr auto host_description =
    "pack:2 [numa(memory=8589934592)] l3:2(size=16777216) core:2 pu:2(indexes=2*8:8*1)";

Result<Topology> load_topology(const TopologySource&)
{
    return read_topology({.kind = TopologySource::Kind::synthetic, .text = host_description});
}

void plan(const Scenario& scenario)
{
    const PlanRequest request{.topology = scenario.topology.get(),
                              .usable = scenario.usable,
                              .housekeeping = scenario.housekeeping,
                              .intents = scenario.intents};
    if (!validate_request(request)) {
        return;
    }
    const auto made = make_plan(request);
    for (const auto& violation : check_plan(request, made)) {
        std::fprintf(stderr, "%s\n", violation.c_str());
        std::abort();
    }
    if (plan_to_json(made, *scenario.topology).dump().empty() ||
        plan_to_text(made, *scenario.topology).empty()) {
        std::abort();
    }
}

} // namespace
} // namespace virtpind

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace virtpind;
    static const Config config;
    const std::string text{data, data + size};
    const auto scenario = parse_scenario(
        text, "fuzz.json",
        {.config = config, .topology = std::nullopt, .load_topology = load_topology});
    if (scenario) {
        plan(*scenario);
    } else if (scenario.error().code != Errc::invalid_config) {
        std::abort();
    }
    return 0;
}
