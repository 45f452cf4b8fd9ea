// SPDX-License-Identifier: LGPL-2.1-or-later
// The terms of Cost that add up over cores and zones, packed so that comparing two scores compares
// the terms in order. Lexicographic order is kept by addition, which is why the search may
// combine the best of the parts (packing.hpp).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace virtpind {

class Score {
public:
    // In the order of Cost. `loose`: vCPUs that are not part of a whole guest core on one host
    // core; as the number of vCPUs is fixed, fewer loose ones are more guest cores kept whole.
    enum class Term : std::uint8_t {
        nodes,
        device,
        packages,
        unquiet,
        loose,
        l3,
        split,
        shared,
        neighbours,
        big_caches,
        room,
        moves,
        io_nodes,
        loaded,
        broken_nodes,
        broken_l3s,
        broken_cores,
        small_cache,
    };

    // Worse than any real score.
    [[nodiscard]] static constexpr Score impossible()
    {
        Score score;
        score.words_.front() = ~std::uint64_t{0};
        return score;
    }

    [[nodiscard]] constexpr bool possible() const { return words_.front() != ~std::uint64_t{0}; }

    // Precondition: the sum of all amounts of a term stays below 2^16 (id_set_limit sees to it).
    constexpr void add(Term term, std::size_t amount)
    {
        const auto field = static_cast<std::size_t>(term);
        words_[field / per_word] += std::uint64_t{amount}
                                    << (field_bits * (per_word - 1 - field % per_word));
    }

    constexpr void add_rank(std::uint64_t rank) { words_[words_.size() - 2] += rank; }

    // Among equal costs: pairs of vCPUs on different L3s. 8+2 is better than 6+4, for the guest
    // and for what is left. For a guest that is shaped like its CPUs, pairs on one L3: equal parts
    // need no gaps in its numbering.
    constexpr void add_scatter(std::uint64_t pairs) { words_.back() += pairs; }

    [[nodiscard]] constexpr std::uint32_t get(Term term) const
    {
        const auto field = static_cast<std::size_t>(term);
        const auto word = words_[field / per_word];
        return static_cast<std::uint32_t>(
            (word >> (field_bits * (per_word - 1 - field % per_word))) & 0xffffU);
    }

    [[nodiscard]] constexpr std::uint64_t rank() const { return words_[words_.size() - 2]; }

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
    static constexpr std::size_t field_bits = 16;
    static constexpr std::size_t per_word = 4;
    std::array<std::uint64_t, 7> words_{}; // 18 fields of 20, the rank, the scatter
};

} // namespace virtpind
