// SPDX-License-Identifier: LGPL-2.1-or-later
// Whatever happened, in the end everything is as it was before: policies come and go, calls fail,
// half-way too, others are quicker, the daemon is killed at any call and starts anew; then all
// faults cease and every policy is taken back, or `virtpind restore` runs.
#include "tests/support/undo_case.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace virtpind::test {
namespace {

constexpr int ops_max = 16;
constexpr std::array weights{9, 4, 2, 2, 1, 3, 2, 1, 1, 1, 1, 4, 1, 1, 1, 1, 1};
// Where a fault may be, by the calls that count for it.
constexpr std::array first_max{12U, 40U, 40U, 4U, 2U, 2U, 9U};

rc::Gen<Op> any_op()
{
    return rc::gen::exec([] {
        const auto upto = [](unsigned most) { return *rc::gen::inRange(0U, most); };
        Op op;
        std::vector<What> kinds;
        for (std::size_t kind = 0; kind < weights.size(); ++kind) {
            kinds.insert(kinds.end(), static_cast<std::size_t>(weights.at(kind)),
                         static_cast<What>(kind));
        }
        op.what = kinds.at(upto(static_cast<unsigned>(kinds.size())));
        op.guest = upto(4) == 1 ? 1 : 0;
        op.variant = upto(44);
        if (upto(2) == 1) {
            using enum Fault::What;
            op.fault = *rc::gen::weightedElement<Fault::What>({{4, refuse},
                                                               {3, fail_late},
                                                               {2, kill_before},
                                                               {2, kill_after},
                                                               {1, lose},
                                                               {1, lose_late},
                                                               {2, be_overtaken}});
            op.at = *rc::gen::weightedElement<std::size_t>(
                {{2, 0}, {1, 1}, {1, 2}, {1, 3}, {6, 4}, {1, 5}, {2, 6}});
            op.first = 1 + upto(first_max.at(op.at));
            op.count = op.fault == Fault::What::refuse ? 1 + upto(4) : 1;
        }
        op.jobs = upto(3) == 1 ? 1 + upto(4) : 0;
        return op;
    });
}

std::string problem_after(unsigned shapes, const std::vector<Op>& ops, bool by_restore)
{
    spdlog::set_level(spdlog::level::off);
    Case one{shapes};
    for (const auto& op : ops) {
        one.run(op);
    }
    return one.finish(by_restore);
}

// What a random run once left behind: each of three writes of the definition fared differently.
TEST(Undo, WriteThatIsRefusedAfterOneThatWasTaken)
{
    const Op first{.what = What::set_policy, .fault = Fault::What::refuse, .at = 4};
    const Op again{.what = What::reapply};
    const Op second{.what = What::set_policy, .variant = 3, .fault = Fault::What::refuse, .at = 4};
    EXPECT_EQ(problem_after(0, {first, again, second}, false), "");
    EXPECT_EQ(problem_after(256, {first, again, second}, false), "");
}

// What its run was started from is known, though libvirt no longer has it.
TEST(Undo, RunThatLosesItsDefinitionWhileItIsPinned)
{
    const Op failing{.what = What::set_policy,
                     .variant = 18,
                     .fault = Fault::What::fail_late,
                     .first = 10,
                     .at = 1};
    const Op restart{.what = What::restart_guest, .jobs = 1};
    const Op undefine{.what = What::undefine};
    const Op look{.what = What::edit_live};
    EXPECT_EQ(problem_after(256, {failing, restart, undefine, look}, false), "");
}

TEST(Undo, MemoryOfARunThatStartedWithOurs)
{
    const Op first{.what = What::set_policy, .jobs = 1};
    const Op second{.what = What::set_policy, .variant = 22};
    const Op third{.what = What::set_policy, .variant = 15};
    const Op start{.what = What::start};
    EXPECT_EQ(problem_after(1568, {first, second, third, start}, false), "");
}

// Its definition is given back, and the note in it gone, while one of its pins is not.
TEST(Undo, PinThatIsRefusedWhenAllElseIsGivenBack)
{
    const Op first{.what = What::set_policy};
    const Op start{.what = What::start};
    for (unsigned at = 1; at < 8; ++at) {
        const Op reset{.what = What::reset_policy, .fault = Fault::What::refuse, .first = at};
        EXPECT_EQ(problem_after(0, {first, start, reset}, false), "") << at;
    }
}

// The note of one run is no other's.
TEST(Undo, RestartWhileItsRunIsNoted)
{
    const Op edit{.what = What::edit_live, .guest = 1, .variant = 3};
    const Op set{.what = What::set_policy,
                 .guest = 1,
                 .variant = 21,
                 .fault = Fault::What::be_overtaken,
                 .at = 5};
    EXPECT_EQ(problem_after(1536, {edit, set}, false), "");
}

// What is not noted is not pinned.
TEST(Undo, NoteOfARunIsRefused)
{
    const Op first{.what = What::set_policy, .variant = 26}; // one vCPU more
    const Op start{.what = What::start, .fault = Fault::What::refuse, .at = 5};
    EXPECT_EQ(problem_after(0, {first, start}, false), "");
}

// Its pins land in another run than they were meant for.
TEST(Undo, RestartWhileItsRunIsPinned)
{
    const Op first{.what = What::set_policy};
    for (unsigned at = 1; at < 8; ++at) {
        const Op restart{.what = What::set_policy,
                         .variant = 10, // which is restart_guest, for who overtakes
                         .fault = Fault::What::be_overtaken,
                         .first = at,
                         .at = 3};
        for (const auto shapes : {0U, 256U, 256U + 9U, 256U + 14U}) {
            EXPECT_EQ(problem_after(shapes, {first, restart}, false), "") << at << " " << shapes;
            EXPECT_EQ(problem_after(shapes, {restart}, false), "") << at << " " << shapes;
        }
    }
}

// By somebody who is quicker than what was read back: it is no way of libvirt's.
TEST(Undo, EditWhileSinglePinsAreWritten)
{
    const Op first{.what = What::set_policy, .variant = 40};
    const Op edited{.what = What::set_policy,
                    .variant = 14, // which is edit, for who overtakes
                    .fault = Fault::What::be_overtaken};
    const Op refused{.what = What::set_policy, .guest = 1, .fault = Fault::What::refuse, .at = 5};
    for (unsigned at = 1; at < 6; ++at) {
        auto second = edited;
        second.first = at;
        EXPECT_EQ(problem_after(0, {first, second, refused}, false), "") << at;
    }
}

// In the moment of the call that defines it.
TEST(Undo, GuestThatIsUndefinedWhileItIsDefinedIsGone)
{
    const Op undefined{.what = What::set_policy,
                       .variant = 18, // which is undefine, for who overtakes; policy: match
                       .fault = Fault::What::be_overtaken,
                       .first = 1,
                       .at = 4};
    for (const auto shapes : {0U, 256U}) { // shut off, and running
        EXPECT_EQ(problem_after(shapes, {undefined}, false), "");
    }
}

RC_GTEST_PROP(Undo, EverythingIsAsItWasBefore, ())
{
    // Of full size from the first case on, however many there are to be.
    constexpr int full = rc::kNominalSize;
    const auto shapes = *rc::gen::resize(full, rc::gen::inRange(0U, 2048U));
    const auto by_restore = *rc::gen::resize(full, rc::gen::inRange(0, 4)) == 1;
    const auto ops = *rc::gen::resize(
        ops_max, rc::gen::container<std::vector<Op>>(rc::gen::resize(full, any_op())));
    const auto problem = problem_after(shapes, ops, by_restore);
    if (!problem.empty()) {
        RC_FAIL(problem);
    }
}

} // namespace
} // namespace virtpind::test
