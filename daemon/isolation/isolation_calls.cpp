// SPDX-License-Identifier: LGPL-2.1-or-later
#include "isolation_calls.hpp"

#include "daemon/isolate_helper/guest_groups_reader.hpp"
#include "daemon/isolate_helper/isolate_session.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

using namespace std::chrono_literals;

// The helper is started for each request, and the kernel may take its time.
constexpr auto answer_patience = 30s;
constexpr auto send_patience = 5s;

IsolationAnswer no_answer(std::string why)
{
    return {.refused = IsolationRefusal::no_helper, .cpus = {}, .detail = std::move(why)};
}

loop::UniqueFd connect_to(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return {};
    }
    std::memcpy(&address.sun_path, path.data(), path.size());
    loop::UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as the call has it
    if (!fd ||
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return {};
    }
    return fd;
}

Result<std::string> receive_answer(int socket)
{
    const auto deadline = std::chrono::steady_clock::now() + answer_patience;
    std::string line;
    while (line.size() < isolation_answer_bytes_max) {
        const auto left = deadline - std::chrono::steady_clock::now();
        auto part = receive_some(socket, left);
        if (!part) {
            return std::move(part).error();
        }
        line += *part;
        if (const auto end = line.find('\n'); end != std::string::npos) {
            return line.substr(0, end);
        }
    }
    return Error{.code = Errc::limits_exceeded, .message = "its answer is too long"};
}

// Letters and digits of ASCII: libvirt keeps these of a name, and few others.
std::string plain_part(std::string_view name)
{
    std::string plain;
    for (const auto c : name) {
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            plain += c;
        }
    }
    return plain;
}

// The name in "machine-qemu\x2dID\x2dNAME.scope", without escapes.
std::string name_in(std::string_view scope, std::size_t begin)
{
    constexpr std::size_t end_bytes = 6; // ".scope"
    std::string name;
    for (auto at = begin; at + end_bytes < scope.size(); ++at) {
        if (scope[at] == '\\') {
            at += 3; // \xNN
        } else {
            name += scope[at];
        }
    }
    return name;
}

// libvirt cuts long names.
bool is_named_after(std::string_view scope, std::size_t begin, const std::string& domain)
{
    constexpr std::size_t cut_from = 40; // bytes; libvirt's limit is 64 with the id
    const auto given = plain_part(name_in(scope, begin));
    const auto whole = plain_part(domain);
    return given == whole || (given.size() >= cut_from && whole.starts_with(given));
}

// The one scope of this run; several are of other daemons of libvirt on this kernel.
std::string scope_of(const std::vector<std::string>& scopes, const GuestRun& run)
{
    const auto begin = R"(machine-qemu\x2d)" + std::to_string(run.id) + R"(\x2d)";
    std::string found;
    for (const auto& scope : scopes) {
        if (!scope.starts_with(begin) || !is_named_after(scope, begin.size(), run.name)) {
            continue;
        }
        if (!found.empty()) {
            return {};
        }
        found = scope;
    }
    return found;
}

// Whether a thread of it may not be moved: it is in a partition, or what is left of one. What only
// the groups above may give away is in nobody's way.
bool has_partition(const GuestGroups& guest)
{
    return std::any_of(guest.threads.begin(), guest.threads.end(), [](const auto& thread) {
        return thread.second.partition != "member" || !thread.second.exclusive.empty();
    });
}

Error still_isolated(const IsolationAnswer& refused)
{
    using enum IsolationRefusal;
    std::string next = "mend that, or shut the domain down";
    if (refused.refused == no_helper) {
        next = "systemctl enable --now virtpind-isolate.socket";
    } else if (refused.refused == busy) {
        next = "wait a moment";
    }
    return {.code = Errc::apply_failed,
            .message = "its CPUs stay its own until it ends (" + format_isolation_answer(refused) +
                       "); " + next + ", and run this command again"};
}

Error unknown_isolation(const Error& why)
{
    return {.code = why.code,
            .message = "nobody can tell whether its CPUs are its own alone (" + why.message +
                       "); see that user " + std::to_string(::geteuid()) +
                       " can read that, or shut the domain down, and run this command again"};
}

