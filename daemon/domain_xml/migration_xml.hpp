// SPDX-License-Identifier: LGPL-2.1-or-later
// The XML of a domain as another host can start it. Pure; the text is anybody's.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace virtpind {

// What the other host has.
struct Destination {
    CpuSet cpus;
    NodeSet nodes;
};

// `text`, of a definition or a running domain, without pins and memory of hosts that only this one
// has: where its note says that they are virtpind's, they are as they were before, unless the
// destination has all of those CPUs or nodes. Where the destination is known, what is left is cut
// to what it has. Everything else stays, the metadata too: the destination knows by it what is
// ours. `text` itself where nothing is in the way. Errors: those of parse_domain_xml() and
// edit_definition().
[[nodiscard]] Result<std::string> xml_for(std::string_view text,
                                          const std::optional<Destination>& destination);

} // namespace virtpind
