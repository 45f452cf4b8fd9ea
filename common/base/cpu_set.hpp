// SPDX-License-Identifier: LGPL-2.1-or-later
// Sets of small ids (CPUs, nodes, vCPUs) with set algebra and the kernel's list syntax "0-3,8".
// A value; words are kept without trailing zeros, so equality is equality of sets.
#pragma once

#include "ids.hpp"
#include "result.hpp"

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

// Id-agnostic storage; the template below adds the type.
class BitWords {
public:
    void set(std::uint32_t bit);
    void reset(std::uint32_t bit);
    [[nodiscard]] bool test(std::uint32_t bit) const noexcept;
    [[nodiscard]] std::size_t count() const noexcept;

    [[nodiscard]] bool empty() const noexcept { return words_.empty(); }

    // The first member at or after `from`, or id_set_limit when there is none.
    [[nodiscard]] std::uint32_t next(std::uint32_t from) const noexcept;
    [[nodiscard]] std::uint32_t last() const noexcept; // precondition: not empty
    void unite(const BitWords& other);
    void intersect(const BitWords& other);
    void subtract(const BitWords& other);
    [[nodiscard]] bool intersects(const BitWords& other) const noexcept;
    [[nodiscard]] bool includes(const BitWords& other) const noexcept;
    [[nodiscard]] std::size_t common_count(const BitWords& other) const noexcept;

    [[nodiscard]] const std::vector<std::uint64_t>& words() const noexcept { return words_; }

    friend bool operator==(const BitWords&, const BitWords&) = default;

private:
    void trim();
    std::vector<std::uint64_t> words_;
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
