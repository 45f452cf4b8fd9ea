// SPDX-License-Identifier: LGPL-2.1-or-later
// A planner that breaks its own rules: check_plan() is replaced by the linker (--wrap), and says so
// when it is told to.
#include "daemon/pipeline/invariants.hpp"
#include "tests/support/spine.hpp"

using virtpind::Plan;
using virtpind::PlanRequest;

namespace {

bool plans_are_broken = false;

} // namespace

// The names that --wrap gives to the present and the former one.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
std::vector<std::string> real_check_plan(const PlanRequest& request, const Plan& plan) asm(
    "__real__ZN8virtpind10check_planB5cxx11ERKNS_11PlanRequestERKNS_4PlanE");
std::vector<std::string> wrapped_check_plan(const PlanRequest& request, const Plan& plan) asm(
    "__wrap__ZN8virtpind10check_planB5cxx11ERKNS_11PlanRequestERKNS_4PlanE");

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

std::vector<std::string> wrapped_check_plan(const PlanRequest& request, const Plan& plan)
{
    return plans_are_broken ? std::vector<std::string>{"CPU 4 belongs to two domains"}
                            : real_check_plan(request, plan);
}

namespace virtpind::test {
namespace {

using namespace std::chrono_literals;

class BrokenPlan : public Spine {
protected:
    void TearDown() override { plans_are_broken = false; }

    [[nodiscard]] bool has_problem() const
    {
        const auto& problems = sink_.manager.problems;
        return std::any_of(problems.begin(), problems.end(),
                           [](const auto& entry) { return entry.first == "InvariantBroken"; });
    }
};

TEST_F(BrokenPlan, IsNotAppliedAndSaidToWhoAsks)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto pins = domain(1).live;
    const auto applied = host_.applied.size();

    plans_are_broken = true;
    host_.add(2, "web2", 2, 2);
    const auto refused = set_policy(1, "shared");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::internal);
    EXPECT_NE(refused.error().message.find("report it"), std::string::npos);
    EXPECT_EQ(host_.applied.size(), applied) << "nothing is changed";
    EXPECT_EQ(domain(1).live, pins);
    EXPECT_TRUE(has_problem());
    EXPECT_EQ(sink_.domains.size(), 2U) << "a newcomer is shown all the same";

    plans_are_broken = false;
    ASSERT_TRUE(set_policy(1, "shared"));
    EXPECT_FALSE(has_problem());
    EXPECT_NE(domain(1).live, pins);
}

TEST_F(BrokenPlan, IsMadeAnewLessAndLessOften)
{
    host_.add(1, "web1", 4, 1);
    plans_are_broken = true;
    const auto looks = times_of_looks(3);
    EXPECT_GE(looks[1] - looks[0], 1s);
    EXPECT_GE(looks[2] - looks[1], 1900ms);
    EXPECT_TRUE(host_.applied.empty());
    EXPECT_TRUE(has_problem());
}

} // namespace
} // namespace virtpind::test
