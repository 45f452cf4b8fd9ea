// SPDX-License-Identifier: LGPL-2.1-or-later
// One open connection to libvirt, with its events registered. Worker thread only, opening and
// closing included: both block without limit when libvirt hangs.
#pragma once

#include "common/model/libvirt_port.hpp"
#include "cpu_capabilities.hpp"
#include "definition_watch.hpp"
#include "events.hpp"
#include "handles.hpp"

#include <memory>
#include <optional>
#include <string>

namespace virtpind {

class VirtConnection {
public:
    // Events are registered before anything can be listed, so that no change falls in between.
    [[nodiscard]] static Result<std::unique_ptr<VirtConnection>>
    open(const std::string& uri, ConnectionNumber number, VirtEvents& events);

    // One that tells nobody of events, for a command that ends when it is done.
    [[nodiscard]] static Result<std::unique_ptr<VirtConnection>> open_deaf(const std::string& uri);
    // The same, read-only, which libvirt grants to more users. Its abilities are those of files:
    // libvirt tells them only to who may change something. It has no watch().
    [[nodiscard]] static Result<std::unique_ptr<VirtConnection>>
    open_read_only(const std::string& uri);

    [[nodiscard]] virConnectPtr raw() const { return connection_.get(); }

    [[nodiscard]] ConnectionNumber number() const { return number_; }

    [[nodiscard]] const LibvirtConnected& identity() const { return identity_; }

    // libvirt's built-in "test" driver has flag rules of its own.
    [[nodiscard]] bool is_test_driver() const { return identity_.driver == "TEST"; }

    [[nodiscard]] const DriverCapabilities& abilities() const { return abilities_; }

    // What happens to definitions that are written by this connection.
    [[nodiscard]] DefinitionWatch& watch() const { return *watch_; }

    // Does not ask libvirt, only whether the way to it is open.
    [[nodiscard]] bool is_alive() const { return virConnectIsAlive(connection_.get()) != 0; }

private:
    using Open = virConnectPtr (*)(const char* uri);

    [[nodiscard]] static Result<std::unique_ptr<VirtConnection>> open_bare(const std::string& uri,
                                                                           Open open);
    void learn_abilities();

    VirtConnection(ConnectionHandle connection, LibvirtConnected identity)
        : connection_{std::move(connection)}, identity_{std::move(identity)}
    {}

    ConnectionHandle connection_;
    ConnectionNumber number_{}; // of one that hears events
    LibvirtConnected identity_;
    DriverCapabilities abilities_;
    // These end before the connection does.
    std::optional<EventSubscription> subscription_;
    std::unique_ptr<DefinitionWatch> watch_;
};

} // namespace virtpind
