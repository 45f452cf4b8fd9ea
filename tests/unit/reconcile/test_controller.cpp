// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests of callers: which are refused, which one wins, and what each is answered.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "tests/support/captured_log.hpp"
#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

namespace virtpind::test {
namespace {

TEST_F(ReconcilerTest, NameOfTwoDomainsIsAmbiguousAndTheirUuidsAreNot)
{
    host_.add(1, "web1", 2, 1);
    host_.add(2, "web1", 2, 2);
    connect();
    const auto found = controller_.find_domain("web1");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::ambiguous);
    EXPECT_NE(found.error().message.find("use the UUID"), std::string::npos);
    EXPECT_EQ(*controller_.find_domain(FakeHost::uuid(2).str()), FakeHost::uuid(2));
}

TEST_F(ReconcilerTest, CompareAndSetLetsOnlyTheFirstWriterWin)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {}, 0, 1));
    const auto late = set_policy(1, "shared", {}, 0, 1);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Errc::conflict);
    EXPECT_EQ(record(1).decision.policy.policy.name, "dedicated");
}

TEST_F(ReconcilerTest, PolicyThatCannotBeMetIsRefusedBeforeAnythingChanges)
{
    host_.add(1, "web1", 17, 1);
    connect();
    const auto done = set_policy(1, "dedicated", {{"fallback", std::string{"fail"}}});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::unsatisfiable);
    EXPECT_FALSE(domain(1).facts.metadata.content);
    EXPECT_TRUE(host_.applied.empty());
}

TEST_F(ReconcilerTest, ResetAfterAPolicyThatIsStillBeingStoredTakesItBack)
{
    host_.add(1, "web1", 4, 1);
    connect();
    const SetPolicyRequest request{.uuid = FakeHost::uuid(1), .policy = "dedicated"};
    unsigned answered = 0;
    controller_.set_policy(request, [&](const auto&) { ++answered; });
    controller_.reset_policy(FakeHost::uuid(1), 0, {}, [&](const auto&) { ++answered; });
    host_.answer_all();
    EXPECT_EQ(answered, 2U);
    EXPECT_FALSE(domain(1).facts.metadata.content);
    EXPECT_EQ(record(1).decision.policy.policy.name, "none");
}

TEST_F(ReconcilerTest, ResetAfterAPolicyThatIsStoredAndNotYetSeenTakesItBack)
{
    host_.add(1, "web1", 4, 1);
    connect();
    controller_.set_policy({.uuid = FakeHost::uuid(1), .policy = "dedicated"}, [](const auto&) {});
    host_.answer_all(1);
    ASSERT_TRUE(domain(1).facts.metadata.content);
    controller_.reset_policy(FakeHost::uuid(1), 0, {}, [](const auto&) {});
    host_.answer_all();
    EXPECT_FALSE(domain(1).facts.metadata.content);
    EXPECT_EQ(record(1).decision.policy.policy.name, "none");
}

TEST_F(ReconcilerTest, RuntimePolicyOutlivesTheStoringOfAnEarlierOne)
{
    host_.add(1, "web1", 4, 1);
    connect();
    SetPolicyRequest request{.uuid = FakeHost::uuid(1), .policy = "dedicated"};
    controller_.set_policy(request, [](const auto&) {});
    request.policy = "shared";
    request.flags = flag_runtime_only;
    controller_.set_policy(request, [](const auto&) {});
    host_.answer_all();
    EXPECT_EQ(record(1).decision.policy.policy.name, "shared");
    EXPECT_EQ(record(1).decision.policy.source, PolicySource::bus);
}

TEST_F(ReconcilerTest, PolicyThatCannotBeStoredLeavesEverythingAsItWas)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "shared", {}, flag_runtime_only));
    host_.store_error = Error{.code = Errc::apply_failed, .message = "no"};
    EXPECT_FALSE(set_policy(1, "dedicated", {}, flag_defer));
    EXPECT_FALSE(record(1).deferred_id);
    EXPECT_EQ(record(1).runtime_policy->name, "shared");
    domain(1).facts.metadata.content.emplace(PolicySpec{.name = "dedicated"});
    changed(1);
    EXPECT_FALSE(reset_policy(1));
    EXPECT_EQ(record(1).runtime_policy->name, "shared");
}

