// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/loop_attachment.hpp"

#include "dbus/sdbus_compat.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <string>
#include <system_error>
#include <utility>

namespace virtpind::bus {

namespace {

// A turn of the loop costs as much as the reading of a message.
constexpr std::chrono::microseconds process_at_most{250};

// Runs a callback that libsystemd calls; an exception becomes the error that ends the loop.
template <class Body>
int trampoline(Body body) noexcept
{
    try {
        return body();
    } catch (const std::exception&) {
        return -EIO;
    }
}

// As CLOCK_MONOTONIC counts them.
std::uint64_t usec(FairQueue::Clock::time_point time)
{
    const auto since = std::chrono::ceil<std::chrono::microseconds>(time.time_since_epoch());
    return static_cast<std::uint64_t>(since.count());
}

void require(int r)
{
    if (r < 0) {
        throw std::system_error{-r, std::generic_category()};
    }
}

} // namespace

LoopAttachment::LoopAttachment(sdbus::IConnection& connection, Door& door, FairQueue& turns)
    : connection_{connection}
    , bus_{raw_bus(connection)}
    , door_{door}
    , turns_{turns}
    , inlet_{bus_, poll_state(connection).fd,
             [&door](const RawHead& head) { return door.is_unwanted(head); }}
{}

Result<void> LoopAttachment::attach(sd_event* event)
{
    try {
        const auto poll = poll_state(connection_);
        sd_event_source* source = nullptr;

        require(sd_event_add_io(event, &source, poll.fd, poll.events, on_bus_io, this));
        io_.reset(source);
        require(sd_event_source_set_description(source, "bus"));
        require(sd_event_source_set_prepare(source, on_prepare));
        require(sd_event_source_set_exit_on_failure(source, 1));

        require(sd_event_add_time(event, &source, CLOCK_MONOTONIC, 0, 0, on_deadline, this));
        deadline_.reset(source);
        require(sd_event_source_set_description(source, "bus-deadline"));
        require(sd_event_source_set_exit_on_failure(source, 1));

        require(sd_event_add_time(event, &source, CLOCK_MONOTONIC, 0, 1, on_turn, this));
        turn_.reset(source);
        require(sd_event_source_set_description(source, "bus-turn"));
        require(sd_event_source_set_exit_on_failure(source, 1));

        if (poll.wake_fd >= 0) {
            require(sd_event_add_io(event, &source, poll.wake_fd, EPOLLIN, on_wake, this));
            wake_.reset(source);
            require(sd_event_source_set_description(source, "bus-wake"));
            require(sd_event_source_set_exit_on_failure(source, 1));
        }
        return {};
    } catch (const std::exception& e) {
        return Error{.code = Errc::internal,
                     .message =
                         std::string{"failed to attach the bus to the event loop: "} + e.what()};
    }
}

int LoopAttachment::on_prepare(sd_event_source* /*source*/, void* self) noexcept
{
    return trampoline([self] { return static_cast<LoopAttachment*>(self)->prepare(); });
}

int LoopAttachment::on_bus_io(sd_event_source* /*source*/, int /*fd*/, std::uint32_t /*events*/,
                              void* self) noexcept
{
    return trampoline([self] { return static_cast<LoopAttachment*>(self)->process(); });
}

int LoopAttachment::on_wake(sd_event_source* /*source*/, int fd, std::uint32_t /*events*/,
                            void* self) noexcept
{
    std::uint64_t count = 0;
    if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN) {
        return -errno;
    }
    return trampoline([self] { return static_cast<LoopAttachment*>(self)->process(); });
}

int LoopAttachment::on_deadline(sd_event_source* /*source*/, std::uint64_t /*now*/,
                                void* self) noexcept
{
    return trampoline([self] {
        static_cast<LoopAttachment*>(self)->door_.process_without_reading();
        return 0;
    });
}

int LoopAttachment::on_turn(sd_event_source* /*source*/, std::uint64_t /*now*/, void* self) noexcept
{
    return trampoline([self] {
        auto& turns = static_cast<LoopAttachment*>(self)->turns_;
        if (!turns.empty() && turns.due() <= FairQueue::Clock::now()) { // who was may have left
            turns.take_next();
        }
        return 0;
    });
}

// Before every poll: what the connection waits for changes with each message sent or received. A
// message already read but not dispatched shows as a deadline in the past.
int LoopAttachment::prepare()
{
    const auto poll = poll_state(connection_);
    const auto writes = (poll.events & EPOLLOUT) != 0;
    require(sd_event_source_set_io_events(io_.get(), writes ? EPOLLOUT : EPOLLIN));
    require(sd_event_source_set_time(deadline_.get(), poll.deadline_usec));
    require(sd_event_source_set_enabled(deadline_.get(), SD_EVENT_ONESHOT));

    schedule_turn(!writes);
    return 0;
}

// Armed anew only for what is due earlier: to set the time of one that is due already would put it
// behind the messages that wait, each time.
void LoopAttachment::schedule_turn(bool bus_has_room)
{
    const auto wanted = bus_has_room && !turns_.empty();
    int enabled = SD_EVENT_OFF;
    require(sd_event_source_get_enabled(turn_.get(), &enabled));
    if (!wanted) {
        if (enabled != SD_EVENT_OFF) {
            require(sd_event_source_set_enabled(turn_.get(), SD_EVENT_OFF));
        }
        return;
    }
    const auto due = usec(turns_.due());
    if (enabled == SD_EVENT_OFF || due < armed_for_) {
        armed_for_ = due;
        require(sd_event_source_set_time(turn_.get(), due));
        require(sd_event_source_set_enabled(turn_.get(), SD_EVENT_ONESHOT));
    }
}

bool LoopAttachment::waits_to_write() const
{
    const int events = sd_bus_get_events(bus_);
    require(events);
    return (static_cast<unsigned>(events) & EPOLLOUT) != 0;
}

// A few messages at a time, so that sources of higher priority get their turn in between.
int LoopAttachment::process()
{
    if (waits_to_write()) {
        door_.process_without_reading();
        return 0;
    }
    const auto until = FairQueue::Clock::now() + process_at_most;
    do {
        switch (inlet_.look()) {
        case Inlet::Next::nothing:
            return 0;
        case Inlet::Next::throwing_away:
            break;
        case Inlet::Next::message:
            if (!process_one(connection_)) {
                return 0;
            }
            break;
        }
    } while (!waits_to_write() && FairQueue::Clock::now() < until);
    return 0;
}

} // namespace virtpind::bus
