// SPDX-License-Identifier: LGPL-2.1-or-later
#include "event_loop.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>

namespace virtpind::loop {

// The callback lives at a stable address for as long as sd-event may call it.
struct Source::Impl {
    sd_event_source* source = nullptr;
    std::string* failure = nullptr;
    std::function<void(std::uint32_t)> on_event;
};

void Source::Deleter::operator()(Impl* impl) const noexcept
{
    sd_event_source_disable_unref(impl->source);
    delete impl; // NOLINT(cppcoreguidelines-owning-memory): this is the owner's deleter
}

namespace {

void require(int status, const char* doing)
{
    if (status < 0) {
        throw std::runtime_error{"failed to " + std::string{doing} + ": " + std::strerror(-status)};
    }
}

std::uint64_t monotonic_usec()
{
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

// A source that fails would be silently disabled by sd-event; the daemon cannot live without any
// of its sources, so a failure ends the loop instead.
void finish(sd_event_source* source, Priority priority)
{
    require(sd_event_source_set_exit_on_failure(source, 1), "arm an event source");
    require(sd_event_source_set_priority(source, static_cast<std::int64_t>(priority)),
            "arm an event source");
}

int guarded(void* data, std::uint32_t events) noexcept
{
    // Copies: the callback may destroy its own source.
    const auto& impl = *static_cast<Source::Impl*>(data);
    auto& failure = *impl.failure;
    try {
        const auto on_event = impl.on_event;
        on_event(events);
        return 0;
    } catch (const std::exception& error) {
        failure = error.what();
    } catch (...) {
        failure = "an exception of unknown type";
    }
    return -EIO;
}

int on_io(sd_event_source* /*source*/, int /*fd*/, std::uint32_t events, void* impl)
{
    return guarded(impl, events);
}

int on_signal_info(sd_event_source* /*source*/, const signalfd_siginfo* /*info*/, void* impl)
{
    return guarded(impl, 0);
}

int on_timer(sd_event_source* /*source*/, std::uint64_t /*usec*/, void* impl)
{
    return guarded(impl, 0);
}

} // namespace

Result<EventLoop> EventLoop::create()
{
    sd_event* event = nullptr;
    if (const auto status = sd_event_new(&event); status < 0) {
        return Error{.code = Errc::internal,
                     .message =
                         std::string{"failed to create an event loop: "} + std::strerror(-status)};
    }
    return EventLoop{event};
}

int EventLoop::run()
{
    return sd_event_loop(event_.get());
}

void EventLoop::stop(int code)
{
    sd_event_exit(event_.get(), code);
}

Source EventLoop::watch_fd(int fd, std::uint32_t events, Priority priority,
                           std::function<void(std::uint32_t)> on_ready)
{
    Source source;
    source.impl_.reset(new Source::Impl{nullptr, failure_.get(), std::move(on_ready)});
    require(
        sd_event_add_io(event_.get(), &source.impl_->source, fd, events, on_io, source.impl_.get()),
        "watch a file descriptor");
    finish(source.impl_->source, priority);
    return source;
}

Source EventLoop::watch_signal(int signal, std::function<void()> on_signal)
{
    Source source;
    source.impl_.reset(new Source::Impl{
        nullptr, failure_.get(), [callback = std::move(on_signal)](std::uint32_t) { callback(); }});
    require(sd_event_add_signal(event_.get(), &source.impl_->source, signal, on_signal_info,
                                source.impl_.get()),
            "watch a signal");
    finish(source.impl_->source, Priority::signals);
    return source;
}

Timer::Timer(EventLoop& loop, std::function<void()> on_time)
    : event_{loop.raw()}, failure_{loop.failure_.get()}, on_time_{std::move(on_time)}
{}

void Timer::start(std::chrono::microseconds delay)
{
    Source source;
    source.impl_.reset(new Source::Impl{nullptr, failure_, [this](std::uint32_t) {
                                            stop();
                                            on_time_();
                                        }});
    // Not sd_event_add_time_relative(), which counts from when this turn of the loop began: that is
    // too early in a callback that takes long. Accuracy 1: the default of 0 means 250 ms of slack.
    require(sd_event_add_time(event_, &source.impl_->source, CLOCK_MONOTONIC,
                              monotonic_usec() + static_cast<std::uint64_t>(delay.count()), 1,
                              on_timer, source.impl_.get()),
            "start a timer");
    finish(source.impl_->source, Priority::timers);
    source_ = std::move(source);
}

void Timer::stop()
{
    source_ = Source{};
}

} // namespace virtpind::loop
