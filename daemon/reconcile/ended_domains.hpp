// SPDX-License-Identifier: LGPL-2.1-or-later
// Domains that stopped or were undefined, as events told, before the present look began and since.
// A domain that a look does not show has gone for certain only if its end was told before the look.
// Main thread.
#pragma once

#include "common/base/ids.hpp"

#include <cstddef>
#include <set>
#include <utility>

namespace virtpind {

class EndedDomains {
public:
    // An end beyond this many is forgotten, as if its event had been lost.
    static constexpr std::size_t domains_max = 4096;

    void add(const DomainUuid& uuid)
    {
        if (before_look_.size() + since_.size() < domains_max) {
            since_.insert(uuid);
        }
    }

    void begin_look() { before_look_.merge(std::exchange(since_, {})); }

    // Those told before the present look began; forgets them.
    [[nodiscard]] std::set<DomainUuid> take() { return std::exchange(before_look_, {}); }

private:
    std::set<DomainUuid> before_look_;
    std::set<DomainUuid> since_;
};

} // namespace virtpind
