// SPDX-License-Identifier: LGPL-2.1-or-later
// Notices vCPUs and I/O threads that are plugged into a running domain: libvirt sends no event for
// them, but it makes a control group for each new thread, which inotify on the domain's group
// reports. Best effort: the periodic pass handles domains in partitions of their own and hosts
// without these groups. Main thread.
#pragma once

#include "common/base/ids.hpp"
#include "common/base/unique_fd.hpp"
#include "daemon/loop/event_loop.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <vector>

namespace virtpind {

class CgroupWatch {
public:
    // `on_thread` is called once per domain and burst, a moment after the group was made. When the
    // kernel has dropped events, it is called for every watched domain.
    CgroupWatch(loop::EventLoop& loop, std::function<void(DomainUuid)> on_thread,
                std::filesystem::path root = "/sys/fs/cgroup");

    // Watches exactly these runs (libvirt id) from now on. Reads the directories once, and only
    // when a run is not watched yet.
    void follow(const std::map<DomainUuid, int>& running);

private:
    struct Watch {
        int id = 0; // of the run
        std::vector<int> descriptors;
    };

    void add_missing();
    [[nodiscard]] int add_watch(const std::filesystem::path& group) const;
    void drop(Watch& watch);
    void on_overflow();
    void on_readable();
    void tell();

    std::function<void(DomainUuid)> on_thread_;
    std::filesystem::path root_;
    loop::UniqueFd inotify_;
    std::map<DomainUuid, Watch> watches_;
    std::map<int, DomainUuid> by_descriptor_;
    std::set<DomainUuid> changed_; // since the last tell()
    loop::Timer debounce_;
    loop::Source source_;
};

// The groups of all domains by the id of their run. An id may have several groups: of another
// libvirtd on this kernel, or left behind by a killed one. Known layouts:
// machine.slice/machine-qemu\x2dID\x2dNAME.scope with systemd, machine/qemu-ID-NAME.libvirt-qemu
// without; cgroup v1 has either below the controller "cpuset". libvirt makes the threads' groups in
// them, or in their subdirectory "libvirt".
[[nodiscard]] std::multimap<int, std::filesystem::path>
find_domain_groups(const std::filesystem::path& root);

} // namespace virtpind
