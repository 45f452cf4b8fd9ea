// SPDX-License-Identifier: LGPL-2.1-or-later
// Bounds what waits at the same time, per key and in all.
#pragma once

#include "common/result.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace virtpind {

template <class Key, std::size_t Each, std::size_t Total>
class Quota {
public:
    static constexpr std::size_t each_max = Each;
    static constexpr std::size_t total_max = Total;

    enum class Taken { yes, full };

    [[nodiscard]] bool full(const Key& key) const
    {
        return total_ >= total_max || of(key) >= each_max;
    }

    [[nodiscard]] Taken take(const Key& key)
    {
        if (full(key)) {
            return Taken::full;
        }
        ++used_[key];
        ++total_;
        return Taken::yes;
    }

    // Precondition: taken.
    void give_back(const Key& key)
    {
        const auto used = used_.find(key);
        if (--used->second == 0) {
            used_.erase(used);
        }
        --total_;
    }

    [[nodiscard]] std::size_t of(const Key& key) const
    {
        const auto used = used_.find(key);
        return used == used_.end() ? 0 : used->second;
    }

    // Why there is no place for `key`, and what to do about it; `what` are things that are limited.
    [[nodiscard]] Error exhausted(std::string_view what, const Key& key) const
    {
        return {.code = Errc::limits_exceeded,
                .message = "too many " + std::string{what} + " (" + std::to_string(of(key)) +
                           " of yours, at most " + std::to_string(Each) + "; " +
                           std::to_string(total_) + " in all, at most " + std::to_string(Total) +
                           "); wait for their answers, then try again"};
    }

private:
    std::map<Key, std::size_t> used_; // never 0
    std::size_t total_ = 0;
};

} // namespace virtpind
