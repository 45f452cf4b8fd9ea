// SPDX-License-Identifier: LGPL-2.1-or-later
// The domains that are named to `virtpind plan`, by file or by libvirt's name. Blocking.
#pragma once

#include "common/base/result.hpp"
#include "common/model/domain.hpp"
#include "common/model/policy.hpp"
#include "plan_options.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace virtpind {

// A domain that was named on the command line.
struct AskedDomain {
    std::string label; // the path of its file, or its name in libvirt
    std::string text;  // its definition
    ObservedDomain seen;
};

struct AskedDomains {
    std::vector<AskedDomain> asked; // in the order of `options.domains`, each UUID once
    // The others that run in libvirt, ascending UUID; none where all are files.
    std::vector<ObservedDomain> beside;
    std::string libvirt_uri; // empty where libvirt was not asked
};

// What is no existing file, and has no slash, is the name or UUID of a domain in libvirt, which is
// asked read-only. Errors name the file, or the domain and what there is instead.
[[nodiscard]] Result<AskedDomains>
read_asked_domains(const PlanOptions& options, const PolicyCatalog& catalog, std::ostream& err);

// "read 'web.xml'", for Error::failed_to().
[[nodiscard]] std::string to_read(const AskedDomain& domain);

} // namespace virtpind
