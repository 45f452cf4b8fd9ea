// SPDX-License-Identifier: LGPL-2.1-or-later
// `virtpind migrate-xml`: the XML of a domain as another host can start it.
#pragma once

#include "daemon/options.hpp"

#include <iosfwd>

namespace virtpind {

// Exit status: 0, 1 where libvirt cannot give the XML, 2 on bad input. Nothing is written to `out`
// but the whole of it. Of standard input ("-") it works without libvirt, as a hook has to.
[[nodiscard]] int run_migrate_xml_command(const MigrateXmlOptions& options, std::ostream& out,
                                          std::ostream& err);

} // namespace virtpind
