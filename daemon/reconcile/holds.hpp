// SPDX-License-Identifier: LGPL-2.1-or-later
// Domains that callers ask to leave alone for now: D-Bus Hold and Release. A hold is kept in the
// record of its domain and ends with it, with its release, or with its owner. Main thread.
#pragma once

#include "common/model/control_port.hpp"
#include "reconciler.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace virtpind {

class Holds {
public:
    explicit Holds(Reconciler& reconciler) : reconciler_{reconciler} {} // which outlives this

    // As those of ControlPort.
    void hold(const DomainUuid& uuid, const std::string& reason, const std::string& owner,
              Reply<std::uint64_t> reply);
    [[nodiscard]] std::optional<DomainUuid> held_under(std::uint64_t cookie) const;
    [[nodiscard]] Result<void> release(std::uint64_t cookie, const std::string& owner);
    void owner_vanished(const std::string& owner);

private:
    // The cookie of the new hold.
    [[nodiscard]] Result<std::uint64_t> add(const DomainUuid& uuid, const std::string& reason,
                                            const std::string& owner);
    // The hold is refused after all; its domain was in the state `before` when it was asked for.
    void take_away(const DomainUuid& uuid, std::uint64_t cookie, PinState before);
    // Whether the domain had any that `ends` takes; its back-off goes with them.
    template <class Ends>
    bool end(const DomainUuid& uuid, Ends ends);

    Reconciler& reconciler_;
    std::uint64_t last_cookie_ = 0;
};

} // namespace virtpind
