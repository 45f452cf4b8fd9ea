// SPDX-License-Identifier: LGPL-2.1-or-later
// Things that must not be: a planner that breaks its own rules or throws, for all domains or for
// one. Functions of this test stand in for the planner's, and go wrong when they are told to.
#include "daemon/planner/diff.hpp"
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "tests/support/spine.hpp"

#include <sys/wait.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

using virtpind::BeforeImage;
using virtpind::BrokenRule;
using virtpind::DiffInput;
using virtpind::DomainActions;
using virtpind::DomainPlan;
using virtpind::Intent;
using virtpind::IntentFault;
using virtpind::Names;
using virtpind::ObservedDomain;
using virtpind::Plan;
using virtpind::PlanRequest;
using virtpind::Topology;

namespace {

// What goes wrong, and at which domain.
struct Wrong {
    bool all_plans = false;
    std::string rule_of;    // the plan of this one breaks a rule
    std::string plan_of;    // planning throws at it, whatever its stance is
    std::string managed_of; // planning throws at it where it is planned
    std::string decision_of;
    std::string diff_of;
    std::string note_of; // before it is applied
    bool check = false;  // of the next plan, before any domain is looked at
    std::function<void()> at_plan_of = [] { throw std::out_of_range{"number 40 in a table of 4"}; };
};

Wrong wrong;

[[noreturn]] void go_wrong()
{
    throw std::out_of_range{"number 40 in a table of 4"};
}

} // namespace

namespace {

std::vector<BrokenRule> rules_or_wrong(const PlanRequest& request, const Plan& plan)
{
    if (wrong.all_plans) {
        return {{.domain = std::nullopt, .text = "CPU 4 belongs to two domains"}};
    }
    for (const auto& intent : request.intents) {
        if (intent.name == wrong.rule_of && intent.stance == virtpind::Stance::managed) {
            return {{.domain = intent.uuid, .text = intent.name + ": some vCPU has no pin"}};
        }
    }
    if (std::exchange(wrong.check, false)) {
        go_wrong();
    }
    return virtpind::find_broken_rules(request, plan);
}

Plan plan_or_wrong(const PlanRequest& request)
{
    for (const auto& intent : request.intents) {
        const auto managed = intent.stance == virtpind::Stance::managed;
        const auto claims = !intent.current.vcpus.empty();
        if ((intent.name == wrong.managed_of && managed) ||
            (intent.name == wrong.plan_of && (managed || claims))) {
            if (request.watch != nullptr) {
                request.watch->at(intent.uuid);
            }
            wrong.at_plan_of();
        }
    }
    return virtpind::make_plan(request);
}

DomainActions diff_or_wrong(const DiffInput& input, const DomainPlan& plan)
{
    if (plan.name == wrong.diff_of) {
        go_wrong();
    }
    return virtpind::diff(input, plan);
}

std::optional<IntentFault> fault_or_wrong(const Topology& topology, const Intent& intent,
                                          Names names)
{
    if (intent.name == wrong.decision_of) {
        go_wrong();
    }
    return virtpind::find_fault(topology, intent, names);
}

void notes_or_wrong(DomainActions& actions, const ObservedDomain& seen, const BeforeImage& before,
                    std::string_view boot_id)
{
    if (actions.name == wrong.note_of && actions.before) {
        go_wrong();
    }
    virtpind::add_notes(actions, seen, before, boot_id);
}

} // namespace

namespace virtpind::test {
namespace {

using namespace std::chrono_literals;

class BrokenPlan : public ReconcilerTest {
protected:
    void SetUp() override
    {
        ReconcilerTest::SetUp();
        reconciler_.plan_with({.find_fault = fault_or_wrong,
                               .make_plan = plan_or_wrong,
                               .find_broken_rules = rules_or_wrong,
                               .diff = diff_or_wrong,
                               .add_notes = notes_or_wrong});
    }

    void TearDown() override { wrong = {}; }

    [[nodiscard]] bool has_problem() const
    {
        const auto& problems = sink_.manager.problems;
        return std::any_of(problems.begin(), problems.end(),
                           [](const auto& entry) { return entry.code == "InvariantBroken"; });
    }
};

TEST_F(BrokenPlan, IsNotAppliedAndSaidToWhoAsks)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    const auto pins = domain(1).running_pins();
    const auto applied = host_.applied.size();

    wrong.all_plans = true;
    host_.add(2, "web2", 2, 2);
    const auto refused = set_policy(1, "shared");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::internal);
    EXPECT_NE(refused.error().message.find("report it"), std::string::npos);
    EXPECT_EQ(host_.applied.size(), applied) << "nothing is changed";
    EXPECT_EQ(domain(1).running_pins(), pins);
    EXPECT_TRUE(has_problem());
    EXPECT_EQ(sink_.domains.size(), 2U) << "a newcomer is shown all the same";

    wrong.all_plans = false;
    ASSERT_TRUE(set_policy(1, "shared"));
    EXPECT_FALSE(has_problem());
    EXPECT_NE(domain(1).running_pins(), pins);
}

TEST_F(BrokenPlan, IsMadeAnewLessAndLessOften)
{
    host_.add(1, "web1", 4, 1);
    wrong.all_plans = true;
    const auto looks = times_of_looks(3);
    EXPECT_GE(looks[1] - looks[0], 1s);
    EXPECT_GE(looks[2] - looks[1], 1900ms);
    EXPECT_TRUE(host_.applied.empty());
    EXPECT_TRUE(has_problem());
}

