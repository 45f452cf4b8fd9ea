// SPDX-License-Identifier: LGPL-2.1-or-later
// The requests of the reconciler to the libvirt side, and the events from there. Abstract, so that
// tests can inject faults; daemon/libvirt/client.hpp is the real one. All calls are made, and all
// replies and events arrive, on the main thread.
#pragma once

#include "action.hpp"
#include "common/base/result.hpp"
#include "definition_scope.hpp"
#include "domain.hpp"
#include "original_state.hpp"

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace virtpind {

// The capabilities of this libvirt and its driver; the test driver has fewer than QEMU's.
struct DriverCapabilities {
    bool pin_offline_vcpus = true; // live pins of vCPUs that are not plugged
    bool real_affinities = true;   // virDomainGetVcpus reports the kernel's view
    bool live_numatune = true;
    bool hotplug_vcpus = true;
    TuningAbilities tuning; // of definitions
};

struct Observation {
    std::vector<ObservedDomain> domains; // every domain, ascending UUID
    DriverCapabilities abilities;
};

enum class ObserveDepth {
    definitions, // libvirt's view; enough after an event
    affinities,  // also the kernel's view of each running domain
};

// A definition as XML, or the visible part of it, before and after.
struct DefinitionPreview {
    std::string now;
    std::string next;
};

struct LibvirtConnected {
    std::string uri;    // canonical, as libvirt gives it
    std::string driver; // "QEMU", "TEST", ...
};

struct LibvirtLost {
    Error why;
};

// A hint to observe again. `what` is for the log ("started", "tunable", "metadata", ...).
struct DomainChanged {
    enum class Kind { other, started, ended };
    DomainUuid uuid;
    std::string what;
    Kind kind = Kind::other; // ended: stopped or undefined
};

// Events were dropped because too many came at once; everything may have changed.
struct EventsOverflowed {};

using LibvirtEvent = std::variant<LibvirtConnected, LibvirtLost, DomainChanged, EventsOverflowed>;

class LibvirtPort {
public:
    virtual ~LibvirtPort() = default;

    // A fresh and full picture. Errors: host_unavailable, or libvirt's own.
    virtual void observe(ObserveDepth depth, std::function<void(Result<Observation>)> done) = 0;

    // Applies in order, reads back, replies with one Outcome per element.
    virtual void apply(std::vector<DomainActions> actions,
                       std::function<void(std::vector<Outcome>)> done) = 0;

    // Callers ask for the next four. Error: also limits_exceeded, when too many of them are
    // open.

    // A definition that a caller has, read, as one that is shut off. libvirt does not see it.
    // Errors: as parse_domain_xml().
    virtual void read_guest(std::string xml, std::function<void(Result<ObservedDomain>)> done) = 0;
    // As it is, and as `change` would make it.
    virtual void preview_guest(std::string xml, DefinitionChange change,
                               std::function<void(Result<DefinitionPreview>)> done) = 0;

    // The definition as it is now and as `change` would make it, within
    // `scope`.
    virtual void preview(DomainUuid uuid, DefinitionChange change, DefinitionScope scope,
                         std::function<void(Result<DefinitionPreview>)> done) = 0;

    // Writes (or removes) the metadata element: into the definition, and into the running domain.
    virtual void store_policy(DomainUuid uuid, std::optional<PolicySpec> policy,
                              std::function<void(Result<void>)> done) = 0;

    // Durable before-images. Saving replies only when the file is on disk. Errors of saving:
    // limits_exceeded only for too many of them, conflict when an unreadable file has its name;
    // after other errors, the file may exist all the same.
    virtual void save_before_image(BeforeImage image, std::function<void(Result<void>)> done) = 0;
    // Removes the oldest of `uuids`, and returns its UUID.
    virtual void forget_oldest_before_image(std::vector<DomainUuid> uuids,
                                            std::function<void(Result<DomainUuid>)> done) = 0;
    // Removes all that it can; returns the first error.
    virtual void forget_before_images(std::vector<DomainUuid> uuids,
                                      std::function<void(Result<void>)> done) = 0;
};

} // namespace virtpind
