// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/planner/place/score.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace virtpind {
namespace {

using Weight = CostTermInfo::Weight;

struct TermScore {
    CostTerm term{};
    Score one;
    Score most; // of a packed term: what its field holds
};

template <std::size_t row>
void append_score(std::vector<TermScore>& scores)
{
    constexpr auto term = static_cast<CostTerm>(row);
    if constexpr (Score::has(term)) {
        scores.push_back({.term = term, .one = {}, .most = {}});
        scores.back().one.template add<term>(1);
        scores.back().most.template add<term>(0xffff);
    }
}

template <std::size_t... rows>
std::vector<TermScore> scores_of(std::index_sequence<rows...> /*all*/)
{
    std::vector<TermScore> scores;
    (append_score<rows>(scores), ...);
    return scores;
}

TEST(CostTerms, EveryRowHasAKeyAndASentence)
{
    for (const auto& row : cost_term_table) {
        EXPECT_FALSE(row.name.empty());
        EXPECT_EQ(row.gain.has_value(), row.weight >= Weight::wished) << row.name;
        EXPECT_TRUE(row.meaning.ends_with('.')) << row.name;
    }
}

TEST(CostTerms, TheFirstTermThatDiffersDecides)
{
    for (std::size_t i = 0; i + 1 < cost_term_count; ++i) {
        const Cost heavy{{static_cast<CostTerm>(i), 1}};
        const Cost light{{static_cast<CostTerm>(i + 1), 1'000'000}};
        EXPECT_LT(light, heavy) << cost_term_table[i].name;
    }
}

TEST(CostTerms, AddUpTermByTerm)
{
    Cost sum{{CostTerm::nodes, 1}, {CostTerm::rank, 5}};
    sum += Cost{{CostTerm::nodes, 2}, {CostTerm::kind, 3}};
    EXPECT_EQ(sum, (Cost{{CostTerm::kind, 3}, {CostTerm::nodes, 3}, {CostTerm::rank, 5}}));
}

TEST(CostTerms, PartsKeepTheTermsOfTheirWeight)
{
    const Cost cost{{CostTerm::l3, 2}, {CostTerm::small_cache, 3}, {CostTerm::moves, 4}};
    EXPECT_EQ(terms_of(cost, Weight::weighty), (Cost{{CostTerm::l3, 2}}));
    EXPECT_EQ(terms_of(cost, Weight::wished),
              (Cost{{CostTerm::l3, 2}, {CostTerm::small_cache, 3}}));
    EXPECT_EQ(terms_of(cost, Weight::slight), cost);
}

TEST(CostTerms, PerfectIsWhatNoWeightyTermCouldImprove)
{
    Cost cost{{CostTerm::nodes, 1}, {CostTerm::packages, 1}, {CostTerm::l3, 1}};
    cost[CostTerm::moves] = 7;
    EXPECT_TRUE(is_perfect(cost));
    cost[CostTerm::partial_cores] = 1;
    EXPECT_FALSE(is_perfect(cost));
}

TEST(Scores, CompareTheTermsInTheOrderOfTheTable)
{
    const auto scores = scores_of(std::make_index_sequence<cost_term_count>{});
    ASSERT_GT(scores.size(), 10U);
    for (std::size_t i = 0; i < scores.size(); ++i) {
        EXPECT_EQ(scores[i].most.get(scores[i].term), 0xffffU);
        EXPECT_TRUE(scores[i].most.possible());
        auto later = Score{};
        for (std::size_t j = i + 1; j < scores.size(); ++j) {
            EXPECT_EQ(scores[i].most.get(scores[j].term), 0U);
            later += scores[j].most;
        }
        later.add_scatter(0xffff);
        EXPECT_LT(later, scores[i].one)
            << cost_term_table[static_cast<std::size_t>(scores[i].term)].name;
    }
}

} // namespace
} // namespace virtpind
