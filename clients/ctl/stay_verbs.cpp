// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/view/cells.hpp"
#include "clients/view/clock_text.hpp"
#include "clients/view/transitions.hpp"
#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "password_agent.hpp"
#include "policy_change.hpp"
#include "verbs.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

namespace virtpind::client {

namespace {

std::string clock_now()
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return time_of_day(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

// Only the guests that are watched, all if none is named.
Snapshot watched(Snapshot snapshot, const std::vector<std::string>& uuids)
{
    if (!uuids.empty()) {
        std::erase_if(snapshot.guests, [&](const Guest& guest) {
            return std::find(uuids.begin(), uuids.end(), guest.uuid) == uuids.end();
        });
    }
    return snapshot;
}

ExitStatus print_line(Session& session, const std::string& line)
{
    return session.print(clock_now() + " " + line + "\n");
}

// Prints what changed since `last`, which becomes what is now. A service that is gone is told once.
ExitStatus print_changes(Session& session, const std::vector<std::string>& uuids,
                         std::optional<Snapshot>& last)
{
    auto now = session.snapshot(Activation::never);
    // It may end while it answers.
    if (!now && now.error().code != Errc::host_unavailable && now.error().code != Errc::timed_out) {
        return report(now.error());
    }
    if (!now) {
        const auto told = !last.has_value();
        last.reset();
        return told ? exit_ok : print_line(session, "virtpind is gone");
    }
    auto next = watched(std::move(*now), uuids);
    if (!last) {
        last = std::move(next);
        return print_line(session, "virtpind is here: " + last->service.state + ", " +
                                       pluralize(last->guests.size(), "guest"));
    }
    auto look = session.look;
    constexpr std::size_t clock_width = 9;
    look.width = look.width > clock_width ? look.width - clock_width : look.width;
    for (const auto& line : transitions(*last, next, look)) {
        if (const auto status = print_line(session, line); status != exit_ok) {
            return status;
        }
    }
    last = std::move(next);
    return exit_ok;
}

// Everybody may read it: of the command line, which may have passwords, it has the program's name.
std::string default_reason(const std::vector<std::string>& command)
{
    if (command.empty()) {
        return "virtpinctl hold";
    }
    const auto& program = command.front();
    constexpr std::size_t name_max = 200;
    return "virtpinctl hold -- " + printable(program.substr(program.rfind('/') + 1), name_max);
}

// Ends with this program, with which the hold ends.
[[noreturn]] void become(const std::vector<std::string>& command)
{
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    std::signal(SIGPIPE, SIG_DFL);
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGQUIT, SIG_DFL);
    std::vector<char*> words;
    for (const auto& word : command) {
        words.push_back(const_cast<char*>(word.c_str())); // NOLINT: execvp does not write to them
    }
    words.push_back(nullptr);
    ::execvp(words.front(), words.data());
    constexpr int not_found = 127;
    constexpr int not_executable = 126;
    const auto status = errno == ENOENT ? not_found : not_executable;
    remark("cannot run " + in_quotes(command.front()) + ": " + std::strerror(errno));
    ::_exit(status);
}

// The status of the command, as shells tell it.
int run_command(const std::vector<std::string>& command)
{
    std::signal(SIGINT, SIG_IGN); // the terminal sends these to the command as well
    std::signal(SIGQUIT, SIG_IGN);
    const auto child = ::fork();
    if (child == 0) {
        become(command);
    }
    int status = 0;
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0) {
        return report({.code = Errc::internal, .message = "cannot start a process"});
    }
    constexpr int killed_by = 128;
    return WIFSIGNALED(status) ? killed_by + WTERMSIG(status) : WEXITSTATUS(status);
}

// Tells where the service did not hold them until now.
void release_all(Session& session, const std::vector<std::uint64_t>& cookies)
{
    for (const auto cookie : cookies) {
        const auto released =
            session.ask("", [cookie](ServiceProxy& service) { return service.release(cookie); });
        if (!released) {
            remark("the hold had ended before the command: " + released.error().message);
            return;
        }
    }
}

// Until a signal ends this program, or the service is gone and the holds with it.
ExitStatus wait_for_end(Session& session)
{
    bool changed = false;
    const auto watching = session.ask(
        "", [&](ServiceProxy& service) { return service.watch([&] { changed = true; }); });
    if (!watching) {
        return report(watching.error());
    }
    for (;;) {
        constexpr int forever = -1;
        if (const auto waited = wait_and_dispatch(session.connection(), forever); !waited) {
            return report(waited.error());
        }
        if (!std::exchange(changed, false)) {
            continue;
        }
        if (const auto now = session.snapshot(Activation::never); !now) {
            return report(
                {.code = Errc::host_unavailable,
                 .message = "virtpind is gone, and the hold with it: " + now.error().message});
        }
    }
}

} // namespace

ExitStatus run_watch(Session& session)
{
    bool changed = false;
    const auto watching = session.ask("waiting for virtpind", [&](ServiceProxy& service) {
        return service.watch([&changed] { changed = true; });
    });
    if (!watching) {
        return report(watching.error());
    }
    const auto asked = session.choose();
    if (!asked) {
        return report(asked.error());
    }
    const auto& first = asked->snapshot;
    const auto& guests = asked->guests;
    std::vector<std::string> uuids;
    if (!session.arguments.guests.empty()) {
        std::transform(guests.begin(), guests.end(), std::back_inserter(uuids),
                       [](const Guest* guest) { return guest->uuid; });
    }
    auto last = std::optional{watched(first, uuids)};
    auto status = print_line(session, "virtpind is " + last->service.state + "; watching " +
                                          pluralize(last->guests.size(), "guest"));
    while (status == exit_ok && !output_is_closed()) {
        constexpr int forever = -1;
        if (const auto waited = wait_and_dispatch(session.connection(), forever); !waited) {
            return report(waited.error());
        }
        if (std::exchange(changed, false)) {
            status = print_changes(session, uuids, last);
        }
    }
    return status;
}

int run_hold(Session& session)
{
    const auto asked = session.choose();
    if (!asked) {
        return report(asked.error());
    }
    const auto& guests = asked->guests;
    const auto& arguments = session.arguments;
    constexpr std::size_t any_length = 64 * 1024; // what is too long is the service's to refuse
    const auto reason = arguments.reason.empty() ? default_reason(arguments.command)
                                                 : printable(arguments.reason, any_length);
    std::vector<std::uint64_t> cookies;
    {
        const PasswordAgent agent{wants_agent(session)};
        for (const auto* guest : guests) {
            const auto held = session.ask(
                "waiting for the last change to " + guest->name,
                [&](ServiceProxy& service) { return service.hold(guest->uuid, reason); });
            if (!held) {
                return report(held.error());
            }
            cookies.push_back(*held);
        }
    }
    if (!arguments.command.empty()) {
        const auto status = run_command(arguments.command);
        release_all(session, cookies);
        return status;
    }
    std::string names;
    for (const auto* guest : guests) {
        names += (names.empty() ? "" : ", ") + guest->name;
    }
    const auto status = session.print(
        paragraph("", "  ", names + ": left alone until Ctrl-C ends this", session.look));
    return status != exit_ok ? status : wait_for_end(session);
}

} // namespace virtpind::client