TEST_F(ReconcilerTest, GenerationIsShownOfAPolicyThatCannotBeStored)
{
    host_.add(1, "web1", 4, 1);
    connect();
    host_.store_error = Error{.code = Errc::apply_failed, .message = "no"};
    for (const auto reset : {false, true}) {
        const auto shown = sink_.domains.at(0).generation;
        if (reset) {
            domain(1).facts.metadata.content.emplace(PolicySpec{.name = "dedicated"});
            changed(1);
        }
        EXPECT_FALSE(reset ? reset_policy(1) : set_policy(1, "dedicated", {}, 0, shown));
        EXPECT_EQ(sink_.domains.at(0).generation, shown + 1);
    }
    host_.store_error.reset();
    EXPECT_TRUE(set_policy(1, "dedicated", {}, 0, sink_.domains.at(0).generation))
        << "what is shown is what is expected";
}

// What a caller sets for as long as it is on the bus.
class PolicyWhileConnected : public ReconcilerTest {
protected:
    Result<std::uint64_t> lend(const std::string& caller, const std::string& policy)
    {
        const SetPolicyRequest request{.uuid = FakeHost::uuid(1),
                                       .policy = policy,
                                       .flags = flag_runtime_only | flag_while_connected,
                                       .caller = {.name = caller, .uid = 0}};
        return answer_to([&](auto reply) { controller_.set_policy(request, std::move(reply)); });
    }

    void leave(const std::string& caller)
    {
        controller_.owner_vanished(caller);
        host_.answer_all();
    }

    std::string policy() { return record(1).decision.policy.policy.name; }
};

TEST_F(PolicyWhileConnected, EndsWithItsCallerAndGivesThePinsBack)
{
    auto& seen = host_.add(1, "web1", 2, 1);
    seen.running->pins.vcpus[VcpuId{0}] = CpuSet{CpuId{2}};
    const auto pins = seen.running->pins.vcpus;
    connect();
    ASSERT_TRUE(lend(":1.7", "dedicated"));
    ASSERT_TRUE(lend(":1.7", "shared")) << "its own caller may change it";
    EXPECT_NE(domain(1).running->pins.vcpus, pins);
    leave(":1.8");
    EXPECT_EQ(policy(), "shared");
    const auto generation = record(1).generation;
    leave(":1.7");
    EXPECT_EQ(policy(), "none");
    EXPECT_EQ(domain(1).running->pins.vcpus.at(VcpuId{0}), CpuSet{CpuId{2}});
    EXPECT_GT(record(1).generation, generation)
        << "who decided by the lent policy hears of its end";
}

TEST_F(PolicyWhileConnected, GivesWayToTheStoredOrRuntimePolicyFromBefore)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    ASSERT_TRUE(lend(":1.7", "none"));
    EXPECT_EQ(policy(), "none");
    leave(":1.7");
    EXPECT_EQ(policy(), "dedicated");
    ASSERT_TRUE(set_policy(1, "shared", {}, flag_runtime_only));
    ASSERT_TRUE(lend(":1.9", "none"));
    leave(":1.9");
    EXPECT_EQ(policy(), "shared");
    EXPECT_EQ(record(1).decision.policy.source, PolicySource::bus);
}

TEST_F(PolicyWhileConnected, IsOneCallersAtATimeAndYieldsToEveryOtherChange)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(lend(":1.7", "dedicated"));
    const auto second = lend(":1.8", "shared");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
    EXPECT_NE(second.error().message.find(":1.7"), std::string::npos) << second.error().message;
    ASSERT_TRUE(set_policy(1, "shared", {}, flag_runtime_only));
    leave(":1.7");
    EXPECT_EQ(policy(), "shared") << "it is somebody else's by now";
    ASSERT_TRUE(lend(":1.8", "dedicated"));
    ASSERT_TRUE(reset_policy(1));
    leave(":1.8");
    EXPECT_EQ(policy(), "none");
    ASSERT_TRUE(lend(":1.9", "dedicated"));
    ASSERT_TRUE(set_policy(1, "shared"));
    leave(":1.9");
    EXPECT_EQ(policy(), "shared");
}

