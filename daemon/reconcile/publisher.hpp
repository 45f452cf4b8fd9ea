// SPDX-License-Identifier: LGPL-2.1-or-later
// What the bus is told: views of the whole state, then what a pass did to single domains. Main
// thread.
#pragma once

#include "bus_views.hpp"
#include "outcome.hpp"

#include <cstdint>
#include <vector>

namespace virtpind {

class Publisher {
public:
    // Replaces the receiver of all that follows; it must outlive this or be replaced.
    void show_to(ViewSink& sink) { sink_ = &sink; }

    // Keeps what a pass did to the domain until announce(): before the views are published, the bus
    // may not know the domain yet.
    void keep(const DomainRecord& record, Verdict verdict);

    // Sends the views of this state to the receiver.
    void publish(const ManagerViewInput& state);

    // Sends what was kept, once.
    void announce();

    // Grows with every publication: what was derived from an earlier state is old.
    [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }

private:
    struct Announcement {
        DomainUuid uuid;
        std::uint64_t generation = 0;
        Verdict verdict;
    };

    ViewSink* sink_ = nullptr;
    std::vector<Announcement> announcements_;
    std::uint64_t revision_ = 0;
};

} // namespace virtpind
