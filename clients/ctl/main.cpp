// SPDX-License-Identifier: LGPL-2.1-or-later
#include "arguments.hpp"
#include "completion.hpp"
#include "session.hpp"
#include "terminal.hpp"
#include "verbs.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>

namespace {

using namespace virtpind::client;

int run_verb(Session& session)
{
    switch (session.arguments.verb) {
    case Verb::status:
        return run_status(session);
    case Verb::list:
        return run_list(session);
    case Verb::show:
        return run_show(session);
    case Verb::map:
        return run_map(session);
    case Verb::explain:
        return run_explain(session);
    case Verb::plan:
        return run_plan(session);
    case Verb::set:
        return run_set(session);
    case Verb::reset:
        return run_reset(session);
    case Verb::apply:
        return run_apply(session);
    case Verb::reload:
        return run_reload(session);
    case Verb::hold:
        return run_hold(session);
    case Verb::watch:
        return run_watch(session);
    case Verb::top:
        return run_top(session);
    case Verb::doctor:
        return run_doctor(session);
    case Verb::policies:
        return run_policies(session);
    case Verb::export_topology:
        return run_export(session);
    case Verb::log:
        return run_log(session);
    case Verb::metrics:
        return run_metrics(session);
    case Verb::complete:
        break;
    }
    return exit_usage;
}

// Without a service there are no guests to offer, and that is no error.
int run_complete(const Arguments& arguments, const TerminalFacts& terminal)
{
    Snapshot snapshot;
    if (needs_service(arguments.words)) {
        constexpr unsigned patience_seconds = 5; // somebody waits behind a key
        ::alarm(patience_seconds);
        ::setenv("SSH_ASKPASS", "/bin/false", 1); // and has not asked for questions
        ::setenv("SSH_ASKPASS_REQUIRE", "force", 1);
        const auto session = Session::open(arguments, completed_target(arguments.words), terminal);
        if (session) {
            auto known = (*session)->snapshot(Activation::never);
            snapshot = known ? std::move(*known) : Snapshot{};
        }
    }
    return write_output(candidates_text(complete(arguments.words, snapshot))) ? exit_ok
                                                                              : exit_failed;
}

// The worst of all services.
int run_everywhere(const Arguments& arguments, const TerminalFacts& terminal)
{
    int status = exit_ok;
    for (const auto& target : arguments.targets) {
        const auto session = Session::open(arguments, target, terminal);
        const auto met = session ? run_verb(**session) : report(session.error());
        status = met > status ? met : status;
    }
    return status;
}

int run(int argc, char** argv)
{
    std::signal(SIGPIPE, SIG_IGN); // a reader that has gone is seen when writing
    const auto terminal = terminal_facts();
    const auto parsed = parse_arguments({argv + 1, argv + argc});
    if (!parsed) {
        return report(parsed.error());
    }
    if (const auto* text = std::get_if<PrintAndExit>(&*parsed)) {
        return write_output(text->text) ? exit_ok : exit_failed;
    }
    if (std::get<Arguments>(*parsed).verb == Verb::complete) {
        return run_complete(std::get<Arguments>(*parsed), terminal);
    }
    return run_everywhere(std::get<Arguments>(*parsed), terminal);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        remark(error.what());
        return exit_failed;
    }
}
