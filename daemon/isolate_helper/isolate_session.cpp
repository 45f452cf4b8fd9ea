// SPDX-License-Identifier: LGPL-2.1-or-later
#include "isolate_session.hpp"

#include "guest_groups_reader.hpp"
#include "partition_writer.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace virtpind {

namespace {

using Clock = std::chrono::steady_clock;

// Whose lock is the turn. The kernel (5.14) lets nobody but root open it, and no mask or mode of
// ours has a say in that; the directory itself can be opened, and so locked, by everybody.
const std::string turn_file = "cgroup.kill";

IsolationAnswer refuse_by(IsolationRefusal why, std::string detail)
{
    return {.refused = why, .cpus = {}, .detail = std::move(detail)};
}

IsolationAnswer refuse_host(const Error& error)
{
    if (error.code != Errc::unsupported) {
        return refuse_by(IsolationRefusal::failed, error.message);
    }
    return refuse_by(error.native_code == 1 ? IsolationRefusal::no_cpuset
                                            : IsolationRefusal::no_kernel,
                     error.message);
}

IsolationAnswer refuse_turn(const Error& error)
{
    if (error.code == Errc::timed_out) {
        return refuse_by(IsolationRefusal::busy, error.message);
    }
    return refuse_by(error.native_code == ENOENT ? IsolationRefusal::no_kernel
                                                 : IsolationRefusal::failed,
                     error.message);
}

// Until the socket is ready or the time is up.
Result<void> wait_for(int socket, short events, Clock::time_point deadline)
{
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd watched{.fd = socket, .events = events, .revents = 0};
        const auto ready = left > 0 ? ::poll(&watched, 1, static_cast<int>(left)) : 0;
        if (ready > 0) {
            return {};
        }
        if (ready == 0) {
            return Error{.code = Errc::timed_out, .message = "the other side says nothing"};
        }
        if (errno != EINTR) {
            return Error{.code = Errc::host_unavailable, .message = std::strerror(errno)};
        }
    }
}

} // namespace

IsolationAnswer answer_request(const IsolateHost& host, std::string_view line,
                               std::chrono::milliseconds patience)
{
    const auto request = parse_isolation_request(line);
    if (!request) {
        return refuse_by(IsolationRefusal::bad_request, request.error().message);
    }
    const auto machine = host.cgroups.open_below(machine_slice);
    if (!machine) {
        return refuse_by(IsolationRefusal::no_guest, machine.error().message);
    }
    const auto turn = machine->lock(turn_file, patience);
    if (!turn) {
        return refuse_turn(turn.error());
    }
    const auto now = read_isolation_host(host.cgroups, host.sys);
    if (!now) {
        return refuse_host(now.error());
    }
    if (auto refused = find_refusal(*request, *now)) {
        return std::move(*refused);
    }
    if (auto failed = write_partitions(host.cgroups, *request, *now)) {
        return std::move(*failed);
    }
    return {.refused = {}, .cpus = cpus_of(request->threads), .detail = {}};
}

Result<std::string> receive_some(int socket, std::chrono::nanoseconds patience)
{
    const auto deadline = Clock::now() + patience;
    std::array<char, 4096> part{};
    for (;;) {
        if (auto ready = wait_for(socket, POLLIN, deadline); !ready) {
            return std::move(ready).error();
        }
        const auto got = ::recv(socket, part.data(), part.size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (got <= 0) {
            return Error{.code = Errc::invalid_argument,
                         .message = "the text ends without a newline"};
        }
        return std::string{part.data(), static_cast<std::size_t>(got)};
    }
}

Result<std::string> receive_line(int socket, std::chrono::milliseconds patience)
{
    const auto deadline = Clock::now() + patience;
    std::string line;
    for (;;) {
        auto part = receive_some(socket, deadline - Clock::now());
        if (!part) {
            return std::move(part).error();
        }
        line += *part;
        const auto end = line.find('\n');
        if (end != std::string::npos && end + 1 != line.size()) {
            return Error{.code = Errc::invalid_argument, .message = "there is more than one line"};
        }
        if (end != std::string::npos) {
            line.pop_back();
            return line;
        }
        if (line.size() >= isolation_request_bytes_max) {
            return Error{.code = Errc::limits_exceeded, .message = "the line is too long"};
        }
    }
}

Result<void> send_line(int socket, const std::string& line, std::chrono::milliseconds patience)
{
    const auto deadline = Clock::now() + patience;
    const auto text = line + "\n";
    for (std::size_t sent = 0; sent < text.size();) {
        if (auto ready = wait_for(socket, POLLOUT, deadline); !ready) {
            return ready;
        }
        const auto wrote =
            ::send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (wrote < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (wrote < 0) {
            return Error{.code = Errc::host_unavailable, .message = std::strerror(errno)};
        }
        sent += static_cast<std::size_t>(wrote);
    }
    return {};
}

} // namespace virtpind
