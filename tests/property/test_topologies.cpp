// SPDX-License-Identifier: LGPL-2.1-or-later
// Random fleets on every host that the tests have as hwloc XML.
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "generators.hpp"
#include "tests/support/read_hosts.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace virtpind {
namespace {

using namespace test;

TEST(Topologies, EveryRealHostSurvivesRandomFleets)
{
    for (const auto& file : host_files()) {
        const auto host = read_host("xml:" + file.string());
        const auto held = rc::check(file.filename().string(), [&host] {
            PlanRequest request;
            request.topology = &host;
            const auto domains = pick(1, 12);
            for (std::size_t i = 0; i < domains; ++i) {
                auto intent = pick_intent(host, i, 24);
                intent.activity =
                    pick_one({Activity::arriving, Activity::arriving, Activity::dormant});
                if (once_in(4)) {
                    intent.policy.placement = Placement::shared;
                }
                RC_LOG() << describe(intent);
                request.intents.push_back(std::move(intent));
            }
            RC_ASSERT(validate_request(request).ok());
            const auto plan = make_plan(request);
            RC_ASSERT(check_plan(request, plan) == std::vector<std::string>{});
        });
        EXPECT_TRUE(held) << file;
    }
}

} // namespace
} // namespace virtpind
