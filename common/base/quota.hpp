// SPDX-License-Identifier: LGPL-2.1-or-later
// Limits the number of open items, per key and in total. Users with a share of their own can be
// counted apart.
#pragma once

#include "result.hpp"

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace virtpind {

// Root and the service's own user, who could end the service anyway: they have a share of their own
// of every limit.
[[nodiscard]] inline bool has_own_share(uid_t user)
{
    return user == 0 || user == geteuid();
}

template <class Key, std::size_t Each, std::size_t Total>
class Quota {
public:
    // Keys for which `apart` is true have the limit per key, but do not count in total.
    explicit Quota(bool (*apart)(Key) = [](Key) { return false; }) : apart_{apart} {}

    static constexpr std::size_t each_max = Each;
    static constexpr std::size_t total_max = Total;

    enum class Taken { yes, full };

    [[nodiscard]] bool full(const Key& key) const
    {
        return (total_ >= total_max && !apart_(key)) || of(key) >= each_max;
    }

    [[nodiscard]] Taken take(const Key& key)
    {
        if (full(key)) {
            return Taken::full;
        }
        ++used_[key];
        if (!apart_(key)) {
            ++total_;
        }
        return Taken::yes;
    }

    // Precondition: taken.
    void give_back(const Key& key)
    {
        const auto used = used_.find(key);
        if (--used->second == 0) {
            used_.erase(used);
        }
        if (!apart_(key)) {
            --total_;
        }
    }

    [[nodiscard]] std::size_t of(const Key& key) const
    {
        const auto used = used_.find(key);
        return used == used_.end() ? 0 : used->second;
    }

    // The error when there is no place for `key`, with the next step; `what` are the limited items.
    [[nodiscard]] Error exhausted(std::string_view what, const Key& key) const
    {
        return {.code = Errc::limits_exceeded,
                .message = "too many " + std::string{what} + " (" + std::to_string(of(key)) +
                           " of yours, at most " + std::to_string(Each) + "; " +
                           std::to_string(total_) + " in all, at most " + std::to_string(Total) +
                           "); wait for their replies, then try again"};
    }

private:
    bool (*apart_)(Key);
    std::map<Key, std::size_t> used_; // never 0
    std::size_t total_ = 0;           // without those apart
};

} // namespace virtpind
