// SPDX-License-Identifier: LGPL-2.1-or-later
// The scores of one search in one or two words: a Score has room for every term of every host, but
// one search on one host meets few of them, and knows how large their sums can get. The order is
// the same, and so is what it survives: addition.
#pragma once

#include "score.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace virtpind {

template <std::size_t count>
struct DenseScore {
    std::array<std::uint64_t, count> words{};

    // Worse than any real score, and stays so when one is added.
    static constexpr std::uint64_t impossible_bit = std::uint64_t{1} << 63U;

    [[nodiscard]] static constexpr DenseScore impossible()
    {
        DenseScore score;
        score.words.front() = impossible_bit;
        return score;
    }

    [[nodiscard]] constexpr bool possible() const { return words.front() < impossible_bit; }

    // Precondition: at most one of them is impossible.
    friend constexpr DenseScore operator+(DenseScore a, const DenseScore& b)
    {
        for (std::size_t i = 0; i < count; ++i) {
            a.words[i] += b.words[i];
        }
        return a;
    }

    constexpr DenseScore& operator+=(const DenseScore& other) { return *this = *this + other; }

    friend constexpr bool operator<(const DenseScore& a, const DenseScore& b)
    {
        for (std::size_t i = 0; i + 1 < count; ++i) {
            if (a.words[i] != b.words[i]) {
                return a.words[i] < b.words[i];
            }
        }
        return a.words[count - 1] < b.words[count - 1];
    }

    friend constexpr bool operator==(const DenseScore&, const DenseScore&) = default;
};

// The most that each term can come to in one search.
struct ScoreBounds {
    std::array<std::uint64_t, cost_term_count> terms{}; // those without a field in Score: 0
    std::uint64_t scatter = 0;
};

// Where the terms are in the scores of one search. Terms that cannot occur have no place.
class DenseFormat {
public:
    explicit DenseFormat(const ScoreBounds& most);

    // How many words a score takes; may be more than a DenseScore is used for.
    [[nodiscard]] std::size_t words() const { return words_; }

    // `Value`: a DenseScore of at least words(), or Score itself. Precondition: `score` is possible
    // and within the bounds.
    template <class Value>
    [[nodiscard]] Value encode(const Score& score) const
    {
        if constexpr (std::is_same_v<Value, Score>) {
            return score;
        } else {
            Value value;
            for (std::size_t i = 0; i < used_; ++i) {
                value.words[fields_[i].word] += score.get(fields_[i].term) << fields_[i].shift;
            }
            value.words[scatter_.word] += score.scatter() << scatter_.shift;
            return value;
        }
    }

    template <class Value>
    [[nodiscard]] Score decode(const Value& value) const
    {
        if constexpr (std::is_same_v<Value, Score>) {
            return value;
        } else {
            Score score;
            for (std::size_t i = 0; i < used_; ++i) {
                score.add(fields_[i].term, amount_in(value, fields_[i]));
            }
            score.add_scatter(amount_in(value, scatter_));
            return score;
        }
    }

    // See Score::add_scatter.
    template <class Value>
    void add_scatter(Value& value, std::uint64_t pairs) const
    {
        if constexpr (std::is_same_v<Value, Score>) {
            value.add_scatter(pairs);
        } else {
            value.words[scatter_.word] += pairs << scatter_.shift;
        }
    }

private:
    struct Field {
        CostTerm term{};
        std::size_t word = 0;
        unsigned shift = 0;
        std::uint64_t mask = 0;
    };

    template <class Value>
    [[nodiscard]] static std::uint64_t amount_in(const Value& value, const Field& field)
    {
        return (value.words[field.word] >> field.shift) & field.mask;
    }

    [[nodiscard]] Field next_field(CostTerm term, unsigned bits);

    std::array<Field, cost_term_count> fields_{}; // the first `used_`
    std::size_t used_ = 0;
    Field scatter_;
    std::size_t words_ = 1;
    unsigned free_bits_; // of the last word
};

} // namespace virtpind
