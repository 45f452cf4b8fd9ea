// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/base/messages.hpp"
#include "verbs.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace virtpind::client {

namespace {

// Of the guests by UUID, which is theirs alone. Matches of one field mean "or".
std::vector<std::string> journalctl_words(const Session& session,
                                          const std::vector<const Guest*>& guests)
{
    std::vector<std::string> words{"journalctl"};
    if (session.target.kind == Target::Kind::machine) {
        words.insert(words.end(), {"-M", session.target.name});
    }
    if (!session.arguments.pager) {
        words.emplace_back("--no-pager");
    }
    words.insert(words.end(), session.arguments.command.begin(), session.arguments.command.end());
    if (session.arguments.guests.empty()) {
        words.insert(words.end(), {"-u", "virtpind"});
        return words;
    }
    for (const auto* guest : guests) {
        words.push_back("VIRTPIND_DOMAIN_UUID=" + guest->uuid);
    }
    return words;
}

} // namespace

ExitStatus run_log(Session& session)
{
    if (session.target.kind == Target::Kind::host) {
        return report({.code = Errc::invalid_argument,
                       .message = "log does not work with -H; use: ssh " + session.target.name +
                                  " journalctl -u virtpind"});
    }
    std::vector<const Guest*> guests;
    Result<Snapshot> snapshot{Snapshot{}};
    if (!session.arguments.guests.empty()) {
        snapshot = session.snapshot();
        if (!snapshot) {
            return report(snapshot.error());
        }
        auto chosen = session.chosen_guests(*snapshot);
        if (!chosen) {
            return report(chosen.error());
        }
        guests = std::move(*chosen);
    }
    const auto words = journalctl_words(session, guests);
    std::vector<char*> arguments;
    for (const auto& word : words) {
        arguments.push_back(
            const_cast<char*>(word.c_str())); // NOLINT: execvp does not write to them
    }
    arguments.push_back(nullptr);
    std::signal(SIGPIPE, SIG_DFL);
    ::execvp(arguments.front(), arguments.data());
    return report({.code = Errc::apply_failed,
                   .message = std::string{"cannot run journalctl: "} + std::strerror(errno)});
}

} // namespace virtpind::client
