// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/planner/place/dense_score.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace virtpind {
namespace {

ScoreBounds bounds(std::initializer_list<std::pair<CostTerm, std::uint64_t>> terms,
                   std::uint64_t scatter)
{
    ScoreBounds most;
    for (const auto& [term, amount] : terms) {
        most.terms.at(static_cast<std::size_t>(term)) = amount;
    }
    most.scatter = scatter;
    return most;
}

// Every combination of some amounts up to the bounds.
std::vector<Score> scores_within(const ScoreBounds& most)
{
    std::vector<Score> scores(1);
    for (const auto& row : cost_term_table) {
        const auto limit = most.terms.at(static_cast<std::size_t>(row.term));
        const auto count = scores.size();
        for (std::size_t i = 0; limit > 0 && i < count; ++i) {
            for (const auto amount : {limit, limit / 2 + 1}) {
                auto more = scores[i];
                more.add(row.term, amount);
                scores.push_back(more);
            }
        }
    }
    const auto count = scores.size();
    for (std::size_t i = 0; most.scatter > 0 && i < count; ++i) {
        auto more = scores[i];
        more.add_scatter(most.scatter);
        scores.push_back(more);
    }
    return scores;
}

template <std::size_t words>
void expect_same_order(const ScoreBounds& most)
{
    const DenseFormat format{most};
    ASSERT_EQ(format.words(), words);
    const auto scores = scores_within(most);
    ASSERT_GT(scores.size(), 8U);
    for (const auto& a : scores) {
        const auto dense = format.encode<DenseScore<words>>(a);
        EXPECT_EQ(format.decode(dense), a);
        EXPECT_TRUE(dense.possible());
        EXPECT_TRUE(dense < DenseScore<words>::impossible());
        for (const auto& b : scores) {
            const auto other = format.encode<DenseScore<words>>(b);
            EXPECT_EQ(dense < other, a < b);
            EXPECT_EQ(dense == other, a == b);
        }
    }
}

TEST(DenseScore, OneWordKeepsTheOrder)
{
    expect_same_order<1>(bounds(
        {{CostTerm::nodes, 8}, {CostTerm::siblings, 64}, {CostTerm::l3, 16}, {CostTerm::rank, 999}},
        4096));
}

TEST(DenseScore, TwoWordsKeepTheOrder)
{
    expect_same_order<2>(bounds({{CostTerm::nodes, 8},
                                 {CostTerm::device_distance, 1'000'000'000},
                                 {CostTerm::best_fit, 16'000},
                                 {CostTerm::rank, std::uint64_t{1} << 40U}},
                                1'000'000));
}

TEST(DenseScore, SumsUpToTheBoundsAreThoseOfScores)
{
    const auto most = bounds({{CostTerm::nodes, 7}, {CostTerm::l3, 7}, {CostTerm::moves, 7}}, 7);
    const DenseFormat format{most};
    Score part;
    part.add<CostTerm::nodes>(3);
    part.add<CostTerm::moves>(4);
    part.add_scatter(5);
    Score rest;
    rest.add<CostTerm::nodes>(4);
    rest.add<CostTerm::l3>(7);
    rest.add<CostTerm::moves>(3);
    auto sum = format.encode<DenseScore<1>>(part) + format.encode<DenseScore<1>>(rest);
    format.add_scatter(sum, 2);
    auto whole = part + rest;
    whole.add_scatter(2);
    EXPECT_EQ(format.decode(sum), whole);
}

TEST(DenseScore, ImpossibleStaysSo)
{
    const DenseFormat format{bounds({{CostTerm::nodes, 65'535}, {CostTerm::l3, 65'535}}, 1)};
    Score score;
    score.add<CostTerm::nodes>(65'535);
    score.add<CostTerm::l3>(65'535);
    const auto sum = DenseScore<1>::impossible() + format.encode<DenseScore<1>>(score);
    EXPECT_FALSE(sum.possible());
    EXPECT_FALSE(sum < DenseScore<1>::impossible());
}

TEST(DenseScore, WhatDoesNotFitTakesMoreWords)
{
    ScoreBounds most;
    for (auto& amount : most.terms) {
        amount = 65'535;
    }
    most.scatter = 1'000'000;
    EXPECT_GT(DenseFormat{most}.words(), 2U);
}

} // namespace
} // namespace virtpind
