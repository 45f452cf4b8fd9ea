// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading domains from libvirt. Worker thread. Only calls that libvirtd answers by itself: one that
// asks QEMU (virDomainGetIOThreadInfo does) has no time limit when QEMU hangs.
#pragma once

#include "common/model/libvirt_port.hpp"
#include "connection.hpp"
#include "daemon/state/crash_guard.hpp"

#include <functional>
#include <optional>
#include <string>

namespace virtpind {

// Every domain, ascending UUID. One that vanishes while it is being read is left out. One that
// cannot be read is there with its name and identity, and with the error as its metadata, so that
// it is left alone. `after_each` is called after each domain.
[[nodiscard]] Result<Observation> observe_host(
    const VirtConnection& connection, const PolicyCatalog& catalog, ObserveDepth depth,
    const std::function<void()>& after_each = [] {}, CrashGuard* guard = nullptr);

// What the XML of an active domain does not tell.
struct ListedState {
    RunState state = RunState::running;
    bool persistent = true;
    bool job_active = false;
};

// One domain; nullopt when it vanished.
[[nodiscard]] Result<std::optional<ObservedDomain>>
observe_domain(const VirtConnection& connection, virDomainPtr domain, const PolicyCatalog& catalog,
               ObserveDepth depth, ListedState listed, CrashGuard* guard = nullptr);

// virDomainGetXMLDesc.
[[nodiscard]] Result<std::string> read_xml(virDomainPtr domain, unsigned flags);

// The definition without its passwords, for which a read-only connection is enough; of a transient
// domain, the running one. Errors: not_found, those of libvirt.
[[nodiscard]] Result<std::string> read_public_definition(const VirtConnection& connection,
                                                         const DomainUuid& uuid);

enum class Side { definition, running };

// As libvirt itself would send it to another host, with its secrets: the destination would lose the
// passwords otherwise. Of a UUID or a name, in that order. Errors: not_found, those of libvirt.
[[nodiscard]] Result<std::string> read_xml_to_send(const VirtConnection& connection,
                                                   const std::string& name_or_uuid, Side side);

[[nodiscard]] DomainUuid uuid_of(virDomainPtr domain);

} // namespace virtpind
