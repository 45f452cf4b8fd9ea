// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests' CPUs of their own end with what asked for them, also where nothing is pinned for that,
// and whoever asks in the meantime finds a host that is decided.
#include "tests/support/isolation_test.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

namespace virtpind::test {
namespace {

class IsolationEndsTest : public IsolationTest {
protected:
    // Its owner has pinned it as virtpind would: the vCPUs, and the emulator if `all`.
    void pin_as_planned(bool all)
    {
        begin();
        ASSERT_TRUE(set_policy(1, "dedicated"));
        const auto pins = domain(1).running->pins;
        ASSERT_TRUE(reset_policy(1));
        for (auto* own : {&domain(1).running->pins, &domain(1).definition->pins}) {
            own->vcpus = pins.vcpus;
            if (all) {
                own->emulator = pins.emulator;
            }
        }
        changed(1);
        ASSERT_FALSE(record(1).before);
    }

    void refuse()
    {
        isolation_.refuse = {.refused = IsolationRefusal::no_helper, .cpus = {}, .detail = "gone"};
    }

    void expect_still_isolated()
    {
        EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "isolated");
        EXPECT_FALSE(view(1).isolated_cpus.empty());
        EXPECT_EQ(record(1).state, PinState::failed);
        ASSERT_TRUE(record(1).error);
        EXPECT_NE(record(1).error->message.find("systemctl enable --now virtpind-isolate.socket"),
                  std::string::npos)
            << record(1).error->message;
    }
};

TEST_F(IsolationEndsTest, WhereNothingHadToBePinned)
{
    pin_as_planned(true);
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    ASSERT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "isolated");
    EXPECT_TRUE(record(1).before) << "what is isolated is touched";
    ASSERT_TRUE(reset_policy(1));
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "member");
    EXPECT_TRUE(view(1).isolated_cpus.empty());
    EXPECT_FALSE(record(1).before);
}

TEST_F(IsolationEndsTest, NothingIsKeptForAHostThatCannot)
{
    isolation_.groups.remove("machine.slice/cpuset.cpus.exclusive");
    pin_as_planned(true);
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    EXPECT_FALSE(record(1).before);
}

TEST_F(IsolationEndsTest, AResetThatDoesNotEndItFailsUntilItDoes)
{
    pin_as_planned(false);
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    ASSERT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "isolated");
    refuse();
    EXPECT_FALSE(reset_policy(1));
    expect_still_isolated();
    EXPECT_TRUE(record(1).before) << "it is still to be given back";

    isolation_.refuse.reset();
    ASSERT_TRUE(reset_policy(1));
    EXPECT_EQ(isolation_.groups.partition(web1_, "vcpu0"), "member");
    EXPECT_FALSE(record(1).before);
}

TEST_F(IsolationEndsTest, TheOptionAloneFailsUntilItDoes)
{
    begin();
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    const auto pins = vcpu_cpus(1);
    refuse();
    EXPECT_FALSE(set_policy(1, "dedicated"));
    expect_still_isolated();
    EXPECT_EQ(vcpu_cpus(1), pins);

    isolation_.refuse.reset();
    ASSERT_TRUE(reapply(1));
    EXPECT_FALSE(record(1).error);
    EXPECT_TRUE(view(1).isolated_cpus.empty());
}

// Of two that share a device, the one that is off has the same CPUs.
TEST_F(IsolationEndsTest, OneThatWaitsForItsDeviceBarsNothing)
{
    begin();
    auto& other = host_.add(2, "linux", 2, std::nullopt);
    for (auto* guest : {&domain(1), &other}) {
        guest->facts.pci_devices = {"0000:01:00.0"};
    }
    changed(1);
    changed(2);
    ASSERT_TRUE(set_policy(2, "dedicated"));
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));
    ASSERT_TRUE(domain(2).definition->pins.vcpus.at(VcpuId{0}).intersects(vcpu_cpus(1)))
        << "the same CPUs, or this tests nothing";
    EXPECT_EQ(obstacle(1), "");
    EXPECT_EQ(held(1), vcpu_cpus(1));
}

TEST_F(IsolationEndsTest, WhoeverAsksWhileItIsLookedFindsADecidedHost)
{
    host_.add(1, "web1", 2, 1);
    isolation_.slow = true;
    connect();
    ASSERT_TRUE(isolation_.late) << "somebody looks at the start";
    EXPECT_EQ(reconciler_.find(FakeHost::uuid(1)), nullptr) << "nothing is decided of it yet";
    std::exchange(isolation_.late, nullptr)();
    host_.answer_all();
    isolation_.slow = false;
    ASSERT_TRUE(set_policy(1, "dedicated", isolated_));

    isolation_.slow = true;
    host_.add(2, "db1", 2, 2);
    changed(2);
    ASSERT_TRUE(isolation_.late);
    std::string json;
    controller_.plan(
        {.uuid = FakeHost::uuid(1), .policy = "shared"}, DefinitionScope::whole,
        [&json](const Result<std::string>& made) { json = made ? *made : made.error().message; });
    for (auto turns = 0; json.empty() && turns < 1000; ++turns) {
        ASSERT_GE(sd_event_run(loop_.raw(), 10'000), 0);
        host_.answer_all();
    }
    EXPECT_NE(json.find(R"("placement":"shared")"), std::string::npos) << json;
}

} // namespace
} // namespace virtpind::test
