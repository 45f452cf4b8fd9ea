// SPDX-License-Identifier: LGPL-2.1-or-later
#include "top_text.hpp"

#include "cells.hpp"
#include "table.hpp"

#include <algorithm>
#include <tuple>

namespace virtpind::client {

namespace {

struct Row {
    std::string guest;
    std::uint32_t vcpu = 0;
    std::string cpus;
    std::uint64_t run_permille = 0;
    std::uint64_t wait_permille = 0;
};

std::uint64_t permille(std::uint64_t before, std::uint64_t now, std::uint64_t between_ns)
{
    constexpr std::uint64_t whole = 1000;
    const auto spent = now > before ? now - before : 0;
    return between_ns == 0 ? 0 : std::min(spent / (between_ns / whole + 1), whole);
}

std::string percent_text(std::uint64_t permille_of)
{
    return std::to_string(permille_of / 10) + "." + std::to_string(permille_of % 10);
}

void add_rows(std::vector<Row>& rows, const Guest& guest,
              const std::map<std::uint32_t, VcpuTimes>& before,
              const std::map<std::uint32_t, VcpuTimes>& now, std::uint64_t between_ns)
{
    for (const auto& [vcpu, times] : now) {
        const auto old = before.find(vcpu);
        if (old == before.end()) {
            continue;
        }
        const auto pin = guest.vcpus.find(vcpu);
        rows.push_back({guest.name, vcpu, pin != guest.vcpus.end() ? pin->second.str() : "-",
                        permille(old->second.run_ns, times.run_ns, between_ns),
                        permille(old->second.wait_ns, times.wait_ns, between_ns)});
    }
}

// What waits a twentieth of its time is short of CPUs.
Colour wait_colour(std::uint64_t wait_permille)
{
    constexpr std::uint64_t much = 50;
    constexpr std::uint64_t too_much = 200;
    return wait_permille >= too_much ? Colour::red
           : wait_permille >= much   ? Colour::yellow
                                     : Colour::none;
}

} // namespace

std::string render_times(const std::vector<Guest>& guests, const GuestTimes& before,
                         const GuestTimes& now, std::uint64_t between_ns, std::size_t rows_max,
                         const Look& look)
{
    std::vector<Row> rows;
    std::string unseen;
    for (const auto& guest : guests) {
        const auto old = before.find(guest.uuid);
        const auto times = now.find(guest.uuid);
        if (old != before.end() && times != now.end()) {
            add_rows(rows, guest, old->second, times->second, between_ns);
        } else if (guest.run_state == "running" && times == now.end()) {
            unseen += (unseen.empty() ? "" : ", ") + guest.name;
        }
    }
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
        return std::tie(b.wait_permille, b.run_permille) <
               std::tie(a.wait_permille, a.run_permille);
    });
    rows.resize(std::min(rows.size(), rows_max));
    std::vector<std::vector<Cell>> cells;
    for (const auto& row : rows) {
        cells.push_back({{row.guest},
                         {std::to_string(row.vcpu)},
                         {row.cpus},
                         {percent_text(row.run_permille)},
                         {percent_text(row.wait_permille), wait_colour(row.wait_permille)}});
    }
    auto text = render_table({{.title = "GUEST", .least = 8},
                              {.title = "VCPU", .right = true},
                              {.title = "CPUS", .rank = 1, .least = 8},
                              {.title = "RUN%", .right = true},
                              {.title = "WAIT%", .right = true}},
                             cells, look);
    if (!unseen.empty()) {
        text += paragraph("", "  ", "Not measured, as no process of them is seen here: " + unseen,
                          look);
    }
    return text;
}

} // namespace virtpind::client
