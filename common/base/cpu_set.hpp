// SPDX-License-Identifier: LGPL-2.1-or-later
// Sets of small ids (CPUs, nodes, vCPUs) with set algebra and the kernel's list syntax "0-3,8".
// A value.
#pragma once

#include "ids.hpp"
#include "result.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind {

// Largest id any set accepts plus one; libvirt's own limit for a cpuset in XML.
inline constexpr std::uint32_t id_set_limit = 16384;

namespace detail {

// Ones in a word. std::popcount calls a function where the compiler may not assume the instruction.
[[nodiscard]] constexpr std::uint64_t count_ones(std::uint64_t word) noexcept
{
    word -= (word >> 1U) & 0x5555'5555'5555'5555U;
    word = (word & 0x3333'3333'3333'3333U) + ((word >> 2U) & 0x3333'3333'3333'3333U);
    word = (word + (word >> 4U)) & 0x0F0F'0F0F'0F0F'0F0FU;
    return (word * 0x0101'0101'0101'0101U) >> 56U;
}

// Id-agnostic storage; the template below adds the type. Most sets of most hosts need no memory of
// their own.
class BitWords {
public:
    void set(std::uint32_t bit)
    {
        if (bit < inside_bits) {
            inside_[bit / word_bits] |= mask_of(bit);
        } else {
            set_outside(bit);
        }
    }

    void reset(std::uint32_t bit)
    {
        if (bit < inside_bits) {
            inside_[bit / word_bits] &= ~mask_of(bit);
        } else {
            reset_outside(bit);
        }
    }

    [[nodiscard]] bool test(std::uint32_t bit) const noexcept
    {
        return (word_at(bit / word_bits) & mask_of(bit)) != 0;
    }

    [[nodiscard]] bool empty() const noexcept
    {
        std::uint64_t any = 0;
        for (const auto word : inside_) {
            any |= word;
        }
        return any == 0 && outside_.empty();
    }

    [[nodiscard]] std::size_t count() const noexcept
    {
        std::uint64_t total = 0;
        for (const auto word : inside_) {
            total += word == 0 ? 0 : count_ones(word); // most are
        }
        for (const auto word : outside_) {
            total += count_ones(word);
        }
        return total;
    }

    // The first member at or after `from`, or id_set_limit when there is none.
    [[nodiscard]] std::uint32_t next(std::uint32_t from) const noexcept
    {
        const auto words = inside_words + outside_.size();
        std::size_t at = from / word_bits;
        auto bits = word_at(at) & (~std::uint64_t{0} << (from % word_bits));
        while (bits == 0) {
            if (++at >= words) {
                return id_set_limit;
            }
            bits = word_at(at);
        }
        return static_cast<std::uint32_t>(at) * word_bits +
               static_cast<std::uint32_t>(std::countr_zero(bits));
    }

    [[nodiscard]] std::uint32_t last() const noexcept; // precondition: not empty

    void unite(const BitWords& other)
    {
        for (std::size_t i = 0; i < inside_words; ++i) {
            inside_[i] |= other.inside_[i];
        }
        if (!other.outside_.empty()) {
            unite_outside(other);
        }
    }

    void intersect(const BitWords& other)
    {
        for (std::size_t i = 0; i < inside_words; ++i) {
            inside_[i] &= other.inside_[i];
        }
        if (!outside_.empty()) {
            intersect_outside(other);
        }
    }

    void subtract(const BitWords& other)
    {
        for (std::size_t i = 0; i < inside_words; ++i) {
            inside_[i] &= ~other.inside_[i];
        }
        if (!outside_.empty()) {
            subtract_outside(other);
        }
    }

    [[nodiscard]] bool intersects(const BitWords& other) const noexcept
    {
        std::uint64_t common = 0;
        for (std::size_t i = 0; i < inside_words; ++i) {
            common |= inside_[i] & other.inside_[i];
        }
        return common != 0 || (!outside_.empty() && intersects_outside(other));
    }

    [[nodiscard]] bool includes(const BitWords& other) const noexcept
    {
        std::uint64_t missing = 0;
        for (std::size_t i = 0; i < inside_words; ++i) {
            missing |= other.inside_[i] & ~inside_[i];
        }
        return missing == 0 && (other.outside_.empty() || includes_outside(other));
    }

    [[nodiscard]] std::size_t common_count(const BitWords& other) const noexcept
    {
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < inside_words; ++i) {
            const auto common = inside_[i] & other.inside_[i];
            total += common == 0 ? 0 : count_ones(common);
        }
        return outside_.empty() ? total : total + common_outside(other);
    }

    friend bool operator==(const BitWords&, const BitWords&) = default;

private:
    static constexpr std::uint32_t word_bits = 64;
    static constexpr std::size_t inside_words = 8;
    static constexpr std::uint32_t inside_bits = inside_words * word_bits;

    [[nodiscard]] static constexpr std::uint64_t mask_of(std::uint32_t bit)
    {
        return std::uint64_t{1} << (bit % word_bits);
    }

    // 0 beyond the last one.
    [[nodiscard]] std::uint64_t word_at(std::size_t at) const noexcept
    {
        if (at < inside_words) {
            return inside_[at];
        }
        at -= inside_words;
        return at < outside_.size() ? outside_[at] : 0;
    }

    void set_outside(std::uint32_t bit);
    void reset_outside(std::uint32_t bit);
    void unite_outside(const BitWords& other);
    void intersect_outside(const BitWords& other);
    void subtract_outside(const BitWords& other);
    [[nodiscard]] bool intersects_outside(const BitWords& other) const noexcept;
    [[nodiscard]] bool includes_outside(const BitWords& other) const noexcept;
    [[nodiscard]] std::size_t common_outside(const BitWords& other) const noexcept;
    void trim();

    std::array<std::uint64_t, inside_words> inside_{};
    std::vector<std::uint64_t> outside_; // of larger ids, without trailing zeros
};

[[nodiscard]] std::string format_id_list(const BitWords& words);
[[nodiscard]] Result<BitWords> parse_id_list(std::string_view text);

} // namespace detail

