// SPDX-License-Identifier: LGPL-2.1-or-later
// A tree of control groups and a /sys of plain files, which keep what is written to them: one node
// with a network card.
#pragma once

#include "daemon/isolate_helper/isolate_session.hpp"
#include "temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>

namespace virtpind::test {

inline std::string played_scope(int id, const std::string& name)
{
    return R"(machine-qemu\x2d)" + std::to_string(id) + R"(\x2d)" + name + ".scope";
}

class PlayedGroups {
public:
    // 8 CPUs, siblings 2n and 2n+1.
    PlayedGroups()
        : PlayedGroups(8, [](unsigned cpu) {
            return std::to_string(cpu & ~1U) + "-" + std::to_string(cpu | 1U);
        })
    {}

    PlayedGroups(unsigned cpus, const std::function<std::string(unsigned)>& siblings)
    {
        const auto all = "0-" + std::to_string(cpus - 1);
        write("cgroup.controllers", "cpuset cpu");
        write("cpuset.cpus.effective", all);
        add_group("machine.slice");
        write("machine.slice/cgroup.kill", "");
        std::filesystem::permissions(path("machine.slice/cgroup.kill"),
                                     std::filesystem::perms::owner_write); // as the kernel has it
        const std::string cpu = "sys/devices/system/cpu/";
        write(cpu + "online", all);
        for (unsigned i = 0; i < cpus; ++i) {
            write(cpu + "cpu" + std::to_string(i) + "/topology/thread_siblings_list", siblings(i));
        }
        write("sys/devices/system/node/node0/cpulist", all);
        write("sys/bus/pci/devices/0000:01:00.0/class", "0x020000");
        write("sys/bus/pci/devices/0000:01:00.0/numa_node", "0");
    }

    // Threads and their pins.
    void add_guest(const std::string& scope, const std::map<std::string, std::string>& threads,
                   const std::string& slice = "machine.slice")
    {
        const auto group = slice + "/" + scope;
        add_group(group);
        add_group(group + "/libvirt");
        for (const auto& [name, pins] : threads) {
            add_group(group + "/libvirt/" + name);
            write(group + "/libvirt/" + name + "/cpuset.cpus", pins);
        }
    }

    [[nodiscard]] IsolateHost open() const
    {
        return {.cgroups = HostDir::open(path("").c_str()).value(),
                .sys = HostDir::open(path("sys").c_str()).value()};
    }

    [[nodiscard]] std::string partition(const std::string& scope, const std::string& thread) const
    {
        return text("machine.slice/" + scope + "/libvirt/" + thread + "/cpuset.cpus.partition");
    }

    [[nodiscard]] std::string exclusive(const std::string& scope, const std::string& thread) const
    {
        return text("machine.slice/" + scope + "/libvirt/" + thread + "/cpuset.cpus.exclusive");
    }

    [[nodiscard]] std::filesystem::path path(const std::string& file) const
    {
        return folder_.path() / file;
    }

    // Without the last newline.
    [[nodiscard]] std::string text(const std::string& file) const
    {
        std::ifstream stream{path(file)};
        std::string all{std::istreambuf_iterator<char>{stream}, {}};
        while (!all.empty() && all.back() == '\n') {
            all.pop_back();
        }
        return all;
    }

    void write(const std::string& file, const std::string& content) const
    {
        std::filesystem::create_directories(path(file).parent_path());
        std::ofstream{path(file)} << content << '\n';
    }

    void remove(const std::string& file) const { std::filesystem::remove_all(path(file)); }

private:
    void add_group(const std::string& group) const
    {
        write(group + "/cpuset.cpus", "");
        write(group + "/cpuset.cpus.exclusive", "");
        write(group + "/cpuset.cpus.partition", "member");
    }

    TemporaryFolder folder_;
};

} // namespace virtpind::test