Result<HostDir> open_cgroups(const IsolationPlaces& places)
{
    // Without openat2(2), which systemd takes from the daemon, and without a need: nothing is
    // written, and what is read belongs to root.
    return HostDir::open(places.cgroups.c_str(), HostDir::Lookup::plain);
}

bool is_kernel_before_7()
{
    constexpr int mended_in = 7;
    utsname kernel{};
    return ::uname(&kernel) == 0 &&
           std::atoi(static_cast<const char*>(kernel.release)) < mended_in; // "6.12.1-amd64"
}

} // namespace

IsolationView read_isolation(const IsolationPlaces& places, const GuestRuns& runs)
{
    IsolationView view;
    const auto lack = [&view](IsolationRefusal why, std::string detail) {
        view.lacks = {.refused = why, .cpus = {}, .detail = std::move(detail)};
    };
    const auto cgroups = open_cgroups(places);
    const auto sys = HostDir::open(places.sys.c_str(), HostDir::Lookup::plain);
    if (!cgroups || !sys) {
        lack(IsolationRefusal::failed, (cgroups ? sys : cgroups).error().message);
        return view;
    }
    auto host = read_isolation_host(*cgroups, *sys);
    if (!host) {
        lack(host.error().code != Errc::unsupported ? IsolationRefusal::failed
             : host.error().native_code == 1        ? IsolationRefusal::no_cpuset
                                                    : IsolationRefusal::no_kernel,
             host.error().message);
        return view;
    }
    view.host = std::move(*host);
    view.forgets_nodes = is_kernel_before_7();
    std::vector<std::string> scopes;
    scopes.reserve(view.host.guests.size());
    for (const auto& [scope, guest] : view.host.guests) {
        scopes.push_back(scope);
    }
    for (const auto& [uuid, run] : runs) {
        if (auto scope = scope_of(scopes, run); !scope.empty()) {
            view.scopes.emplace(uuid, std::move(scope));
        }
    }
    return view;
}

IsolationAnswer ask_isolation(const IsolationPlaces& places, const IsolationRequest& request)
{
    const auto fd = connect_to(places.socket.native());
    if (!fd) {
        return no_answer(places.socket.native() + ": " + std::strerror(errno));
    }
    if (const auto sent = send_line(fd.get(), format_isolation_request(request), send_patience);
        !sent) {
        return no_answer(sent.error().message);
    }
    const auto line = receive_answer(fd.get());
    auto answer = line ? parse_isolation_answer(*line) : Result<IsolationAnswer>{line.error()};
    return answer ? std::move(*answer) : no_answer(answer.error().message);
}

Result<std::vector<std::string>> list_guest_scopes(const IsolationPlaces& places)
{
    using Scopes = std::vector<std::string>;
    const auto cgroups = open_cgroups(places);
    if (!cgroups) {
        return cgroups.error().native_code == ENOENT ? Result<Scopes>{Scopes{}} : cgroups.error();
    }
    return list_guest_scopes(*cgroups);
}

Result<void> end_isolation(const IsolationPlaces& places,
                           const Result<std::vector<std::string>>& scopes, const GuestRun& run)
{
    if (!scopes) {
        return unknown_isolation(scopes.error());
    }
    const auto scope = scope_of(*scopes, run);
    if (scope.empty()) {
        return {};
    }
    const auto cgroups = open_cgroups(places);
    const auto guest =
        cgroups ? read_guest_groups(*cgroups, scope) : Result<GuestGroups>{cgroups.error()};
    if (!guest) {
        return unknown_isolation(guest.error());
    }
    const auto in_partition = has_partition(*guest);
    if (!in_partition && guest->exclusive.empty()) {
        return {};
    }
    const auto answer = ask_isolation(places, {.scope = scope, .threads = {}});
    return answer.refused && in_partition ? Result<void>{still_isolated(answer)} : Result<void>{};
}

} // namespace virtpind
