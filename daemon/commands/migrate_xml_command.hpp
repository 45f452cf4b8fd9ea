// SPDX-License-Identifier: LGPL-2.1-or-later
// `virtpind migrate-xml`: the XML of a domain as another host can start it.
#pragma once

#include "daemon/topology/topology_source.hpp"

#include <iosfwd>
#include <optional>
#include <string>

namespace virtpind {

// virtpind migrate-xml ...
struct MigrateXmlOptions {
    std::string uri = "qemu:///system";
    std::string domain;      // name, UUID, or "-": XML on standard input
    bool persistent = false; // the definition instead of the running domain
    // The destination; absent: unknown, or for standard input this host.
    std::optional<TopologySource> topology;
};

// Exit status: 0, 1 when libvirt cannot provide the XML, 2 on bad input. `out` gets the whole XML
// or nothing. With standard input ("-"), it works without libvirt, as a hook requires.
[[nodiscard]] int run_migrate_xml_command(const MigrateXmlOptions& options, std::ostream& out,
                                          std::ostream& err);

} // namespace virtpind
