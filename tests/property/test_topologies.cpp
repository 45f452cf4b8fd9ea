// SPDX-License-Identifier: LGPL-2.1-or-later
// Random fleets on real machines: every hwloc XML file in VIRTPIND_TOPOLOGIES. Skipped without it.
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "daemon/topology/topology_reader.hpp"
#include "generators.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace virtpind {
namespace {

using namespace test;

std::vector<std::filesystem::path> topology_files()
{
    std::vector<std::filesystem::path> files;
    const auto* directory = std::getenv("VIRTPIND_TOPOLOGIES");
    if (directory == nullptr) {
        return files;
    }
    for (const auto& entry : std::filesystem::directory_iterator{directory}) {
        if (entry.path().extension() == ".xml") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

TEST(Topologies, EveryRealHostSurvivesRandomFleets)
{
    const auto files = topology_files();
    if (files.empty()) {
        GTEST_SKIP()
            << "no hwloc XML files: meson configure BUILD -Dtopologies_dir=DIR, a folder of "
               "them, and meson test -C BUILD test_topologies";
    }
    for (const auto& file : files) {
        const auto host =
            host::read_topology({.kind = host::TopologySource::Kind::xml, .text = file.string()});
        ASSERT_TRUE(host) << file << ": " << host.error().message;
        const auto held = rc::check(file.filename().string(), [&host] {
            PlanRequest request;
            request.topology = &*host;
            const auto domains = pick(1, 12);
            for (std::size_t i = 0; i < domains; ++i) {
                auto intent = pick_intent(*host, i, 24);
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
