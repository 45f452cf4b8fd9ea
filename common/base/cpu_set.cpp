// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cpu_set.hpp"

#include <algorithm>
#include <charconv>

namespace virtpind::detail {

namespace {

std::string_view strip(std::string_view text)
{
    constexpr std::string_view blanks = " \t\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// At most this much of somebody's text goes into a message.
std::string shown(std::string_view text)
{
    constexpr std::size_t shown_max = 80;
    return text.size() <= shown_max ? std::string{text}
                                    : std::string{text.substr(0, shown_max)} + "...";
}

Error bad_list(std::string_view whole, const std::string& why)
{
    return Error{.code = Errc::invalid_argument,
                 .message = "'" + shown(whole) + "' is not a list of numbers: " + why +
                            "; write it like \"0-3,8\""};
}

Result<std::uint32_t> parse_id(std::string_view whole, std::string_view text)
{
    std::uint32_t value = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty()) {
        return bad_list(whole, "a number is missing");
    }
    if (end != text.data() + text.size() || status == std::errc::invalid_argument) {
        return bad_list(whole, "'" + shown(text) + "' is not a number");
    }
    if (status == std::errc::result_out_of_range || value >= id_set_limit) {
        return bad_list(whole,
                        shown(text) + " is above the limit of " + std::to_string(id_set_limit - 1));
    }
    return value;
}

} // namespace

std::uint32_t BitWords::last() const noexcept
{
    auto at = inside_words + outside_.size() - 1;
    while (at > 0 && word_at(at) == 0) {
        --at;
    }
    return static_cast<std::uint32_t>(at) * word_bits + (word_bits - 1) -
           static_cast<std::uint32_t>(std::countl_zero(word_at(at)));
}

void BitWords::set_outside(std::uint32_t bit)
{
    const auto at = bit / word_bits - inside_words;
    if (at >= outside_.size()) {
        outside_.resize(at + 1, 0);
    }
    outside_[at] |= mask_of(bit);
}

void BitWords::reset_outside(std::uint32_t bit)
{
    const auto at = bit / word_bits - inside_words;
    if (at < outside_.size()) {
        outside_[at] &= ~mask_of(bit);
        trim();
    }
}

void BitWords::unite_outside(const BitWords& other)
{
    outside_.resize(std::max(outside_.size(), other.outside_.size()), 0);
    for (std::size_t i = 0; i < other.outside_.size(); ++i) {
        outside_[i] |= other.outside_[i];
    }
}

void BitWords::intersect_outside(const BitWords& other)
{
    outside_.resize(std::min(outside_.size(), other.outside_.size()));
    for (std::size_t i = 0; i < outside_.size(); ++i) {
        outside_[i] &= other.outside_[i];
    }
    trim();
}

void BitWords::subtract_outside(const BitWords& other)
{
    const auto shared = std::min(outside_.size(), other.outside_.size());
    for (std::size_t i = 0; i < shared; ++i) {
        outside_[i] &= ~other.outside_[i];
    }
    trim();
}

bool BitWords::intersects_outside(const BitWords& other) const noexcept
{
    const auto shared = std::min(outside_.size(), other.outside_.size());
    for (std::size_t i = 0; i < shared; ++i) {
        if ((outside_[i] & other.outside_[i]) != 0) {
            return true;
        }
    }
    return false;
}

bool BitWords::includes_outside(const BitWords& other) const noexcept
{
    if (other.outside_.size() > outside_.size()) {
        return false;
    }
    for (std::size_t i = 0; i < other.outside_.size(); ++i) {
        if ((other.outside_[i] & ~outside_[i]) != 0) {
            return false;
        }
    }
    return true;
}

std::size_t BitWords::common_outside(const BitWords& other) const noexcept
{
    std::size_t total = 0;
    const auto shared = std::min(outside_.size(), other.outside_.size());
    for (std::size_t i = 0; i < shared; ++i) {
        total += count_ones(outside_[i] & other.outside_[i]);
    }
    return total;
}

void BitWords::trim()
{
    while (!outside_.empty() && outside_.back() == 0) {
        outside_.pop_back();
    }
}

std::string format_id_list(const BitWords& words)
{
    std::string text;
    for (auto first = words.next(0); first < id_set_limit;) {
        auto last = first;
        while (last + 1 < id_set_limit && words.test(last + 1)) {
            ++last;
        }
        text += (text.empty() ? "" : ",") + std::to_string(first);
        if (last != first) {
            text += "-" + std::to_string(last);
        }
        first = words.next(last + 1);
    }
    return text;
}

Result<BitWords> parse_id_list(std::string_view text)
{
    BitWords wanted;
    BitWords excluded;
    auto rest = strip(text);
    if (rest.empty()) {
        return wanted;
    }
    for (auto more = true; more;) {
        const auto comma = rest.find(',');
        more = comma != std::string_view::npos;
        auto part = strip(rest.substr(0, comma));
        rest.remove_prefix(more ? comma + 1 : rest.size());

        auto& target = part.starts_with('^') ? excluded : wanted;
        if (part.starts_with('^')) {
            part.remove_prefix(1);
        }
        const auto dash = part.find('-');
        auto first = parse_id(text, strip(part.substr(0, dash)));
        if (!first) {
            return std::move(first).error();
        }
        auto last =
            dash == std::string_view::npos ? first : parse_id(text, strip(part.substr(dash + 1)));
        if (!last) {
            return std::move(last).error();
        }
        if (*last < *first) {
            return bad_list(text, std::to_string(*first) + "-" + std::to_string(*last) +
                                      " is descending");
        }
        for (auto bit = *first; bit <= *last; ++bit) {
            target.set(bit);
        }
    }
    wanted.subtract(excluded);
    return wanted;
}

} // namespace virtpind::detail
