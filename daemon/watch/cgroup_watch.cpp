// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cgroup_watch.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace virtpind {

namespace {

// The thread is in libvirt's XML before its group is made; one burst plugs several.
constexpr std::chrono::milliseconds cgroup_debounce_time{20};

// In a domain's group, where libvirt keeps the threads' groups if systemd made the domain's.
constexpr std::string_view nested_group = "libvirt";

// The id in "machine-qemu\x2dID\x2dNAME.scope" or "qemu-ID-NAME.libvirt-qemu".
std::optional<int> id_in(std::string_view name)
{
    using namespace std::string_view_literals;
    for (const auto& [before, after] :
         {std::pair{R"(machine-qemu\x2d)"sv, R"(\x2d)"sv}, std::pair{"qemu-"sv, "-"sv}}) {
        if (!name.starts_with(before)) {
            continue;
        }
        const auto rest = name.substr(before.size());
        unsigned id = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), id);
        const auto digits = static_cast<std::size_t>(end - rest.data());
        if (error == std::errc{} && rest.substr(digits).starts_with(after)) {
            return static_cast<int>(id);
        }
    }
    return std::nullopt;
}

} // namespace

std::multimap<int, std::filesystem::path> find_domain_groups(const std::filesystem::path& root)
{
    std::multimap<int, std::filesystem::path> groups;
    for (const auto* parent :
         {"machine.slice", "cpuset/machine.slice", "machine", "cpuset/machine"}) {
        std::error_code failed;
        for (std::filesystem::directory_iterator entry{root / parent, failed}, end;
             !failed && entry != end; entry.increment(failed)) {
            if (const auto id = id_in(entry->path().filename().native())) {
                groups.emplace(*id, entry->path());
            }
        }
    }
    return groups;
}

CgroupWatch::CgroupWatch(loop::EventLoop& loop, std::function<void(DomainUuid)> on_thread,
                         std::filesystem::path root)
    : on_thread_{std::move(on_thread)}
    , root_{std::move(root)}
    , inotify_{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)}
    , debounce_{loop, [this] { tell(); }}
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
        watches_.try_emplace(uuid, Watch{.id = id});
    }
    add_missing();
}

// A new domain's, and those that failed: its group may have come after it was listed.
void CgroupWatch::add_missing()
{
    const auto is_missing = [](const auto& watch) { return watch.second.descriptors.empty(); };
    if (!inotify_ || std::none_of(watches_.begin(), watches_.end(), is_missing)) {
        return;
    }
    const auto groups = find_domain_groups(root_);
    for (auto& [uuid, watch] : watches_) {
        if (!watch.descriptors.empty()) {
            continue;
        }
        const auto [begin, end] = groups.equal_range(watch.id);
        for (auto group = begin; group != end; ++group) {
            const auto descriptor = add_watch(group->second);
            if (descriptor >= 0) {
                watch.descriptors.push_back(descriptor);
                by_descriptor_[descriptor] = uuid;
            }
        }
    }
}

// The group itself first: what is made in it from then on is heard of.
int CgroupWatch::add_watch(const std::filesystem::path& group) const
{
    const auto watch = [this](const std::filesystem::path& path) {
        return ::inotify_add_watch(inotify_.get(), path.c_str(), IN_CREATE | IN_ONLYDIR);
    };
    const auto outer = watch(group);
    const auto inner = watch(group / nested_group);
    if (inner < 0) {
        return outer;
    }
    ::inotify_rm_watch(inotify_.get(), outer);
    return inner;
}

void CgroupWatch::drop(Watch& watch)
{
    for (const auto descriptor : watch.descriptors) {
        // Fails when the group is gone, and the watch with it.
        ::inotify_rm_watch(inotify_.get(), descriptor);
        by_descriptor_.erase(descriptor);
    }
    watch.descriptors.clear();
}

// The group itself may be among what nobody told of: all are watched anew.
void CgroupWatch::on_overflow()
{
    for (auto& [uuid, watch] : watches_) {
        changed_.insert(uuid);
        drop(watch);
    }
}

void CgroupWatch::on_readable()
{
    auto dropped = false;
    alignas(inotify_event) std::array<char, 4096> buffer{};
    for (;;) {
        const auto got = ::read(inotify_.get(), buffer.data(), buffer.size());
        if (got <= 0) {
            break;
        }
        for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            const std::string_view name{event.len > 0 ? buffer.data() + at + sizeof event : ""};
            at += sizeof event + event.len;
            if ((event.mask & IN_Q_OVERFLOW) != 0) {
                on_overflow();
                dropped = true;
                continue;
            }
            const auto domain = by_descriptor_.find(event.wd);
            if (domain == by_descriptor_.end() || (event.mask & IN_CREATE) == 0) {
                continue;
            }
            changed_.insert(domain->second);
            if (name == nested_group) { // the domain's group was watched before that was there
                drop(watches_.at(domain->second));
                dropped = true;
            }
        }
    }
    if (dropped) {
        add_missing();
    }
    if (!changed_.empty() && !debounce_.running()) {
        debounce_.start(cgroup_debounce_time);
    }
}

void CgroupWatch::tell()
{
    for (const auto& uuid : std::exchange(changed_, {})) {
        on_thread_(uuid);
    }
}

} // namespace virtpind
