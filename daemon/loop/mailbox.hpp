// SPDX-License-Identifier: LGPL-2.1-or-later
// Values from any thread to the main thread: a bounded queue and an eventfd.
#pragma once

#include "common/base/unique_fd.hpp"
#include "event_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

namespace virtpind::loop {

enum class Posted { stored, full };

template <class T>
class Mailbox {
public:
    // `on_value` runs on the loop thread, once per value, in order of posting.
    Mailbox(EventLoop& loop, std::size_t capacity, Priority priority,
            std::function<void(T)> on_value)
        : capacity_{capacity}
        , on_value_{std::move(on_value)}
        , bell_{make_bell()}
        , source_{loop.watch_fd(bell_.get(), EPOLLIN, priority, [this](std::uint32_t) { drain(); })}
    {}

    // Any thread. `full` means the value was dropped: the caller decides what that implies.
    [[nodiscard]] Posted post(T value)
    {
        {
            const std::lock_guard lock{mutex_};
            if (queue_.size() >= capacity_) {
                return Posted::full;
            }
            queue_.push_back(std::move(value));
        }
        const std::uint64_t one = 1;
        // Only fails with EAGAIN when 2^64-2 rings are pending: the bell is ringing then.
        [[maybe_unused]] const auto written = ::write(bell_.get(), &one, sizeof one);
        return Posted::stored;
    }

private:
    static UniqueFd make_bell()
    {
        UniqueFd fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        if (!fd) {
            throw std::runtime_error{std::string{"eventfd: "} + std::strerror(errno)};
        }
        return fd;
    }

    void drain()
    {
        std::uint64_t rings = 0;
        [[maybe_unused]] const auto got = ::read(bell_.get(), &rings, sizeof rings);
        std::deque<T> values;
        {
            const std::lock_guard lock{mutex_};
            values.swap(queue_);
        }
        for (auto& value : values) {
            on_value_(std::move(value));
        }
    }

    const std::size_t capacity_;
    std::function<void(T)> on_value_;
    std::mutex mutex_;
    std::deque<T> queue_; // guarded by mutex_
    UniqueFd bell_;
    Source source_;
};

} // namespace virtpind::loop
