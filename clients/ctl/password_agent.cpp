// SPDX-License-Identifier: LGPL-2.1-or-later
#include "password_agent.hpp"

#include "clients/bus/login_session.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

namespace virtpind::client {

namespace {

[[noreturn]] void become_agent(int ready, const char* ready_number, const char* fallback)
{
    std::signal(SIGPIPE, SIG_DFL);
    ::fcntl(ready, F_SETFD, 0);
    ::execlp("pkttyagent", "pkttyagent", "--notify-fd", ready_number, fallback,
             static_cast<char*>(nullptr));
    ::_exit(127);
}

} // namespace

PasswordAgent::PasswordAgent(bool wanted)
{
    std::array<int, 2> ends{};
    if (!wanted || ::geteuid() == 0 || ::isatty(STDIN_FILENO) != 1 ||
        ::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return;
    }
    const auto number = std::to_string(ends[1]);
    // A session's own agent, that of a desktop, comes first; polkit asks a fallback only where
    // there is a session.
    const auto* const fallback = is_of_login_session() ? "--fallback" : nullptr;
    child_ = ::fork();
    if (child_ == 0) {
        become_agent(ends[1], number.c_str(), fallback);
    }
    ::close(ends[1]);
    // It closes its end when it is registered; so does its death.
    constexpr int patience_ms = 5000;
    pollfd ready{ends[0], POLLIN, 0};
    while (child_ > 0 && ::poll(&ready, 1, patience_ms) < 0 && errno == EINTR) {
    }
    ::close(ends[0]);
}

PasswordAgent::~PasswordAgent()
{
    if (child_ > 0) {
        ::kill(child_, SIGTERM);
        ::kill(child_, SIGCONT);
        while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
}

} // namespace virtpind::client
