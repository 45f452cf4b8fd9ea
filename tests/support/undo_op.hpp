// SPDX-License-Identifier: LGPL-2.1-or-later
// What may happen to guests and to the daemon, for the tests of the undo, and the guests.
#pragma once

#include "tests/support/virt_world.hpp"

#include <array>
#include <cstddef>
#include <ostream>
#include <set>
#include <string>

namespace virtpind::test {

// Nothing that virtpind would choose.
inline const std::array<std::string, 3> cpus_of_others{"0,3,5", "1-2,6", "0-1,4,7"};

inline const std::array<std::string, 2> guest_uuids{"11111111-2222-3333-4444-555555555555",
                                                    "66666666-7777-8888-9999-aaaaaaaaaaaa"};

enum class What {
    set_policy,
    reset_policy,
    start,
    stop,
    restart_guest,
    edit,
    edit_live,
    plug,
    undefine,
    define,
    restart_daemon,
    reapply,
    restore,
    hold,
    release,
    configure,
    rename,
};
inline constexpr std::array what_names{
    "set_policy", "reset_policy", "start",    "stop",      "restart_guest",  "edit",
    "edit_live",  "plug",         "undefine", "define",    "restart_daemon", "reapply",
    "restore",    "hold",         "release",  "configure", "rename"};

struct Calls {
    const char* name;
    std::set<Kind> kinds;
};

inline const std::array<Calls, 7> kinds_of_calls{{
    {"change", {Kind::live, Kind::definition, Kind::metadata, Kind::file}},
    {"call", {Kind::look, Kind::live, Kind::definition, Kind::metadata, Kind::file}},
    {"look", {Kind::look}},
    {"live change", {Kind::live}},
    {"definition", {Kind::definition}},
    {"metadata", {Kind::metadata}},
    {"file", {Kind::file}},
}};

// One thing that happens, and what goes wrong meanwhile.
struct Op {
    What what = What::reapply;
    unsigned guest = 0;
    unsigned variant = 0;
    Fault::What fault = Fault::What::none;
    unsigned first = 1;
    unsigned count = 1;
    std::size_t at = 0; // which calls count
    unsigned jobs = 0;  // that are done before the next thing happens; 0: all
    friend bool operator==(const Op&, const Op&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const Op& op)
{
    constexpr std::array faults{"",     "killed before", "killed after", "refused",
                                "late", "lost",          "lost late",    "overtaken"};
    out << what_names.at(static_cast<std::size_t>(op.what)) << " guest " << op.guest << " variant "
        << op.variant;
    if (op.fault != Fault::What::none) {
        out << ", " << faults.at(static_cast<std::size_t>(op.fault)) << " at "
            << kinds_of_calls.at(op.at).name << " " << op.first << " x" << op.count;
    }
    return op.jobs != 0 ? out << ", " << op.jobs << " jobs" : out;
}

// A persistent guest in one of several shapes; the variant says which, and with which pins.
inline std::string guest_xml(unsigned number, unsigned variant)
{
    Definition made;
    made.name = "guest" + std::to_string(number);
    made.uuid = guest_uuids.at(number);
    made.vcpus = number == 0 ? 2 : 4;
    made.current = number == 0 ? 2 : 2;
    made.iothreads = 1 - number;
    made.cpu_xml = number == 0 ? "<cpu mode='host-passthrough'/>" : "";
    if ((variant & 1U) != 0) {
        made.vcpupins[0] = cpus_of_others[variant / 2 % 3];
        made.emulatorpin = cpus_of_others[1];
    }
    if ((variant & 2U) != 0) {
        made.cpuset = cpus_of_others[2];
    }
    if ((variant & 4U) != 0) {
        made.numatune_xml = "<numatune><memory mode='restrictive' nodeset='0-1'/></numatune>";
    }
    if ((variant & 8U) != 0 && made.iothreads > 0) {
        made.iothreadpins[1] = cpus_of_others[0];
        made.iothreads_listed = true;
    }
    return format_definition(made);
}

} // namespace virtpind::test
