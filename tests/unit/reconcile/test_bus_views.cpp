// SPDX-License-Identifier: LGPL-2.1-or-later
// What the bus shows and tells of domains and problems.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "tests/support/captured_log.hpp"
#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace virtpind::test {
namespace {

TEST_F(ReconcilerTest, MemoryNodesShownAreThoseItIsBoundToNotThoseOfItsCpus)
{
    reconciler_.on_topology(
        std::make_shared<Topology>(regular_host({.nodes = 2, .l3s = 1, .cores = 4})));
    auto& seen = host_.add(1, "web1", 2, 1);
    seen.running->pins.vcpus = {{VcpuId{0}, CpuSet{CpuId{0}}}, {VcpuId{1}, CpuSet{CpuId{1}}}};
    connect();
    EXPECT_TRUE(sink_.domains.at(0).numa_nodes.empty()) << "pinned, but its memory is not bound";

    const NumaTune bound{
        .mode = NumaMode::strict, .nodes = NodeSet{NodeId{1}}, .cells = {{0, NodeSet{NodeId{0}}}}};
    seen.running->pins.numatune = NumaTune{.mode = NumaMode::strict, .nodes = NodeSet{NodeId{1}}};
    seen.definition->pins.numatune = bound;
    changed(1);
    EXPECT_EQ(sink_.domains.at(0).numa_nodes.str(), "1") << "what holds now";
    FakeHost::stop(seen);
    changed(1, "stopped");
    EXPECT_EQ(sink_.domains.at(0).numa_nodes.str(), "0-1") << "what the definition says";
}

TEST_F(ReconcilerTest, ResultOfTheFirstPassIsTold)
{
    host_.add(1, "web1", 4, 1).facts.metadata.content.emplace(PolicySpec{.name = "dedicated"});
    connect();
    ASSERT_EQ(sink_.results.size(), 1U);
    EXPECT_EQ(sink_.results[0].second, "pinned");
}

TEST_F(ReconcilerTest, DomainThatGetsLessThanItAsksForIsWarnedOfOnce)
{
    host_.add(1, "win11", 14, 1);
    host_.add(2, "build", 2, 2);
    connect();
    CapturedLog warnings{spdlog::level::warn};
    ASSERT_TRUE(set_policy(2, "dedicated"));
    EXPECT_EQ(warnings.take(), "");
    EXPECT_EQ(sink_.details, (OptionMap{{"satisfied", true}}));

    ASSERT_TRUE(set_policy(1, "dedicated"));
    EXPECT_EQ(record(1).state, PinState::pinned) << "it floats, as fallback=shared says";
    EXPECT_EQ(sink_.details, (OptionMap{{"satisfied", false}}));
    const auto said = warnings.take();
    EXPECT_EQ(said.rfind("win11: it does not get all that its policy asks for: ", 0), 0U) << said;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    changed(1);
    changed(2);
    EXPECT_EQ(warnings.take(), "") << "nothing new";

    ASSERT_TRUE(set_policy(2, "none"));
    EXPECT_TRUE(record(1).plan->satisfied);
    EXPECT_EQ(warnings.take(), "");
    ASSERT_TRUE(set_policy(2, "dedicated", {{"priority", 9}}));
    ASSERT_TRUE(set_policy(1, "passthrough", {{"vcpus", 15U}}));
    EXPECT_NE(warnings.take().find("win11: "), std::string::npos) << "it has become so again";
}

TEST_F(ReconcilerTest, ProblemSaysWhyTheDomainDoesNotFitAndNothingElse)
{
    host_.add(1, "web1", 17, 1).facts.pci_devices = {"0000:99:00.0"};
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_EQ(record(1).plan->reasons.front().code, ReasonCode::device_unknown);
    ASSERT_EQ(sink_.manager.problems.size(), 1U);
    EXPECT_EQ(sink_.manager.problems[0].code, "Unsatisfiable");
    EXPECT_NE(sink_.manager.problems[0].text.find("17"), std::string::npos)
        << sink_.manager.problems[0].text;
}

TEST_F(ReconcilerTest, UnreadableMetadataIsAVisibleFailureAndThePinsStay)
{
    auto& seen = host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto pins = seen.running->pins.vcpus;
    seen.facts.metadata.content =
        Error{.code = Errc::invalid_policy, .message = "attribute 'smtt' is not an option"};
    changed(1, "metadata");
    EXPECT_EQ(record(1).state, PinState::failed);
    EXPECT_EQ(seen.running->pins.vcpus, pins);
    ASSERT_FALSE(sink_.manager.problems.empty());
    EXPECT_NE(sink_.manager.problems[0].text.find("smtt"), std::string::npos);
}

} // namespace
} // namespace virtpind::test