template <class Id>
class IdSet {
public:
    class iterator {
    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = Id;
        using difference_type = std::ptrdiff_t;
        using pointer = const Id*;
        using reference = Id;

        iterator() = default;

        iterator(const detail::BitWords* words, std::uint32_t at) : words_{words}, at_{at} {}

        Id operator*() const { return Id{at_}; }

        iterator& operator++()
        {
            at_ = words_->next(at_ + 1);
            return *this;
        }

        iterator operator++(int)
        {
            auto old = *this;
            ++*this;
            return old;
        }

        friend bool operator==(const iterator& a, const iterator& b) { return a.at_ == b.at_; }

    private:
        const detail::BitWords* words_ = nullptr;
        std::uint32_t at_ = id_set_limit;
    };

    using value_type = Id;

    IdSet() = default;

    IdSet(std::initializer_list<Id> ids)
    {
        for (const auto id : ids) {
            insert(id);
        }
    }

    // Ids first..last, both included. Precondition: first <= last < id_set_limit.
    [[nodiscard]] static IdSet range(std::uint32_t first, std::uint32_t last)
    {
        IdSet set;
        for (auto id = first; id <= last; ++id) {
            set.insert(Id{id});
        }
        return set;
    }

    // "0-3,8", "0-7,^2" (libvirt's exclusion), "" is the empty set. Blanks around parts are
    // allowed.
    [[nodiscard]] static Result<IdSet> parse(std::string_view text)
    {
        auto words = detail::parse_id_list(text);
        if (!words) {
            return std::move(words).error();
        }
        IdSet set;
        set.words_ = std::move(*words);
        return set;
    }

    // Canonical list, "" for the empty set.
    [[nodiscard]] std::string str() const { return detail::format_id_list(words_); }

    void insert(Id id) { words_.set(raw(id)); } // precondition: raw(id) < id_set_limit

    void erase(Id id) { words_.reset(raw(id)); }

    [[nodiscard]] bool contains(Id id) const noexcept { return words_.test(raw(id)); }

    [[nodiscard]] std::size_t size() const noexcept { return words_.count(); }

    [[nodiscard]] bool empty() const noexcept { return words_.empty(); }

    [[nodiscard]] bool has_one() const noexcept
    {
        const auto first = words_.next(0);
        return first != id_set_limit && words_.next(first + 1) == id_set_limit;
    }

    [[nodiscard]] Id front() const { return Id{words_.next(0)}; } // precondition: not empty

    [[nodiscard]] Id back() const { return Id{words_.last()}; } // precondition: not empty

    [[nodiscard]] iterator begin() const { return {&words_, words_.next(0)}; }

    [[nodiscard]] iterator end() const { return {&words_, id_set_limit}; }

    [[nodiscard]] bool intersects(const IdSet& o) const noexcept
    {
        return words_.intersects(o.words_);
    }

    [[nodiscard]] bool includes(const IdSet& o) const noexcept { return words_.includes(o.words_); }

    // |this & o| without building the intersection.
    [[nodiscard]] std::size_t common(const IdSet& o) const noexcept
    {
        return words_.common_count(o.words_);
    }

    IdSet& operator|=(const IdSet& o)
    {
        words_.unite(o.words_);
        return *this;
    }

    IdSet& operator&=(const IdSet& o)
    {
        words_.intersect(o.words_);
        return *this;
    }

    IdSet& operator-=(const IdSet& o)
    {
        words_.subtract(o.words_);
        return *this;
    }

    friend IdSet operator|(IdSet a, const IdSet& b)
    {
        a |= b;
        return a;
    }

    friend IdSet operator&(IdSet a, const IdSet& b)
    {
        a &= b;
        return a;
    }

    friend IdSet operator-(IdSet a, const IdSet& b)
    {
        a -= b;
        return a;
    }

    friend bool operator==(const IdSet&, const IdSet&) = default;

private:
    detail::BitWords words_;
};

using CpuSet = IdSet<CpuId>;
using NodeSet = IdSet<NodeId>;
using VcpuSet = IdSet<VcpuId>;

} // namespace virtpind
