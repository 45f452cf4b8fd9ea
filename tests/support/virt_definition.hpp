// SPDX-License-Identifier: LGPL-2.1-or-later
// Definitions of a QEMU driver in memory: domain XML as libvirt takes it and writes it.
#pragma once

#include "common/base/result.hpp"
#include "common/model/parts.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace virtpind::test {

// What a domain XML says, as far as it matters here.
struct Definition {
    std::string name;
    std::string uuid;
    unsigned vcpus = 1;
    unsigned current = 1;
    std::string cpuset; // empty: none; as all of these
    std::map<unsigned, std::string> vcpupins;
    std::string emulatorpin;
    std::map<unsigned, std::string> iothreadpins;
    unsigned iothreads = 0;
    bool iothreads_listed = false;
    std::string vcpus_xml; // elements as they are
    std::string numatune_xml;
    std::string cpu_xml;
    std::string policy_xml; // in the metadata, as is the other
    std::string note_xml;
};

struct Guest {
    std::optional<Definition> config; // absent: transient
    std::optional<Definition> live;   // absent: shut off
    int id = 0;
    std::set<unsigned> online;

    // What each part of the definition was, at any time, by the word of anybody but virtpind.
    std::map<std::string, std::set<std::string>> theirs;
    // The same of the running domain's pins, by part; these end with the run.
    std::map<std::string, std::set<std::string>> theirs_live;
};

[[nodiscard]] Result<Definition> parse_definition(const std::string& xml);

// As libvirt writes it; `running`: as of that guest, which runs.
[[nodiscard]] std::string format_definition(const Definition& definition,
                                            const Guest* running = nullptr);

// By the names of DefinitionParts.
[[nodiscard]] DefinitionParts definition_parts(const Definition& definition);

// The vCPUs with which a guest starts.
[[nodiscard]] std::set<unsigned> boot_vcpus(const Definition& definition);

} // namespace virtpind::test
