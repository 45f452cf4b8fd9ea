// SPDX-License-Identifier: LGPL-2.1-or-later
// One run of virtpinctl against one service: the connection, and how to print. One thread uses it.
#pragma once

#include "arguments.hpp"
#include "clients/bus/service_proxy.hpp"
#include "clients/view/facts.hpp"
#include "clients/view/look.hpp"
#include "exit_status.hpp"
#include "spinner.hpp"
#include "terminal.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace virtpind::client {

// Guests that a verb is about, in the picture that they are part of.
struct Chosen {
    Snapshot snapshot;
    std::vector<const Guest*> guests; // of the snapshot; a copy's would be those of the original

    Chosen(Snapshot whole, std::vector<const Guest*> some)
        : snapshot{std::move(whole)}, guests{std::move(some)}
    {}

    Chosen(const Chosen&) = delete;
    Chosen& operator=(const Chosen&) = delete;
    Chosen(Chosen&&) = default;
    Chosen& operator=(Chosen&&) = default;
    ~Chosen() = default;
};

class Session {
public:
    // Connects. Error: host_unavailable.
    [[nodiscard]] static Result<std::unique_ptr<Session>>
    open(const Arguments& arguments, const Target& target, const TerminalFacts& terminal);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    const Arguments& arguments;
    const Target target;
    const Look look;

    // The service and its guests.
    [[nodiscard]] Result<Snapshot> snapshot(Activation activation = Activation::allowed);

    // Those of the arguments, in the snapshot, in the order written; without any, all there are.
    [[nodiscard]] Result<std::vector<const Guest*>> chosen_guests(const Snapshot& snapshot) const;

    // Both at once.
    [[nodiscard]] Result<Chosen> choose(Activation activation = Activation::allowed);

    // The same for verbs that say nothing without libvirt, of which the service then knows no
    // guest: host_unavailable.
    [[nodiscard]] Result<Chosen> choose_with_libvirt(Activation activation = Activation::allowed);

    // call(service), with a line on the terminal when it takes long.
    template <class Call>
    auto ask(const std::string& what, Call call)
    {
        const Spinner spinner{what, look.utf8};
        return call(*service_);
    }

    [[nodiscard]] const Connection& connection() const { return *connection_; }

    [[nodiscard]] bool is_terminal() const { return terminal_.out_is_terminal; }

    // Prints to standard output, unless quiet; returns `status`, or exit_failed where it cannot.
    [[nodiscard]] ExitStatus print(const std::string& text, ExitStatus status = exit_ok) const;
    [[nodiscard]] ExitStatus print_paged(const std::string& text,
                                         ExitStatus status = exit_ok) const;
    // A document of the service, in the form that the arguments ask for.
    [[nodiscard]] ExitStatus print_json(const std::string& json, ExitStatus status = exit_ok) const;

private:
    Session(const Arguments& wanted, Target asked, const TerminalFacts& terminal);

    const TerminalFacts& terminal_;
    std::optional<Connection> connection_;
    std::unique_ptr<ServiceProxy> service_;
};

// Prints the error to standard error.
ExitStatus report(const Error& error);

// A remark to standard error.
void remark(const std::string& text);

} // namespace virtpind::client
