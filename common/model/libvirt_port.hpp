// SPDX-License-Identifier: LGPL-2.1-or-later
// What the reconciler may ask of the libvirt side, and what it hears from there. Abstract so that
// faults can be played in tests; daemon/libvirt/client.hpp is the real one.
// All functions are called, and all answers and events arrive, on the main thread.
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

// What this libvirt and its driver can do; the test driver does less than QEMU's.
struct DriverCapabilities {
    bool pin_offline_vcpus = true; // live pins of vCPUs that are not plugged
    bool real_affinities = true;   // virDomainGetVcpus tells what the kernel does
    bool live_numatune = true;
    bool hotplug_vcpus = true;
    TuningAbilities tuning; // of definitions
};

struct Observation {
    std::vector<ObservedDomain> domains; // every domain, ascending UUID
    DriverCapabilities abilities;
};

enum class ObserveDepth {
    definitions, // what libvirt says; enough after an event
    affinities,  // also what the kernel does with each running domain
};

// A definition as XML, or what is shown of it, before and after.
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

// Only a hint: look again. `what` is for the log ("started", "tunable", "metadata", ...).
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

    // Applies in order, reads back, answers with one Outcome per element.
    virtual void apply(std::vector<DomainActions> actions,
                       std::function<void(std::vector<Outcome>)> done) = 0;

    // The next two are what callers ask for. Error: limits_exceeded, too, while too many of them
    // are under way.

    // What `change` would make of the definition, as it is now and as it would be, as much of it as
    // `scope` says.
    virtual void preview(DomainUuid uuid, DefinitionChange change, DefinitionScope scope,
                         std::function<void(Result<DefinitionPreview>)> done) = 0;

    // Writes (or removes) the metadata element: into the definition, and into the running domain.
    virtual void store_policy(DomainUuid uuid, std::optional<PolicySpec> policy,
                              std::function<void(Result<void>)> done) = 0;

    // Durable before-images. Saving answers only when the file is on disk. Errors of saving:
    // limits_exceeded only where there are too many of them, conflict where one that could not be
    // read is in its place, and others, after which it may be there all the same.
    virtual void save_before_image(BeforeImage image, std::function<void(Result<void>)> done) = 0;
    // Forgets that of `uuids` which was written longest ago, and says which.
    virtual void forget_oldest_before_image(std::vector<DomainUuid> uuids,
                                            std::function<void(Result<DomainUuid>)> done) = 0;
    // All that can be forgotten are; the error is the first one's.
    virtual void forget_before_images(std::vector<DomainUuid> uuids,
                                      std::function<void(Result<void>)> done) = 0;
};

} // namespace virtpind