TEST_F(ReconcilerTest, CallerIsAnsweredByThePassThatSucceededAndNotByOneThatCouldNot)
{
    host_.add(1, "web1", 4, 1);
    connect();
    host_.before_apply = [this] {
        host_.before_apply = nullptr;
        domain(1).definition->pins.emulator =
            CpuSet{CpuId{3}}; // somebody edits the definition meanwhile
    };
    std::size_t pins_when_told = 0;
    controller_.set_policy({.uuid = FakeHost::uuid(1), .policy = "dedicated"},
                           [&](const Result<std::uint64_t>& done) {
                               EXPECT_TRUE(done);
                               pins_when_told = domain(1).definition->pins.vcpus.size();
                           });
    host_.answer_all();
    EXPECT_EQ(pins_when_told, 4U);
}

TEST_F(ReconcilerTest, DeferTouchesOnlyTheDefinitionUntilTheNextStart)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {}, flag_defer));
    EXPECT_TRUE(domain(1).running->pins.vcpus.empty());
    EXPECT_EQ(domain(1).definition->pins.vcpus.size(), 4U);
    FakeHost::stop(domain(1));
    FakeHost::start(domain(1), 2);
    domain(1).running = {.pins = PinSet{}};
    changed(1, "started");
    EXPECT_EQ(domain(1).running->pins.vcpus.size(), 4U);
}

TEST_F(ReconcilerTest, DeferredDomainIsNotSaidToBePinnedUntilReapplied)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", {}, flag_defer));
    EXPECT_EQ(record(1).state, PinState::idle);
    EXPECT_EQ(sink_.results.back().second, "deferred");
    const auto got = reapply(1);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(record(1).state, PinState::pinned);
    EXPECT_EQ(domain(1).running->pins.vcpus.size(), 4U);
}

TEST_F(ReconcilerTest, PermissionThatVirtpindLacksIsNotSaidToBeTheCallers)
{
    host_.add(1, "web1", 2, 1);
    connect();
    const auto expect_ours = [](const auto& reply, const std::string& doing) {
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().code, Errc::apply_failed);
        EXPECT_NE(reply.error().message.find(doing), std::string::npos) << reply.error().message;
    };
    const Error denied{.code = Errc::permission_denied, .message = "access denied"};
    host_.store_error = denied;
    expect_ours(set_policy(1, "dedicated"), "libvirt does not let virtpind store the policy");
    expect_ours(set_policy(1, "dedicated"), "access denied); see virtpind(8), PRIVILEGES");
    host_.store_error.reset();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    host_.store_error = denied;
    expect_ours(reset_policy(1), "libvirt does not let virtpind remove the policy");
    host_.store_error = Error{.code = Errc::invalid_argument, .message = "invalid flag"};
    expect_ours(reset_policy(1), "libvirt refused to remove the policy: invalid flag");
    host_.observe_error = denied;
    expect_ours(hold(1), "libvirt does not let virtpind read the domains");
}

TEST_F(ReconcilerTest, UnsupportedAndTimedOutReachTheCallerAsSuch)
{
    host_.add(1, "web1", 2, 1);
    connect();
    for (const auto code : {Errc::unsupported, Errc::timed_out, Errc::host_unavailable}) {
        host_.store_error = Error{.code = code, .message = "libvirt's words"};
        const auto reply = set_policy(1, "dedicated");
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().code, code);
        EXPECT_EQ(reply.error().message, "libvirt's words");
    }
}

TEST_F(ReconcilerTest, PolicyIsLoggedWhenItIsStoredNotWhenItIsAskedFor)
{
    const CapturedLog log;
    host_.add(1, "web1", 2, 1);
    connect();

    host_.store_error = Error{.code = Errc::apply_failed, .message = "disk full"};
    EXPECT_FALSE(set_policy(1, "dedicated"));
    EXPECT_FALSE(log.has("policy dedicated set"));
    host_.store_error.reset();
    EXPECT_TRUE(set_policy(1, "dedicated"));
    EXPECT_TRUE(log.has("web1: policy dedicated set over the bus"));

    host_.store_error = Error{.code = Errc::apply_failed, .message = "disk full"};
    EXPECT_FALSE(reset_policy(1));
    EXPECT_FALSE(log.has("policy reset"));
    host_.store_error.reset();
    EXPECT_TRUE(reset_policy(1));
    EXPECT_TRUE(log.has("web1: policy reset over the bus"));
}

} // namespace
} // namespace virtpind::test
