// SPDX-License-Identifier: LGPL-2.1-or-later
// What the doctor says over the bus.
#include "daemon/reconcile/examination.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/spine.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace virtpind::test {
namespace {

class Examination : public ReconcilerTest {
protected:
    std::optional<Result<std::string>> answer_;

    void begin(std::optional<DomainUuid> uuid, std::uint32_t uid = 0)
    {
        controller_.doctor(std::move(uuid), Caller{.name = ":1.1", .uid = uid},
                           [this](Result<std::string> made) { answer_ = std::move(made); });
    }

    nlohmann::json ask(std::optional<DomainUuid> uuid = std::nullopt)
    {
        answer_.reset();
        begin(std::move(uuid));
        for (auto turns = 0; !answer_ && turns < 1000; ++turns) {
            EXPECT_GE(sd_event_run(loop_.raw(), 10'000), 0);
        }
        EXPECT_TRUE(answer_ && *answer_);
        return answer_ && *answer_ ? nlohmann::json::parse(**answer_) : nlohmann::json{};
    }

    // A guest of two vCPUs that somebody pinned.
    void add_pinned(int number, const std::string& name, const std::string& first,
                    const std::string& second)
    {
        auto& domain = host_.add(number, name, 2, number);
        domain.facts.topology = GuestTopology{.cores = 1, .threads = 2};
        domain.running->pins.vcpus = {{VcpuId{0}, cpus(first)}, {VcpuId{1}, cpus(second)}};
        domain.running->pins.emulator = cpus("7,15");
        domain.definition->pins = domain.running->pins;
    }
};

TEST_F(Examination, TellsOfAllDomainsByName)
{
    add_pinned(1, "web", "1", "2");
    add_pinned(2, "db", "4", "12");
    connect();
    const auto json = ask();
    EXPECT_EQ(json["guests"], nlohmann::json::parse(R"(["db","web"])"));
    ASSERT_FALSE(json["findings"].empty());
    EXPECT_EQ(json["findings"][0]["id"], "pin.smt-mismatch");
    EXPECT_EQ(json["findings"][0]["guest"], "web");
    EXPECT_EQ(json["findings"][0]["set-policy"]["options"]["smt"], "require");
}

TEST_F(Examination, OfOneDomainKnowsTheOthers)
{
    add_pinned(1, "web", "1", "9");
    add_pinned(2, "db", "1", "9");
    connect();
    const auto json = ask(FakeHost::uuid(1));
    EXPECT_EQ(json["guests"], nlohmann::json::parse(R"(["web"])"));
    ASSERT_EQ(json["findings"].size(), 1U) << json.dump(2);
    EXPECT_EQ(json["findings"][0]["id"], "pin.overlap-vm");
}

TEST_F(Examination, TellsOfAPolicyThatIsNotMet)
{
    host_.add(1, "big", 32, 1);
    connect();
    static_cast<void>(set_policy(1, "dedicated"));
    const auto json = ask();
    ASSERT_FALSE(json["findings"].empty()) << json.dump(2);
    EXPECT_EQ(json["findings"][0]["id"], "policy.unsatisfied");
    EXPECT_FALSE(json["findings"][0]["evidence"].get<std::string>().empty());
}

TEST_F(Examination, LeavesTheHostsSettingsToTheCaller)
{
    host_.add(1, "web", 2, 1);
    connect();
    const auto json = ask();
    const auto& unknown = json["not-measured"];
    EXPECT_TRUE(std::any_of(unknown.begin(), unknown.end(), [](const auto& one) {
        return one["id"] == "host.irq-on-vm-cores" && one["guest"] == "" &&
               one["reason"] == "the service does not look; virtpind doctor does";
    })) << unknown;
}

TEST_F(Examination, IsRefusedWithoutLibvirtAndOfDomainsThatAreGone)
{
    begin(std::nullopt);
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->error().code, Errc::host_unavailable);
    connect();
    answer_.reset();
    begin(FakeHost::uuid(7));
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->error().code, Errc::not_found);
}

// It has its turn among the plans that users ask for.
TEST_F(Examination, CountsAsADryRunOfItsUser)
{
    host_.add(1, "web", 2, 1);
    connect();
    std::size_t refused = 0;
    for (int i = 0; i < 20; ++i) {
        controller_.doctor(std::nullopt, Caller{.name = ":1.1", .uid = 1000},
                           [&refused](const Result<std::string>& made) {
                               refused += !made && made.error().code == Errc::limits_exceeded;
                           });
    }
    EXPECT_EQ(refused, 18U);
}

TEST_F(Examination, OfTooManyDomainsAtOnceIsRefused)
{
    for (int i = 1; i <= static_cast<int>(examined_domains_max) + 1; ++i) {
        host_.add(i, "web" + std::to_string(i), 1, {});
    }
    connect();
    begin(std::nullopt);
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->error().code, Errc::limits_exceeded);
    EXPECT_NE(answer_->error().message.find("name one"), std::string::npos);
    answer_.reset();
    EXPECT_EQ(ask(FakeHost::uuid(5))["guests"].size(), 1U);
}

} // namespace
} // namespace virtpind::test
