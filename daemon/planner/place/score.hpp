// SPDX-License-Identifier: LGPL-2.1-or-later
// The terms of Cost that add up over cores and zones, packed so that comparing two scores compares
// the terms in order. Lexicographic order is kept by addition, which is why the search may
// combine the best of the parts (core_packing.hpp).
#pragma once

#include "common/model/cost_terms.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace virtpind {

// Where each term is in a score, in the order of the table: packed ones four to a word, halves two,
// wide ones a word each.
struct ScoreLayout {
    struct Field {
        std::size_t word = 0;
        unsigned shift = 0;
        std::uint64_t mask = 0; // 0: the term has no field
    };

    constexpr ScoreLayout()
    {
        constexpr unsigned word_bits = 64;
        auto used = word_bits; // of the last word
        for (std::size_t i = 0; i < cost_term_count; ++i) {
            const auto bits = bits_of(cost_term_table[i].sum);
            if (bits == 0) {
                continue;
            }
            if (used + bits > word_bits) {
                ++words;
                used = 0;
            }
            used += bits;
            fields[i] = {.word = words - 1,
                         .shift = word_bits - used,
                         .mask = ~std::uint64_t{0} >> (word_bits - bits)};
        }
    }

    static constexpr unsigned bits_of(CostTermInfo::Sum sum)
    {
        switch (sum) {
        case CostTermInfo::Sum::packed:
            return 16;
        case CostTermInfo::Sum::half:
            return 32;
        case CostTermInfo::Sum::wide:
            return 64;
        case CostTermInfo::Sum::apart:
            break;
        }
        return 0;
    }

    std::array<Field, cost_term_count> fields{};
    std::size_t words = 0;
};

// The field of CostTerm::siblings counts unpaired vCPUs: those that are not part of a whole guest
// core on one host core. As the number of vCPUs is fixed, fewer of them are more guest cores kept
// whole.
class Score {
public:
    // Worse than any real score.
    [[nodiscard]] static constexpr Score impossible()
    {
        Score score;
        score.words_.front() = ~std::uint64_t{0};
        return score;
    }

    [[nodiscard]] constexpr bool possible() const { return words_.front() != ~std::uint64_t{0}; }

    // Whether the term has a field.
    [[nodiscard]] static constexpr bool has(CostTerm term) { return field_of(term).mask != 0; }

    // Precondition: the sum of all amounts of a term stays within its bits. id_set_limit sees to
    // it for counts of CPUs, and for distances that they are at most 255.
    template <CostTerm term>
    constexpr void add(std::uint64_t amount)
    {
        static_assert(has(term), "the term does not add up");
        constexpr auto field = field_of(term);
        words_[field.word] += amount << field.shift;
    }

    // The same where the term is not known when this is compiled. Precondition: it has a field.
    constexpr void add(CostTerm term, std::uint64_t amount)
    {
        const auto& field = field_of(term);
        words_[field.word] += amount << field.shift;
    }

    // Among equal costs: pairs of vCPUs on different L3s. 8+2 is better than 6+4, for the guest
    // and for what is left. For a guest that is shaped like its CPUs, pairs on one L3: equal parts
    // need no gaps in its numbering.
    constexpr void add_scatter(std::uint64_t pairs) { words_.back() += pairs; }

    [[nodiscard]] constexpr std::uint64_t scatter() const { return words_.back(); }

    // The bits of both: no term of either is larger than the same one of the result.
    constexpr Score& operator|=(const Score& other)
    {
        for (std::size_t i = 0; i < words_.size(); ++i) {
            words_[i] |= other.words_[i];
        }
        return *this;
    }

    // 0 for a term that has no field.
    [[nodiscard]] constexpr std::uint64_t get(CostTerm term) const
    {
        const auto field = field_of(term);
        return (words_[field.word] >> field.shift) & field.mask;
    }

    // Precondition: both possible.
    constexpr Score& operator+=(const Score& other)
    {
        for (std::size_t i = 0; i < words_.size(); ++i) {
            words_[i] += other.words_[i];
        }
        return *this;
    }

    friend constexpr Score operator+(Score a, const Score& b)
    {
        a += b;
        return a;
    }

    friend constexpr auto operator<=>(const Score&, const Score&) = default;

private:
    static constexpr ScoreLayout layout{};

    static constexpr const ScoreLayout::Field& field_of(CostTerm term)
    {
        return layout.fields[static_cast<std::size_t>(term)];
    }

    std::array<std::uint64_t, layout.words + 1> words_{}; // the last one is the scatter
};

} // namespace virtpind
