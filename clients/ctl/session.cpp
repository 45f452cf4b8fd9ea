// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session.hpp"

#include "clients/view/answers.hpp"
#include "clients/view/cells.hpp"
#include "clients/view/resolve.hpp"
#include "common/base/printable.hpp"

#include <algorithm>
#include <array>
#include <iostream>

namespace virtpind::client {

namespace {

constexpr std::size_t message_max = 8192;

Error no_libvirt(const std::string& consequence = "")
{
    return {.code = Errc::host_unavailable,
            .message =
                "virtpind has no connection to libvirt" + consequence + "; see virtpinctl status"};
}

std::string for_standard_error(const std::string& text)
{
    return in_charset(printable(text, message_max), choose_look(terminal_facts(), true));
}

Naming naming_of(const Arguments& arguments)
{
    static constexpr std::array changing{Verb::set, Verb::reset, Verb::apply, Verb::hold};
    const auto changes =
        std::find(changing.begin(), changing.end(), arguments.verb) != changing.end();
    return changes || !arguments.fix.empty() ? Naming::whole : Naming::beginning;
}

ExitStatus written(bool done, ExitStatus status)
{
    return done ? status
                : report({.code = Errc::apply_failed,
                          .message = "cannot write to standard output; is the disk full?"});
}

} // namespace

Session::Session(const Arguments& wanted, Target asked, const TerminalFacts& terminal)
    : arguments{wanted}
    , target{std::move(asked)}
    , look{choose_look(terminal, wanted.legend)}
    , terminal_{terminal}
{}

Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::open(const Arguments& arguments, const Target& target,
                                               const TerminalFacts& terminal)
{
    std::unique_ptr<Session> session{new Session{arguments, target, terminal}};
    auto connection = [&] { // ssh takes its time
        const Spinner spinner{"connecting", session->look.utf8};
        return connect(target, arguments.ask_password);
    }();
    if (!connection) {
        return std::move(connection).error();
    }
    session->connection_.emplace(std::move(*connection));
    session->service_ = std::make_unique<ServiceProxy>(*session->connection_, target);
    return session;
}

Result<Snapshot> Session::snapshot(Activation activation)
{
    return ask("waiting for virtpind",
               [activation](ServiceProxy& service) { return service.snapshot(activation); });
}

Result<std::vector<const Guest*>> Session::chosen_guests(const Snapshot& snapshot) const
{
    std::vector<const Guest*> chosen;
    for (const auto& text : arguments.guests) {
        auto guest = resolve_guest(snapshot.guests, text, naming_of(arguments));
        if (!guest) {
            if (snapshot.service.state == "disconnected") {
                return no_libvirt(", so no guest is known");
            }
            return std::move(guest).error();
        }
        chosen.push_back(*guest);
    }
    if (arguments.guests.empty()) {
        for (const auto& guest : snapshot.guests) {
            chosen.push_back(&guest);
        }
    }
    return chosen;
}

Result<Chosen> Session::choose(Activation activation)
{
    auto whole = snapshot(activation);
    if (!whole) {
        return std::move(whole).error();
    }
    auto guests = chosen_guests(*whole);
    if (!guests) {
        return std::move(guests).error();
    }
    return Chosen{std::move(*whole), std::move(*guests)};
}

Result<Chosen> Session::choose_with_libvirt(Activation activation)
{
    auto chosen = choose(activation);
    if (chosen && chosen->snapshot.service.state == "disconnected") {
        return no_libvirt();
    }
    return chosen;
}

ExitStatus Session::print(const std::string& text, ExitStatus status) const
{
    return arguments.quiet ? status : written(write_output(text), status);
}

ExitStatus Session::print_paged(const std::string& text, ExitStatus status) const
{
    if (!arguments.pager) {
        return print(text, status);
    }
    return arguments.quiet ? status : written(write_paged(text, terminal_), status);
}

ExitStatus Session::print_json(const std::string& json, ExitStatus status) const
{
    const auto text = formatted_json(json, arguments.json == JsonMode::pretty, target_text(target));
    return text ? print(*text, status) : report(text.error());
}

ExitStatus report(const Error& error)
{
    remark(error.message);
    return exit_status(error.code);
}

void remark(const std::string& text)
{
    std::cerr << "virtpinctl: " << for_standard_error(text) << '\n';
}

} // namespace virtpind::client
