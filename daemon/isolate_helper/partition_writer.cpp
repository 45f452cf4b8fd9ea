// SPDX-License-Identifier: LGPL-2.1-or-later
#include "partition_writer.hpp"

#include "guest_groups_reader.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace virtpind {

namespace {

const std::string partition_file = "cpuset.cpus.partition";
const std::string exclusive_file = "cpuset.cpus.exclusive";

std::string folder_of(const std::string& thread)
{
    return thread == idle_thread ? idle_group : thread;
}

// The groups of one guest, from the slice down to its threads.
class Writer {
public:
    Writer(HostDir machine, HostDir scope, HostDir threads)
        : machine_{std::move(machine)}, scope_{std::move(scope)}, threads_{std::move(threads)}
    {}

    // The thread runs as others do; a group of ours goes. One that is not there is as it should be.
    Result<void> end(const std::string& thread) const
    {
        const auto group = threads_.open_below(folder_of(thread));
        if (!group) {
            return {};
        }
        auto member = group->write(partition_file, "member");
        auto emptied = group->write(exclusive_file, "");
        if (thread == idle_thread && member && emptied) {
            return threads_.remove(idle_group);
        }
        return member ? std::move(emptied) : std::move(member);
    }

    // Down the path; the kernel lets a group have to itself only what those above it may give.
    Result<void> allow(const CpuSet& all, const CpuSet& of_guest) const
    {
        if (auto wrote = machine_.write(exclusive_file, all.str()); !wrote) {
            return wrote;
        }
        for (const auto* group : {&scope_, &threads_}) {
            if (auto wrote = group->write(exclusive_file, of_guest.str()); !wrote) {
                return wrote;
            }
        }
        return {};
    }

    // Less than before: from below, so that no group has what those above it have not.
    Result<void> restrict(const CpuSet& all, const CpuSet& of_guest) const
    {
        for (const auto* group : {&threads_, &scope_}) {
            if (auto wrote = group->write(exclusive_file, of_guest.str()); !wrote) {
                return wrote;
            }
        }
        return machine_.write(exclusive_file, all.str());
    }

    Result<void> begin(const std::string& thread, const CpuSet& cpus) const
    {
        if (thread == idle_thread) {
            if (auto made = threads_.make(idle_group); !made) {
                return made;
            }
        }
        const auto group = threads_.open_below(folder_of(thread));
        if (!group) {
            return group.error();
        }
        if (thread == idle_thread) {
            if (auto wrote = group->write("cgroup.type", "threaded"); !wrote) {
                return wrote;
            }
        }
        for (const auto& [file, text] : {std::pair{exclusive_file, cpus.str()},
                                         std::pair{partition_file, std::string{"isolated"}}}) {
            if (auto wrote = group->write(file, text); !wrote) {
                return wrote;
            }
        }
        auto word = group->read(partition_file);
        if (!word || *word != "isolated") {
            return Error{.code = Errc::unsatisfiable,
                         .message = thread + ": " + (word ? *word : word.error().message)};
        }
        return {};
    }

private:
    HostDir machine_;
    HostDir scope_;
    HostDir threads_;
};

// Threads of the guest that the request leaves out and that are pinned to some of its CPUs: most
// kernels refuse a partition beside them, and say only that it is not exclusive.
std::string find_overlap(const IsolationRequest& request, const GuestGroups& guest)
{
    constexpr std::size_t named_max = 3;
    const auto wanted = cpus_of(request.threads);
    std::size_t count = 0;
    std::string text;
    for (const auto& [name, group] : guest.threads) {
        if (!request.threads.contains(name) && group.pins.intersects(wanted) &&
            ++count <= named_max) {
            text += (text.empty() ? "" : ", ") + name + " to " + group.pins.str();
        }
    }
    return text.empty() ? text : "; pinned to some of these CPUs, too: " + text;
}

IsolationAnswer refuse_for(const Error& error, const IsolationRequest& request,
                           const GuestGroups& guest)
{
    const auto by_kernel = error.code == Errc::unsatisfiable || error.code == Errc::apply_failed;
    return {.refused = by_kernel ? IsolationRefusal::kernel_refused : IsolationRefusal::failed,
            .cpus = cpus_of(request.threads),
            .detail = error.message + (by_kernel ? find_overlap(request, guest) : "")};
}

// What all other groups of the slice have to themselves.
CpuSet exclusive_of_others(const IsolationHost& host, const std::string& scope)
{
    auto cpus = host.others_exclusive;
    for (const auto& [name, guest] : host.guests) {
        if (name != scope) {
            cpus |= guest.exclusive;
        }
    }
    return cpus;
}

bool is_as_asked(const ThreadGroup& group, const IsolatedThreads& asked, const std::string& name)
{
    const auto wanted = asked.find(name);
    return wanted != asked.end() && group.partition == "isolated" &&
           group.exclusive == wanted->second;
}

Result<void> change(const Writer& writer, const IsolationRequest& request, const GuestGroups& now,
                    const CpuSet& others)
{
    CpuSet kept;
    for (const auto& [name, group] : now.threads) {
        if (is_as_asked(group, request.threads, name)) {
            kept |= group.exclusive;
        } else if (group.partition != "member" || !group.exclusive.empty() || name == idle_thread) {
            if (auto ended = writer.end(name); !ended) {
                return ended;
            }
        }
    }
    const auto wanted = cpus_of(request.threads);
    if (wanted == kept) { // nothing comes, and what goes has gone
        return now.exclusive == wanted ? Result<void>{} : writer.restrict(others | wanted, wanted);
    }
    if (auto allowed = writer.allow(others | wanted, wanted); !allowed) {
        return allowed;
    }
    for (const auto& [name, cpus] : request.threads) {
        const auto group = now.threads.find(name);
        if (group != now.threads.end() && is_as_asked(group->second, request.threads, name)) {
            continue;
        }
        if (auto begun = writer.begin(name, cpus); !begun) {
            return begun;
        }
    }
    return {};
}

} // namespace

std::optional<IsolationAnswer>
write_partitions(const HostDir& cgroups, const IsolationRequest& request, const IsolationHost& host)
{
    auto machine = cgroups.open_below(machine_slice);
    auto scope = open_guest(cgroups, request.scope);
    auto threads = scope ? scope->open_below(threads_group) : Result<HostDir>{Error{}};
    if (!machine || !threads) {
        return IsolationAnswer{.refused = IsolationRefusal::no_guest, .cpus = {}, .detail = {}};
    }
    const auto others = exclusive_of_others(host, request.scope);
    const Writer writer{std::move(*machine), std::move(*scope), std::move(*threads)};
    const auto changed = change(writer, request, host.guests.at(request.scope), others);
    if (changed) {
        return std::nullopt;
    }
    // What can be taken back is; what cannot, the guest's group is gone with it.
    for (const auto& [name, cpus] : request.threads) {
        (void)writer.end(name);
    }
    for (const auto& [name, group] : host.guests.at(request.scope).threads) {
        (void)writer.end(name);
    }
    (void)writer.restrict(others, {});
    return refuse_for(changed.error(), request, host.guests.at(request.scope));
}

} // namespace virtpind
