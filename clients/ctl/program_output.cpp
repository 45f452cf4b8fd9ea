// SPDX-License-Identifier: LGPL-2.1-or-later
#include "program_output.hpp"

#include "common/base/messages.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace virtpind::client {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t output_max = std::size_t{16} * 1024 * 1024;

// Starts it with standard output at `out`. Returns its process, or -errno.
pid_t start_program(const std::vector<std::string>& words, int out)
{
    std::vector<char*> arguments;
    for (const auto& word : words) {
        arguments.push_back(const_cast<char*>(word.c_str())); // NOLINT: they are not written to
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    ::sigemptyset(&defaults);
    ::sigaddset(&defaults, SIGPIPE);
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setsigdefault(&attributes, &defaults);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    pid_t child = -1;
    const auto failed =
        ::posix_spawnp(&child, arguments.front(), &files, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    return failed == 0 ? child : -failed;
}

// Everything until the other end is closed.
Result<std::string> read_until(int in, Clock::time_point deadline, const std::string& name)
{
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        pollfd wanted{in, POLLIN, 0};
        const auto ready =
            left.count() <= 0 ? 0 : ::poll(&wanted, 1, static_cast<int>(left.count()));
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            return Error{.code = Errc::timed_out, .message = name + " does not end"};
        }
        const auto count = ::read(in, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(count));
        if (text.size() > output_max) {
            return Error{.code = Errc::limits_exceeded, .message = name + " prints too much"};
        }
    }
}

} // namespace

Result<std::string> program_output(const std::vector<std::string>& words,
                                   std::chrono::milliseconds patience)
{
    const auto& name = words.front();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return Error{.code = Errc::internal, .message = "cannot make a pipe"};
    }
    const auto child = start_program(words, ends[1]);
    ::close(ends[1]);
    if (child < 0) {
        ::close(ends[0]);
        return Error{.code = child == -ENOENT ? Errc::not_found : Errc::apply_failed,
                     .message = "cannot run " + in_quotes(name) + ": " + std::strerror(-child)};
    }
    auto text = read_until(ends[0], Clock::now() + patience, name);
    ::close(ends[0]);
    if (!text) {
        ::kill(child, SIGKILL);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (text && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
        return Error{.code = Errc::apply_failed, .message = name + " fails"};
    }
    return text;
}

} // namespace virtpind::client
