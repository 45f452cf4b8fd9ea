// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dense_score.hpp"

#include <algorithm>
#include <bit>

namespace virtpind {

namespace {

constexpr unsigned word_bits = 64;

} // namespace

DenseFormat::DenseFormat(const ScoreBounds& most) : free_bits_{word_bits - 1}
{
    for (const auto& row : cost_term_table) {
        const auto bits = std::min(
            static_cast<unsigned>(std::bit_width(most.terms[static_cast<std::size_t>(row.term)])),
            ScoreLayout::bits_of(row.sum));
        if (bits > 0) {
            fields_[used_++] = next_field(row.term, bits);
        }
    }
    scatter_ = next_field({}, static_cast<unsigned>(std::bit_width(most.scatter | 1U)));
}

DenseFormat::Field DenseFormat::next_field(CostTerm term, unsigned bits)
{
    if (bits > free_bits_) {
        ++words_;
        free_bits_ = word_bits;
    }
    free_bits_ -= bits;
    return {.term = term,
            .word = words_ - 1,
            .shift = free_bits_,
            .mask = ~std::uint64_t{0} >> (word_bits - bits)};
}

} // namespace virtpind
