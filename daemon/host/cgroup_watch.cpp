// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cgroup_watch.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>

#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace virtpind::host {

namespace {

// The thread is in libvirt's XML before its group is made; one burst plugs several.
constexpr std::chrono::milliseconds settle_time{20};

} // namespace

std::filesystem::path find_domain_group(const std::filesystem::path& root, int id)
{
    const auto number = std::to_string(id);
    const std::array prefixes{"machine-qemu\\x2d" + number + "\\x2d", "qemu-" + number + "-"};
    for (const auto* parent :
         {"machine.slice", "cpuset/machine.slice", "machine", "cpuset/machine"}) {
        std::error_code failed;
        for (const auto& entry : std::filesystem::directory_iterator{root / parent, failed}) {
            const auto name = entry.path().filename().string();
            if (!name.starts_with(prefixes[0]) && !name.starts_with(prefixes[1])) {
                continue;
            }
            const auto nested = entry.path() / "libvirt";
            return std::filesystem::is_directory(nested, failed) ? nested : entry.path();
        }
    }
    return {};
}

CgroupWatch::CgroupWatch(loop::EventLoop& loop, std::function<void(DomainUuid)> on_thread,
                         std::filesystem::path root)
    : on_thread_{std::move(on_thread)}
    , root_{std::move(root)}
    , inotify_{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)}
    , settle_{loop, [this] { tell(); }}
{
    if (inotify_) {
        source_ = loop.watch_fd(inotify_.get(), EPOLLIN, loop::Priority::host,
                                [this](std::uint32_t) { on_readable(); });
    }
}

void CgroupWatch::follow(const std::map<DomainUuid, int>& running)
{
    for (auto at = watches_.begin(); at != watches_.end();) {
        const auto still = running.find(at->first);
        if (still != running.end() && still->second == at->second.id) {
            ++at;
            continue;
        }
        drop(at->second);
        at = watches_.erase(at);
    }
    for (const auto& [uuid, id] : running) {
        const auto [at, is_new] = watches_.try_emplace(uuid, Watch{.id = id});
        if (is_new) {
            at->second.descriptor = add_watch(id);
        }
        if (is_new && at->second.descriptor >= 0) {
            by_descriptor_[at->second.descriptor] = uuid;
        }
    }
}

int CgroupWatch::add_watch(int id) const
{
    const auto group = find_domain_group(root_, id);
    if (!inotify_ || group.empty()) {
        return -1;
    }
    return ::inotify_add_watch(inotify_.get(), group.c_str(), IN_CREATE | IN_ONLYDIR);
}

void CgroupWatch::drop(const Watch& watch)
{
    if (watch.descriptor >= 0) {
        // Fails when the group is gone, and the watch with it.
        ::inotify_rm_watch(inotify_.get(), watch.descriptor);
        by_descriptor_.erase(watch.descriptor);
    }
}

void CgroupWatch::on_readable()
{
    alignas(inotify_event) std::array<char, 4096> buffer{};
    for (;;) {
        const auto got = ::read(inotify_.get(), buffer.data(), buffer.size());
        if (got <= 0) {
            break;
        }
        for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            at += sizeof event + event.len;
            const auto domain = by_descriptor_.find(event.wd);
            if (domain != by_descriptor_.end() && (event.mask & IN_CREATE) != 0) {
                changed_.insert(domain->second);
            }
        }
    }
    if (!changed_.empty()) {
        settle_.start(settle_time);
    }
}

void CgroupWatch::tell()
{
    for (const auto& uuid : std::exchange(changed_, {})) {
        on_thread_(uuid);
    }
}

} // namespace virtpind::host