// The one domain is set apart, with the reason for all to see; the other is served.
class OneDomain : public BrokenPlan {
protected:
    void expect_it_is_set_apart()
    {
        host_.add(1, "good", 2, 1);
        host_.add(2, "bad", 2, 2);
        for (const auto number : {1, 2}) {
            domain(number).facts.metadata.content.emplace(
                *make_policy_spec(PolicyCatalog{}, "dedicated", {}, PolicyName::required));
        }
        connect();
        EXPECT_EQ(record(1).state, PinState::pinned);
        EXPECT_EQ(record(2).state, PinState::failed);
        ASSERT_TRUE(record(2).error.has_value());
        EXPECT_EQ(record(2).error->code, Errc::internal);
        EXPECT_NE(record(2).error->message.find("report it"), std::string::npos);
        EXPECT_FALSE(domain(1).running->pins.vcpus.empty());
        EXPECT_TRUE(domain(2).running->pins.vcpus.empty()) << "it is left alone";
        EXPECT_FALSE(has_problem()) << "of the whole plan";
        const auto& problems = sink_.manager.problems;
        EXPECT_TRUE(std::any_of(problems.begin(), problems.end(), [](const auto& problem) {
            return problem.text.find("bad: ") == 0;
        }));
    }

    void expect_it_comes_back()
    {
        wrong = {};
        changed(2);
        EXPECT_EQ(record(2).state, PinState::pinned);
        EXPECT_TRUE(sink_.manager.problems.empty());
    }
};

TEST_F(OneDomain, WhosePlanBreaksARuleIsSetApart)
{
    wrong.rule_of = "bad";
    expect_it_is_set_apart();
    EXPECT_NE(record(2).error->message.find("some vCPU has no pin"), std::string::npos);
    expect_it_comes_back();
}

TEST_F(OneDomain, AtWhichPlanningThrowsIsSetApart)
{
    wrong.managed_of = "bad";
    expect_it_is_set_apart();
    expect_it_comes_back();
}

// Not planned either, its claims are looked at still: so it has none.
TEST_F(OneDomain, AtWhoseClaimsPlanningThrowsIsSetApart)
{
    wrong.plan_of = "bad";
    expect_it_is_set_apart();
    expect_it_comes_back();
}

TEST_F(OneDomain, AtWhichTheDecisionThrowsIsSetApart)
{
    wrong.decision_of = "bad";
    expect_it_is_set_apart();
    expect_it_comes_back();
}

TEST_F(OneDomain, AtWhichTheDiffThrowsIsSetApart)
{
    wrong.diff_of = "bad";
    expect_it_is_set_apart();
    expect_it_comes_back();
}

TEST_F(OneDomain, AtWhoseNoteItThrowsIsSetApart)
{
    wrong.note_of = "bad";
    expect_it_is_set_apart();
    expect_it_comes_back();
}

// It is nobody's turn then, least of all that of the last one that was planned.
TEST_F(BrokenPlan, WhoseCheckThrowsIsBlamedOnNoDomain)
{
    host_.add(1, "web1", 4, 1);
    connect();
    ASSERT_TRUE(set_policy(1, "dedicated"));
    wrong.check = true;
    changed(1);
    EXPECT_TRUE(has_problem());
    EXPECT_EQ(record(1).state, PinState::pinned);
}

TEST(PlanCheck, TellsWhoseTurnItIs)
{
    class FairQueue final : public DomainWatch {
    public:
        void at(const DomainUuid& domain) override { of.insert(domain); }

        void done() override {}

        std::set<DomainUuid> of;
    };

    const auto topology = regular_host({.l3s = 2, .cores = 4, .threads = 2});
    PlanRequest request;
    request.topology = &topology;
    for (const auto number : {1, 2}) {
        Intent intent;
        intent.uuid = FakeHost::uuid(number);
        intent.name = "web";
        request.intents.push_back(intent);
    }
    const auto plan = make_plan(request);
    FairQueue turns;
    request.watch = &turns;
    [[maybe_unused]] const auto rules = find_broken_rules(request, plan);
    EXPECT_EQ(turns.of.size(), 2U);
}

// Many at once: so many turns, and no more.
TEST_F(OneDomain, TurnsAreBounded)
{
    for (int number = 1; number <= 40; ++number) {
        host_.add(number, "bad", 1, number);
        domain(number).facts.metadata.content.emplace(
            *make_policy_spec(PolicyCatalog{}, "shared", {}, PolicyName::required));
    }
    wrong.managed_of = "bad";
    connect();
    EXPECT_TRUE(has_problem());
    EXPECT_TRUE(host_.applied.empty());
}

// Three processes that end while the same domain is planned, and a fourth.
TEST_F(OneDomain, ThatKillsThreeStartsIsNamedAtTheNext)
{
    namespace fs = std::filesystem;
    const auto dir = fs::path{testing::TempDir()} / "virtpind_kills_starts";
    fs::remove_all(dir);
    host_.add(1, "good", 2, 1);
    host_.add(2, "bad", 2, 2);
    for (const auto number : {1, 2}) {
        domain(number).facts.metadata.content.emplace(
            *make_policy_spec(PolicyCatalog{}, "dedicated", {}, PolicyName::required));
    }
    wrong.managed_of = "bad";
    wrong.at_plan_of = [] { ::_exit(7); };
    for (int start = 0; start < 3; ++start) {
        const auto child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            CrashGuard guard{dir, "1"};
            reconciler_.guard_with(guard);
            connect();
            ::_exit(0);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_EQ(WEXITSTATUS(status), 7);
    }
    CrashGuard guard{dir, "1"};
    EXPECT_TRUE(guard.suspects(FakeHost::uuid(2)));
    EXPECT_TRUE(guard.leaves_alone(FakeHost::uuid(2), "<domain/>"));
    EXPECT_FALSE(guard.suspects(FakeHost::uuid(1)));
    fs::remove_all(dir);
}

} // namespace
} // namespace virtpind::test
