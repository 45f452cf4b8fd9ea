// SPDX-License-Identifier: LGPL-2.1-or-later
// Callers who wait for the result of a pass, the running one or the next. Their number is bounded,
// and each is answered exactly once. Main thread.
#pragma once

#include "common/base/result.hpp"
#include "common/base/uuid.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace virtpind {

// The result of the pass for one waiter.
using PassReply = std::function<void(Result<void>)>;

struct Waiter {
    std::optional<DomainUuid> uuid; // absent: for all domains
    PassReply reply;
};

class Waiters {
public:
    static constexpr std::size_t waiting_max = 1024; // for both passes together

    // Whether another caller may wait. Error: limits_exceeded.
    [[nodiscard]] Result<void> check_slot() const;

    // Reserves a slot for a caller that is added later; the slot is given back just before that.
    void keep_slot() noexcept { ++kept_; }

    void give_slot_back() noexcept { --kept_; }

    // Adds a waiter for the next pass. Precondition: there is a slot.
    void add(Waiter waiter) { next_.push_back(std::move(waiter)); }

    // The next pass begins: its waiters become those of the running pass.
    void begin_pass() { running_ = std::exchange(next_, {}); }

    // The waiters of the running pass wait for the next one, ahead of those who wait for it
    // already.
    void put_off();
    // The same for waiters who asked for this domain, or for all domains.
    void put_off(const DomainUuid& uuid);

    // Answers the waiters of the running pass: with `failure`, or with the `result` of the domain
    // that the waiter asked for.
    void end_pass(const std::optional<Error>& failure,
                  const std::function<Result<void>(const DomainUuid&)>& result);

    // Answers all waiters with `why`.
    void refuse_all(const Error& why);

    [[nodiscard]] bool any_for_next() const noexcept { return !next_.empty(); }

    // Whether a waiter of the running pass asked for this domain; for it or for all; for any single
    // domain.
    [[nodiscard]] bool ask_for(const DomainUuid& uuid) const;
    [[nodiscard]] bool want(const DomainUuid& uuid) const;
    [[nodiscard]] bool ask_for_one() const;

private:
    std::vector<Waiter> next_;
    std::vector<Waiter> running_;
    std::size_t kept_ = 0;
};

} // namespace virtpind
