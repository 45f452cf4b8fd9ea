// SPDX-License-Identifier: LGPL-2.1-or-later
// Domain XML to values. Pure. The text may come from anybody who may define a domain, or from a
// file: everything is bounded, and nothing in it can do more than cause an error.
#pragma once

#include "common/base/result.hpp"
#include "common/model/domain.hpp"
#include "common/model/policy.hpp"
#include "xml_bounds.hpp"

#include <string>
#include <string_view>

namespace pugi {
class xml_node;
}

namespace virtpind {

enum class XmlKind {
    config, // a definition: virDomainGetXMLDesc(INACTIVE), or a file
    live,   // virDomainGetXMLDesc(0): of a running domain, or a definition where it has no id
};

// One text gives one side: `kind` decides whether its pins become `live` or `config`. The id is
// that of <domain id=>, and the state follows from it; an observer that has both texts joins them.
// A missing <uuid> (files only) gives an empty one. A policy element that cannot be read is no
// error but facts.metadata's content. Errors: invalid_argument naming element, attribute and value;
// limits_exceeded.
[[nodiscard]] Result<ObservedDomain> parse_domain_xml(std::string_view text,
                                                      const PolicyCatalog& catalog, XmlKind kind);

// The same of a <domain> that load_domain() loaded.
[[nodiscard]] Result<ObservedDomain> read_domain(const pugi::xml_node& domain,
                                                 const PolicyCatalog& catalog, XmlKind kind);

} // namespace virtpind
