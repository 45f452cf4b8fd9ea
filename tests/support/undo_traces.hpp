// SPDX-License-Identifier: LGPL-2.1-or-later
// What is left of virtpind in a guest in the end: "" when all is its owner's.
#pragma once

#include "tests/support/virt_world.hpp"

#include <set>
#include <string>

namespace virtpind::test {

// As libvirt shows threads that are pinned nowhere.
inline const std::string no_pin = "0-7";

// What the definition says that nobody else wrote into it.
inline std::string traces_in_definition(const Guest& guest)
{
    std::string traces;
    auto parts = definition_parts(*guest.config);
    for (const auto& [part, values] : guest.theirs) {
        parts.try_emplace(part);
    }
    for (const auto& [part, value] : parts) {
        const auto theirs = guest.theirs.find(part);
        if (theirs == guest.theirs.end() || theirs->second.count(value) == 0) {
            traces +=
                "the definition of " + guest.config->name + " says " + part + "=" + value + "; ";
        }
    }
    traces += guest.config->note_xml.empty() ? "" : "the note stays in the definition; ";
    return traces + (guest.config->policy_xml.empty() ? "" : "the policy stays; ");
}

// The masks that others gave this part, in the definition or live.
inline std::set<std::string> masks(const Guest& guest, const std::string& part,
                                   const std::string& live)
{
    std::set<std::string> may = {};
    const auto values_of = [&guest](const std::string& name) {
        const auto at = guest.theirs.find(name);
        return at != guest.theirs.end() ? at->second : std::set<std::string>{""};
    };
    for (const auto& value : values_of(part)) {
        if (!value.empty()) {
            may.insert(value);
            continue;
        }
        for (const auto& all : values_of("vcpu@cpuset")) {
            may.insert(all.empty() ? no_pin : all);
        }
    }
    if (const auto at = guest.theirs_live.find(live); at != guest.theirs_live.end()) {
        may.insert(at->second.begin(), at->second.end());
    }
    return may;
}

// Where its threads run that neither its definition nor anybody else says.
inline std::string traces_in_run(const Guest& guest)
{
    std::string traces;
    const auto& live = *guest.live;
    const auto check = [&](const std::string& what, std::string mask, const std::string& part,
                           const std::string& others) {
        mask = !mask.empty() ? mask : !live.cpuset.empty() ? live.cpuset : no_pin;
        if (masks(guest, part, others).count(mask) == 0) {
            traces += what + " of " + live.name + " runs on " + mask + "; ";
        }
    };
    for (const auto id : guest.online) {
        const auto at = live.vcpupins.find(id);
        check("vCPU " + std::to_string(id), at != live.vcpupins.end() ? at->second : "",
              "cputune/vcpupin:" + std::to_string(id), id == 0 ? "vcpu" : "");
    }
    check("the emulator", live.emulatorpin, "cputune/emulatorpin", "emulator");
    if (live.iothreads > 0) {
        const auto at = live.iothreadpins.find(1);
        check("the I/O thread", at != live.iothreadpins.end() ? at->second : "",
              "cputune/iothreadpin:1", "iothread");
    }
    const auto bound = live.numatune_xml.find("nodeset=") != std::string::npos &&
                       live.numatune_xml.find("0-1") == std::string::npos;
    traces += live.note_xml.empty() ? "" : "the note of the run stays; ";
    return traces + (bound ? "memory of " + live.name + " stays bound; " : "");
}

} // namespace virtpind::test
