// SPDX-License-Identifier: LGPL-2.1-or-later
// Callers who wait for what comes of a pass: the running one, or the next. Bounded; all are
// answered, once. Main thread.
#pragma once

#include "common/base/result.hpp"
#include "common/base/uuid.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace virtpind {

// What came of the pass for one waiter: fine, or why not.
using PassReply = std::function<void(Result<void>)>;

struct Waiter {
    std::optional<DomainUuid> uuid; // absent: for all domains
    PassReply reply;
};

class Waiters {
public:
    static constexpr std::size_t waiting_max = 1024; // for both passes together

    // Whether one more may wait. Error: limits_exceeded.
    [[nodiscard]] Result<void> check_slot() const;

    // A slot for one that will come later; it gives it back when it comes.
    void keep_slot() noexcept { ++kept_; }

    void give_slot_back() noexcept { --kept_; }

    // Of the next pass. Precondition: there is a slot.
    void add(Waiter waiter) { next_.push_back(std::move(waiter)); }

    // The pass begins that the next ones wait for.
    void begin_pass() { running_ = std::exchange(next_, {}); }

    // Those of the running pass wait for the next, before those who wait for it already.
    void put_off();
    // The same of those who asked for this domain, or for all.
    void put_off(const DomainUuid& uuid);

    // Answers those of the running pass: each with `failure`, or with what `result` says of the
    // domain that it asked for.
    void end_pass(const std::optional<Error>& failure,
                  const std::function<Result<void>(const DomainUuid&)>& result);

    // Answers all of them.
    void refuse_all(const Error& why);

    [[nodiscard]] bool any_for_next() const noexcept { return !next_.empty(); }

    // Of the running pass: somebody asked for this domain; for it or for all; for any one domain.
    [[nodiscard]] bool ask_for(const DomainUuid& uuid) const;
    [[nodiscard]] bool want(const DomainUuid& uuid) const;
    [[nodiscard]] bool ask_for_one() const;

private:
    std::vector<Waiter> next_;
    std::vector<Waiter> running_;
    std::size_t kept_ = 0;
};

} // namespace virtpind
