// SPDX-License-Identifier: LGPL-2.1-or-later
// profile=performance in the pass: when it is wanted, and what is told of it.
#include "daemon/render/reason_text.hpp"
#include "tests/support/spine.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

namespace virtpind::test {
namespace {

class PlayedPower final : public PowerPort {
public:
    void want(bool wanted) override
    {
        wanted_now = wanted;
        state = wanted ? state : PowerHold{};
    }

    [[nodiscard]] PowerHold hold() const override { return state; }

    void on_changed(std::function<void()> changed) override { changed_ = std::move(changed); }

    void take_state(PowerHold::State now, std::string why = {})
    {
        state = {.state = now, .why = std::move(why)};
        changed_();
    }

    bool wanted_now = false;
    PowerHold state;

private:
    std::function<void()> changed_;
};

class PowerTest : public ReconcilerTest {
protected:
    PowerTest()
    {
        reconciler_.hold_profile_with(power_);
        host_.add(1, "web1", 2, 1);
    }

    void take_state(PowerHold::State now, const std::string& why = {})
    {
        power_.take_state(now, why);
        host_.answer_all();
    }

    // What is told of the profile; empty: nothing.
    [[nodiscard]] std::string told()
    {
        std::string text;
        for (const auto& reason : record(1).plan->reasons) {
            if (reason.code == ReasonCode::profile_held ||
                reason.code == ReasonCode::profile_not_held) {
                text += reason_text(reason);
            }
        }
        return text;
    }

    const OptionMap performance_{{"profile", std::string{"performance"}}};
    PlayedPower power_;
};

TEST_F(PowerTest, IsWantedWhileAGuestRunsOnCpusOfItsOwn)
{
    connect();
    EXPECT_FALSE(power_.wanted_now);
    ASSERT_TRUE(set_policy(1, "dedicated"));
    EXPECT_FALSE(power_.wanted_now);
    ASSERT_TRUE(set_policy(1, "dedicated", performance_));
    EXPECT_TRUE(power_.wanted_now);
    FakeHost::stop(domain(1));
    changed(1, "stopped");
    EXPECT_FALSE(power_.wanted_now);
}

TEST_F(PowerTest, IsGivenBackWithThePolicy)
{
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", performance_));
    ASSERT_TRUE(power_.wanted_now);
    ASSERT_TRUE(reset_policy(1));
    EXPECT_FALSE(power_.wanted_now);
}

TEST_F(PowerTest, TellsWhatCameOfIt)
{
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated", performance_));
    EXPECT_EQ(told(), ""); // nobody knows yet
    EXPECT_TRUE(sink_.domains.at(0).satisfied);
    take_state(PowerHold::State::held);
    EXPECT_EQ(told(), "While it runs, power-profiles-daemon holds the profile \"performance\".");
    EXPECT_TRUE(sink_.domains.at(0).satisfied);
    take_state(PowerHold::State::refused, "no such service");
    EXPECT_EQ(told(), "The power profile is not held at \"performance\", as profile=performance "
                      "asks: power-profiles-daemon does not hold it (no such service); systemctl "
                      "status power-profiles-daemon tells more.");
    EXPECT_FALSE(sink_.domains.at(0).satisfied);
    EXPECT_EQ(sink_.domains.at(0).shortfall.first, "profile-not-held");
    EXPECT_EQ(record(1).state, PinState::pinned);
    take_state(PowerHold::State::yielded);
    EXPECT_NE(told().find("somebody chose another profile"), std::string::npos) << told();
    take_state(PowerHold::State::held);
    EXPECT_TRUE(sink_.domains.at(0).satisfied);
}

TEST_F(PowerTest, MovesNoThread)
{
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto before = domain(1).running->pins;
    ASSERT_TRUE(set_policy(1, "dedicated", performance_));
    EXPECT_EQ(domain(1).running->pins, before);
}

} // namespace
} // namespace virtpind::test
