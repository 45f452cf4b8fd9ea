// SPDX-License-Identifier: LGPL-2.1-or-later
// virtpind-isolate: the one part of virtpind with a privilege (CAP_SYS_ADMIN, which the kernel
// wants of whoever makes a partition). systemd starts it for each connection to
// virtpind-isolate.socket, which is its standard input; it answers one request and ends. It trusts
// neither the request nor who sent it.
#include "common/base/printable.hpp"
#include "daemon/service/log.hpp"
#include "daemon/service/log_events.hpp"
#include "isolate_session.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace virtpind;
using namespace std::chrono_literals;

constexpr auto patience = 5s;
// Whatever happens: the partitions of a guest take well below a second.
constexpr unsigned life_seconds = 25; // the daemon waits a little longer

std::string caller_uid()
{
    ucred peer{};
    socklen_t size = sizeof peer;
    const auto known = ::getsockopt(STDIN_FILENO, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    return known ? std::to_string(peer.uid) : "unknown";
}

IsolationAnswer answer_line(const std::string& line)
{
    auto cgroups = HostDir::open("/sys/fs/cgroup");
    auto sys = HostDir::open("/sys");
    if (!cgroups || !cgroups->is_cgroup2()) {
        return {.refused = IsolationRefusal::no_kernel,
                .cpus = {},
                .detail = "the host has no cgroup v2 at /sys/fs/cgroup"};
    }
    if (!sys) {
        return {.refused = IsolationRefusal::failed, .cpus = {}, .detail = sys.error().message};
    }
    return answer_request({.cgroups = std::move(*cgroups), .sys = std::move(*sys)}, line);
}

void log_answer(const std::string& line, const IsolationAnswer& answer)
{
    const auto request = parse_isolation_request(line);
    const auto scope = request ? request->scope : std::string{};
    std::vector<LogField> fields{
        {"CALLER_UID", caller_uid()}, {"SCOPE", scope}, {"CPUS", answer.cpus.str()}};
    if (answer.refused) {
        fields.push_back({"REASON", std::string{to_string(*answer.refused)}});
        log_event(LogEvent::isolation_refused,
                  "refused " + (scope.empty() ? std::string{"a request"} : scope) + ": " +
                      format_isolation_answer(answer),
                  fields);
    } else if (answer.cpus.empty()) {
        log_event(LogEvent::guest_shared, "the CPUs of " + scope + " are the host's again", fields);
    } else {
        log_event(LogEvent::guest_isolated, scope + " has CPUs " + answer.cpus.str() + " to itself",
                  fields);
    }
}

int serve()
{
    set_up_log(spdlog::level::info);
    const auto line = receive_line(STDIN_FILENO, patience);
    const auto answer = line ? answer_line(*line)
                             : IsolationAnswer{.refused = IsolationRefusal::bad_request,
                                               .cpus = {},
                                               .detail = line.error().message};
    log_answer(line ? *line : std::string{}, answer);
    return send_line(STDIN_FILENO, format_isolation_answer(answer), patience) ? 0 : 1;
}

bool is_socket(int fd)
{
    int kind = 0;
    socklen_t size = sizeof kind;
    return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size) == 0 && kind == SOCK_STREAM;
}

} // namespace

int main()
{
    try {
        if (!is_socket(STDIN_FILENO)) {
            std::cerr << "virtpind-isolate: standard input is no socket; systemd starts this "
                         "program: systemctl enable --now virtpind-isolate.socket\n";
            return 2;
        }
        ::alarm(life_seconds);
        return serve();
    } catch (const std::exception& error) {
        std::cerr << "virtpind-isolate: " << printable(error.what(), 1024) << '\n';
        return 1;
    }
}
