// SPDX-License-Identifier: LGPL-2.1-or-later
// The main thread's sd-event loop in RAII: sources remove themselves when they are destroyed.
// Thread: everything here belongs to the thread that runs the loop; only Mailbox::post
// (mailbox.hpp) may be called from elsewhere. A callback that throws ends the loop with an error:
// nothing unwinds through C.
#pragma once

#include "common/base/result.hpp"

#include <systemd/sd-event.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace virtpind::loop {

// Smaller values run first. A reply on the bus then reflects all earlier events, and a busy bus
// does not delay timers (of the watchdog and the period).
enum class Priority : std::int64_t { signals = -20, host = -10, timers = -5, bus = 0 };

// An owned sd_event_source together with its callback.
class Source {
public:
    Source() = default;

    explicit operator bool() const noexcept { return static_cast<bool>(impl_); }

    struct Impl;

private:
    friend class EventLoop;
    friend class Timer;

    struct Deleter {
        void operator()(Impl* impl) const noexcept;
    };

    std::unique_ptr<Impl, Deleter> impl_;
};

class EventLoop {
public:
    // Error: internal, when the kernel refuses an epoll instance.
    [[nodiscard]] static Result<EventLoop> create();

    // Runs until stop(); returns its code, or a negative errno when a source failed.
    int run();
    void stop(int code);

    // The message of the exception that ended the loop; empty: there was none.
    [[nodiscard]] const std::string& failure() const noexcept { return *failure_; }

    // EPOLLIN and others; `on_ready` gets the pending events. The descriptor is borrowed.
    [[nodiscard]] Source watch_fd(int fd, std::uint32_t events, Priority priority,
                                  std::function<void(std::uint32_t)> on_ready);
    // The signal must be blocked in every thread.
    [[nodiscard]] Source watch_signal(int signal, std::function<void()> on_signal);

    // For attaching other sources (the bus connection). Borrowed.
    [[nodiscard]] sd_event* raw() const noexcept { return event_.get(); }

private:
    friend class Timer;

    struct Unref {
        void operator()(sd_event* event) const noexcept { sd_event_unref(event); }
    };

    explicit EventLoop(sd_event* event) : event_{event} {}

    std::unique_ptr<sd_event, Unref> event_;
    std::unique_ptr<std::string> failure_ = std::make_unique<std::string>(); // sources point to it
};

// A monotonic one-shot timer; starting it again replaces the deadline.
class Timer {
public:
    Timer(EventLoop& loop, std::function<void()> on_time);
    void start(std::chrono::microseconds delay);
    void stop();

    [[nodiscard]] bool running() const noexcept { return static_cast<bool>(source_); }

private:
    sd_event* event_;
    std::string* failure_;
    std::function<void()> on_time_;
    Source source_;
};

} // namespace virtpind::loop
