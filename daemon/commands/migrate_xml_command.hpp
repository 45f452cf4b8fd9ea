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
    bool persistent = false; // its definition, not the running domain
    // The destination; absent: unknown, or for standard input this host.
    std::optional<host::TopologySource> topology;
};

// Exit status: 0, 1 where libvirt cannot give the XML, 2 on bad input. Nothing is written to `out`
// but the whole of it. Of standard input ("-") it works without libvirt, as a hook has to.
[[nodiscard]] int run_migrate_xml_command(const MigrateXmlOptions& options, std::ostream& out,
                                          std::ostream& err);

} // namespace virtpind
