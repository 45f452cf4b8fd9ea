// SPDX-License-Identifier: LGPL-2.1-or-later
#include "uevent_watch.hpp"

#include <linux/netlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>

namespace virtpind {

namespace {

constexpr std::uint32_t kernel_group = 1; // udev's own messages go to group 2
constexpr std::chrono::milliseconds uevent_debounce_time{200};
constexpr std::size_t uevent_bytes_max = 8192; // the kernel's buffer is 2048

loop::UniqueFd open_uevents()
{
    loop::UniqueFd fd{
        ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)};
    if (!fd) {
        return fd;
    }
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = kernel_group;
    // The sockets API takes every address family through this pointer type.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::bind(fd.get(), generic, sizeof address) != 0) {
        return {};
    }
    return fd;
}

} // namespace

UeventWatch::UeventWatch(loop::EventLoop& loop, std::function<void()> on_change)
    : socket_{open_uevents()}, debounce_{loop, std::move(on_change)}
{
    if (!socket_) {
        problem_ = "failed to listen to kernel uevents; the periodic pass notices CPU hotplug";
        return;
    }
    source_ = loop.watch_fd(socket_.get(), EPOLLIN, loop::Priority::host,
                            [this](std::uint32_t) { on_readable(); });
}

void UeventWatch::on_readable()
{
    std::array<char, uevent_bytes_max> buffer{};
    for (;;) {
        sockaddr_nl sender{};
        socklen_t length = sizeof sender;
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as above
        auto* generic = reinterpret_cast<sockaddr*>(&sender);
        const auto got =
            ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, generic, &length);
        if (got < 0 && errno == ENOBUFS) {
            debounce(); // some were lost: they may have been ours
            continue;
        }
        if (got <= 0) {
            return;
        }
        // Anybody may send to a netlink socket; only the kernel has port 0.
        const std::string_view uevent{buffer.data(), static_cast<std::size_t>(got)};
        if (sender.nl_pid == 0 && is_layout_event(uevent)) {
            debounce();
        }
    }
}

// Not put off by the events that follow: a device that comes and goes for ever would starve it.
void UeventWatch::debounce()
{
    if (!debounce_.running()) {
        debounce_.start(uevent_debounce_time);
    }
}

bool is_layout_event(std::string_view uevent)
{
    while (!uevent.empty()) {
        const auto end = uevent.find('\0');
        const auto field = uevent.substr(0, end);
        if (field == "SUBSYSTEM=cpu" || field == "SUBSYSTEM=node" || field == "SUBSYSTEM=memory") {
            return true;
        }
        uevent.remove_prefix(end == std::string_view::npos ? uevent.size() : end + 1);
    }
    return false;
}

} // namespace virtpind
