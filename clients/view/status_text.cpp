// SPDX-License-Identifier: LGPL-2.1-or-later
#include "status_text.hpp"

#include "cells.hpp"
#include "clock_text.hpp"
#include "common/base/messages.hpp"
#include "guest_state.hpp"
#include "table.hpp"

#include <algorithm>
#include <vector>

namespace virtpind::client {

namespace {

constexpr std::size_t sentences_max = 8; // a host where everything is short is read by `list`

Mark service_mark(const Service& service)
{
    return service.state == "ready"          ? Mark::good
           : service.state == "degraded"     ? Mark::shortfall
           : service.state == "disconnected" ? Mark::failed
                                             : Mark::busy;
}

std::string service_lines(const Service& service, const Look& look)
{
    const auto uri = service.libvirt_uri.empty() ? "not connected to libvirt" : service.libvirt_uri;
    auto text = paragraph(painted_mark(service_mark(service), look) + " ", "  ",
                          "virtpind " + service.version + ": " + service.state + "; " + uri, look);
    const auto fact = [&](const std::string& name, const CpuSet& cpus) {
        return name + " " + (cpus.empty() ? "(empty)" : cpus.str());
    };
    std::vector<std::string> facts{fact("host", service.online),
                                   fact("housekeeping", service.housekeeping),
                                   fact("pool", service.pool)};
    if (!service.isolated.empty()) {
        facts.push_back(fact("isolated", service.isolated));
    }
    facts.push_back("default policy " + service.default_policy);
    std::string line;
    for (const auto& part : facts) {
        line += (line.empty() ? "" : "   ") + part;
    }
    if (look.width == 0 || cell_width(line) + 2 <= look.width) {
        return text + "  " + line + "\n";
    }
    for (const auto& part : facts) {
        text += paragraph("  ", "    ", part, look);
    }
    return text;
}

std::vector<Cell> guest_row(const Guest& guest, const Look& look)
{
    const auto state = state_of(guest);
    const auto cpus = guest.vcpu_cpus();
    const auto options = options_text(guest);
    const auto colour = mark_colour(state.mark);
    const auto off = guest.run_state == "shutoff";
    return {
        {std::string{mark_text(state.mark, look)} + " " + guest.name},
        {guest.policy},
        {options.empty() ? "-" : options},
        {state.word, colour},
        {std::to_string(guest.vcpus.size())},
        {cpus.empty() || off ? "-" : cpus.str()},
        {guest.emulator.empty() || off ? "-" : guest.emulator.str()},
    };
}

// "build: 8 vCPUs float on ..." with the command that tells more.
std::string shortfalls(const Snapshot& snapshot, const Look& look)
{
    std::string text;
    std::size_t count = 0;
    for (const auto& guest : snapshot.guests) {
        if (is_as_asked(guest)) {
            continue;
        }
        if (++count > sentences_max) {
            continue;
        }
        auto why = why_not(guest);
        why = why.empty() ? "does not get what its policy asks for" : why;
        text += "\n" + paragraph(painted_mark(state_of(guest).mark, look) + " ", "  ",
                                 guest.name + ": " + why, look);
        if (look.legend) {
            text += "  virtpinctl explain " + in_charset(guest_word(guest), look) + "\n";
        }
    }
    if (count > sentences_max) {
        text += "\n" + paragraph("  ", "  ",
                                 "and " + pluralize(count - sentences_max, "more guest") +
                                     (look.legend ? "; virtpinctl list --problems shows them" : ""),
                                 look);
    }
    return text;
}

// Problems that are of no guest, or of one that is not listed.
std::string host_problems(const Snapshot& snapshot, const Look& look)
{
    std::string text;
    for (const auto& problem : snapshot.service.problems) {
        const auto told =
            std::any_of(snapshot.guests.begin(), snapshot.guests.end(), [&](const Guest& guest) {
                const auto named = problem.guest.empty()
                                       ? problem.what.text.rfind(guest.name + ": ", 0) == 0
                                       : problem.guest == guest.uuid;
                return named && !is_as_asked(guest);
            });
        if (!told) {
            text += "\n" + paragraph(painted_mark(Mark::shortfall, look) + " ", "  ",
                                     problem.what.text, look);
        }
    }
    return text;
}

} // namespace

std::string render_guests(const std::vector<Guest>& guests, const Look& look)
{
    const std::vector<Column> columns{
        {.title = "  GUEST", .least = 10},
        {.title = "POLICY", .rank = 3},
        {.title = "OPTIONS", .rank = 4, .least = 14},
        {.title = "STATE", .least = 6},
        {.title = "VCPUS", .right = true, .rank = 5},
        {.title = "CPUS", .rank = 1, .least = 12},
        {.title = "EMULATOR", .rank = 6, .least = 8},
    };
    std::vector<std::vector<Cell>> rows;
    for (const auto& guest : guests) {
        rows.push_back(guest_row(guest, look));
    }
    return render_table(columns, rows, look);
}

std::string render_status(const Snapshot& snapshot, const Look& look)
{
    auto text = service_lines(snapshot.service, look) + "\n";
    if (snapshot.guests.empty()) {
        text += paragraph("  ", "  ",
                          snapshot.service.state == "disconnected"
                              ? "No guests are known without libvirt."
                              : "libvirt has no guests.",
                          look);
    } else {
        text += render_guests(snapshot.guests, look);
    }
    return text + shortfalls(snapshot, look) + host_problems(snapshot, look);
}

std::string render_guest(const Guest& guest, const Look& look)
{
    const auto state = state_of(guest);
    auto text = paragraph(painted_mark(state.mark, look) + " ", "  ",
                          guest.name + ": " + place_text(guest), look);
    const auto line = [&](const std::string& title, const std::string& value) {
        constexpr std::size_t title_width = 12;
        if (!value.empty()) {
            text += paragraph("  " + padded(title, title_width), std::string(2 + title_width, ' '),
                              value, look);
        }
    };
    line("uuid", guest.uuid);
    line("run state", guest.run_state);
    line("policy", policy_text(guest));
    line("from", guest.policy_source);
    for (const auto& [vcpu, cpus] : guest.vcpus) {
        line("vCPU " + std::to_string(vcpu), cpus.str());
    }
    line("emulator", guest.emulator.str());
    if (!guest.isolated.empty()) {
        line("isolated", guest.isolated.str());
    }
    for (const auto& [id, cpus] : guest.iothreads) {
        line("iothread " + std::to_string(id), cpus.str());
    }
    line("memory", guest.nodes.empty() ? "not bound to nodes" : "node " + guest.nodes);
    for (const auto& hold : guest.holds) {
        line("held by", hold.owner + ": " + hold.reason);
    }
    line("changed", guest.last_applied_usec == 0 ? "" : clock_text(guest.last_applied_usec));
    if (!is_as_asked(guest)) {
        line("lacks", why_not(guest));
    }
    return text;
}

} // namespace virtpind::client
