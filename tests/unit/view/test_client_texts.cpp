// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole texts, as terminals of 80, 120 and 20 columns show them, in UTF-8 and in ASCII.
#include "clients/view/cells.hpp"
#include "clients/view/explain_text.hpp"
#include "clients/view/guest_state.hpp"
#include "clients/view/map_text.hpp"
#include "clients/view/status_text.hpp"
#include "clients/view/table.hpp"
#include "clients/view/transitions.hpp"
#include "common/base/text_file.hpp"
#include "tests/support/client_samples.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace virtpind::client {
namespace {

struct Terminal {
    std::size_t width;
    bool utf8;
};

std::string file_of(const Terminal& terminal)
{
    return std::to_string(terminal.width) + (terminal.utf8 ? "-utf8" : "-ascii") + ".txt";
}

Explanation sample_explanation()
{
    return {
        .reasons =
            {{"one-l3", "All 12 vCPUs share one L3 on node 0.", "good"},
             {"l3-shared", "Its L3 also serves pihole (7,23) and housekeeping (0,16).", "note"},
             {"emulator",
              "Emulator threads run on CPUs 0,16: the housekeeping CPUs nearest to its vCPUs.", ""},
             {"short", "2 vCPUs share a core with another guest.", "short"}},
        .history = {{1'000'000, "pinned: 14 changes verified"}}};
}

PlanAnswer sample_plan()
{
    PlanAnswer plan{.housekeeping = cpus("0,16"), .pool = {}};
    plan.guests = {
        {.uuid = sample_uuid(1),
         .name = "build",
         .requested = "dedicated",
         .placement = "dedicated",
         .vcpus = pinned_in_pairs(1, 4),
         .emulator = cpus("0,16"),
         .reasons = {{"one-l3", "All 8 vCPUs share one L3 on node 0.", "good"}},
         .definition_diff =
             "--- build\n+++ build\n@@ -1,2 +1,3 @@\n <domain>\n+  <cputune/>\n </domain>\n"},
        {.uuid = sample_uuid(2),
         .name = "gpu-lab",
         .requested = "dedicated",
         .placement = "shared",
         .satisfied = false,
         .vcpus = floating(12, "0,16")},
        {.uuid = sample_uuid(4), .name = "pihole", .placement = "none"},
        {.uuid = sample_uuid(5),
         .name = "win11",
         .requested = "dedicated",
         .placement = "dedicated",
         .vcpus = pinned_in_pairs(8, 8)}};
    return plan;
}

Snapshot later(Snapshot snapshot)
{
    auto& build = snapshot.guests[0];
    build.policy = "dedicated";
    build.options = {{"priority", "10"}};
    build.vcpus = pinned_in_pairs(1, 4);
    build.placement = "own";
    build.satisfied = true;
    build.shortfall = {};
    auto& lab = snapshot.guests[1];
    lab.vcpus = floating(12, "0,16");
    lab.placement = "housekeeping";
    lab.satisfied = false;
    lab.shortfall = {"no-room", "12 vCPUs need as many free CPUs, and 4 are free."};
    snapshot.guests[4].pin_state = "held";
    snapshot.guests[4].holds = {{"backup", ":1.7"}};
    snapshot.guests.erase(snapshot.guests.begin() + 2);
    return snapshot;
}

std::string all_texts(const Look& look)
{
    const auto snapshot = sample_snapshot();
    auto text =
        "== status\n" + render_status(snapshot, look) + "== show\n" +
        render_guest(snapshot.guests[1], look) + "== map\n" +
        render_map(sample_layout(), map_guests(snapshot.guests), snapshot.service.housekeeping,
                   snapshot.service.pool, look) +
        "== explain\n" + render_explanation(snapshot.guests[1], sample_explanation(), look) +
        "== plan\n" +
        render_plan(snapshot, sample_plan(), sample_uuid(1),
                    {"dedicated priority=10", "dedicated priority=10"}, sample_layout(), look) +
        "== watch\n";
    for (const auto& line : transitions(snapshot, later(snapshot), look)) {
        text += line + "\n";
    }
    return text;
}

class ClientTexts : public testing::TestWithParam<Terminal> {};

// With VIRTPIND_UPDATE_GOLDEN in the environment the files are written anew; read their diff.
TEST_P(ClientTexts, AreAsExpected)
{
    const auto* folder = std::getenv("VIRTPIND_GOLDEN_CLIENT");
    if (folder == nullptr) {
        GTEST_SKIP() << "VIRTPIND_GOLDEN_CLIENT does not name tests/golden/expected/client";
    }
    setenv("TZ", "UTC", 1);
    const auto file = std::string{folder} + "/" + file_of(GetParam());
    const auto text = all_texts({.width = GetParam().width, .utf8 = GetParam().utf8});
    if (std::getenv("VIRTPIND_UPDATE_GOLDEN") != nullptr) {
        std::ofstream{file} << text;
    }
    const auto expected = read_text_file(file, std::size_t{1} << 20U);
    ASSERT_TRUE(expected.ok()) << expected.error().message;
    EXPECT_EQ(text, *expected) << "VIRTPIND_UPDATE_GOLDEN=1 writes it anew";
}

TEST_P(ClientTexts, KeepToTheirTerminal)
{
    const auto text = all_texts({.width = GetParam().width, .utf8 = GetParam().utf8});
    for (std::size_t at = 0; at < text.size();) {
        const auto line = text.substr(at, text.find('\n', at) - at);
        at += line.size() + 1;
        // Definitions are not wrapped, and a narrow terminal cuts no name of a column.
        if (line.find('<') == std::string::npos && GetParam().width > 20) {
            EXPECT_LE(cell_width(line), GetParam().width) << line;
        }
        EXPECT_TRUE(line.empty() || line.back() != ' ') << "'" << line << "'";
        if (!GetParam().utf8) {
            EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20; }))
                << line;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(AllTerminals, ClientTexts,
                         testing::Values(Terminal{80, true}, Terminal{120, true},
                                         Terminal{20, true}, Terminal{80, false},
                                         Terminal{20, false}));

TEST(ClientTexts, ColourTheMarksOnly)
{
    const Look look{.width = 80, .colour = true};
    const auto text = render_status(sample_snapshot(), look);
    EXPECT_NE(text.find("\033[33m▲\033[0m virtpind"), std::string::npos) << text;
    const auto plain = render_status(sample_snapshot(), {.width = 80});
    EXPECT_EQ(plain.find('\033'), std::string::npos);
}

TEST(ClientTexts, SayThatThereAreNoGuests)
{
    auto snapshot = sample_snapshot();
    snapshot.guests.clear();
    EXPECT_NE(render_status(snapshot, {}).find("libvirt has no guests"), std::string::npos);
    snapshot.service.state = "disconnected";
    EXPECT_NE(render_status(snapshot, {}).find("without libvirt"), std::string::npos);
}

TEST(ClientTexts, NameAtMostEightGuestsThatAreNotAsAsked)
{
    auto snapshot = sample_snapshot();
    snapshot.guests.resize(1);
    snapshot.guests.resize(12, snapshot.guests.front());
    const auto text = render_status(snapshot, {});
    EXPECT_NE(text.find("and 4 more guests"), std::string::npos) << text;
}

TEST(ClientTexts, QuoteNamesForTheShell)
{
    auto snapshot = sample_snapshot();
    snapshot.guests[0].name = "a; rm -rf 'x'";
    const auto text = render_status(snapshot, {});
    EXPECT_NE(text.find("virtpinctl explain 'a; rm -rf '\\''x'\\'''"), std::string::npos) << text;
}

TEST(ClientTexts, NameAGuestByUuidWhereItsNameWouldBeMisread)
{
    EXPECT_EQ(guest_word({.uuid = sample_uuid(1), .name = "win 11"}), "'win 11'");
    EXPECT_EQ(guest_word({.uuid = sample_uuid(1), .name = "-rf"}), sample_uuid(1));
    EXPECT_EQ(guest_word({.uuid = sample_uuid(1), .name = sample_uuid(2)}), sample_uuid(1));
}

TEST(ClientTexts, TellWhoIsDisplaced)
{
    const auto before = sample_snapshot();
    auto after = before;
    auto& loser = after.guests[1];
    ASSERT_TRUE(is_as_asked(loser));
    loser.satisfied = false;
    loser.placement = "housekeeping";
    loser.displaced_by = {"win11"};
    const auto moved = moved_guests(before, after, sample_uuid(5));
    ASSERT_EQ(moved.size(), 1U);
    EXPECT_EQ(moved.front().text.rfind(loser.name + " is displaced: floats on ", 0), 0U)
        << moved.front().text;
    const auto why = render_explanation(loser, {}, {.width = 80});
    EXPECT_NE(why.find("Displaced by win11."), std::string::npos) << why;
}

// A guest that was changed with --defer.
Guest waiting_guest()
{
    return {.uuid = sample_uuid(7),
            .name = "later",
            .run_state = "running",
            .policy = "dedicated",
            .pin_state = "idle",
            .vcpus = floating(2, "0-31")};
}

TEST(ClientTexts, PlanNothingForAGuestThatWaitsForItsNextStart)
{
    auto now = sample_snapshot();
    now.guests.push_back(waiting_guest());
    auto plan = sample_plan();
    plan.guests.push_back({.uuid = sample_uuid(7),
                           .name = "later",
                           .placement = "dedicated",
                           .vcpus = pinned_in_pairs(7, 1)});
    const auto text = render_plan(now, plan, sample_uuid(1), {"dedicated", "dedicated"},
                                  sample_layout(), {.width = 80});
    EXPECT_EQ(text.find("later"), std::string::npos) << text;
    const auto own = render_plan(now, plan, sample_uuid(7), {"dedicated", "dedicated"},
                                 sample_layout(), {.width = 80});
    EXPECT_NE(own.find("later: dedicated would get all"), std::string::npos) << own;
    plan.guests.back().satisfied = false;
    const auto loses = render_plan(now, plan, sample_uuid(1), {"dedicated", "dedicated"},
                                   sample_layout(), {.width = 80});
    EXPECT_NE(loses.find("later is displaced"), std::string::npos) << loses;
}

TEST(ClientTexts, SayAStateAsASentence)
{
    auto guest = waiting_guest();
    EXPECT_EQ(state_sentence(guest), "It waits.");
    guest.pin_state = "pinned";
    guest.placement = "pool";
    EXPECT_EQ(state_sentence(guest), "It floats on 0-31.");
    guest.placement = "own";
    EXPECT_EQ(state_sentence(guest), "It is pinned on 0-31.");
    guest.pin_state = "failed";
    EXPECT_EQ(state_sentence(guest), "It has failed.");
}

TEST(ClientTexts, ShowNoPlaceOfAGuestThatFailedBeforeItWasPinned)
{
    auto guest = waiting_guest();
    guest.pin_state = "failed";
    EXPECT_TRUE(map_guests({guest}).empty());
    guest.vcpus = pinned_in_pairs(3, 1);
    EXPECT_EQ(map_guests({guest}).size(), 1U) << "its vCPUs are there all the same";
}

TEST(ClientTexts, ExplainBlankCellsOfTheMap)
{
    const auto blank = "blank: taken without a vCPU that is shown";
    const auto all = cpus("0-31");
    EXPECT_EQ(render_map(sample_layout(), {}, {}, all, {}).find(blank), std::string::npos);
    const auto text = render_map(sample_layout(), {}, {}, all - cpus("5"), {});
    EXPECT_NE(text.find(blank), std::string::npos) << text;
}

TEST(ClientTexts, HaveNoHintsWithoutALegend)
{
    auto snapshot = sample_snapshot();
    const Look bare{.legend = false};
    EXPECT_EQ(render_status(snapshot, bare).find("virtpinctl explain"), std::string::npos);
    snapshot.guests.resize(1);
    snapshot.guests.resize(12, snapshot.guests.front());
    const auto text = render_status(snapshot, bare);
    EXPECT_NE(text.find("and 4 more guests\n"), std::string::npos) << text;
}

TEST(ClientTexts, OfferToUndoOnlyWhatIsOfTheGuestItself)
{
    const Look look{.legend = true};
    auto guest = sample_snapshot().guests[4];
    guest.policy_source = "config";
    guest.own.emplace();
    auto why = render_explanation(guest, {}, look);
    EXPECT_EQ(why.find("undo:"), std::string::npos) << why;
    EXPECT_NE(why.find("to leave it alone: virtpinctl set win11 none"), std::string::npos) << why;
    guest.own->push_back({.source = "metadata", .policy = "", .options = {{"priority", "5"}}});
    why = render_explanation(guest, {}, look);
    EXPECT_NE(why.find("undo: virtpinctl reset win11"), std::string::npos) << why;
}

TEST(ClientTexts, OfAPolicyThatCannotBeReadSayItOnceAndHowToMendIt)
{
    auto guest = sample_snapshot().guests[2];
    guest.own.emplace().push_back({.source = "unreadable", .policy = "", .options = {}});
    guest.last_error = {"InvalidPolicy", "'smtt' is no option."};
    const auto why = render_explanation(
        guest, {.reasons = {{"broken", "Left alone: 'smtt' is no option.", "note"}}},
        {.legend = true});
    EXPECT_EQ(why.find("smtt"), why.rfind("smtt")) << why;
    EXPECT_NE(why.find("virtpinctl set nas POLICY --clear"), std::string::npos) << why;
    EXPECT_NE(why.find("virtpinctl reset nas"), std::string::npos) << why;
}

TEST(ClientTexts, KeepColumnsInLineWhereNamesHaveBackslashes)
{
    const auto table = render_table(
        {{.title = "GUEST"}, {.title = "STATE"}},
        {{{"a\\b"}, {"on"}}, {{"a\\x09"}, {"on"}}, {{"abcdef"}, {"on"}}}, {.legend = true});
    EXPECT_EQ(table, "GUEST   STATE\na\\b     on\na\\x09   on\nabcdef  on\n");
}

} // namespace
} // namespace virtpind::client
