// SPDX-License-Identifier: LGPL-2.1-or-later
// Bounds what waits at the same time, per key and in all.
#pragma once

#include <cstddef>
#include <map>

namespace virtpind::bus {

template <class Key>
class Quota {
public:
    static constexpr std::size_t each_max = 8;
    static constexpr std::size_t total_max = 64;

    enum class Taken { yes, full };

    [[nodiscard]] Taken take(const Key& key)
    {
        if (total_ >= total_max || of(key) >= each_max) {
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

    [[nodiscard]] std::size_t total() const { return total_; }

private:
    std::map<Key, std::size_t> used_; // never 0
    std::size_t total_ = 0;
};

} // namespace virtpind::bus
