// SPDX-License-Identifier: LGPL-2.1-or-later
// The bus name org.virtpind1 and all its objects: D-Bus requests go to the ControlPort, and the
// daemon publishes here. Main thread only.
#pragma once

#include "common/base/result.hpp"
#include "common/model/control_port.hpp"

#include <systemd/sd-event.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace sdbus {
class IConnection;
}

namespace virtpind::bus {

class Authorizer;
class DomainObject;
class Door;
class LoopAttachment;
class ManagerObject;
class FairQueue;
struct Context;

enum class BusKind { system, session };

class Service final : public ViewSink {
public:
    // Connects, exports the manager with `initial`, then requests the name. Each step waits
    // for the bus, so call it before the loop runs. `event` and `port` must outlive the
    // service; a reply that outlives the service is dropped. Errors: host_unavailable (no
    // bus), permission_denied (the bus policy forbids the name), conflict (another process
    // owns it).
    [[nodiscard]] static Result<std::unique_ptr<Service>>
    create(sd_event* event, BusKind bus, ControlPort& port, ManagerView initial);
    ~Service() override;
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    void publish(const ManagerView& manager, const std::vector<DomainView>& domains) override;
    void applied(const DomainUuid& uuid, std::uint64_t generation, const std::string& result,
                 const OptionMap& details) override;

private:
    Service(std::unique_ptr<sdbus::IConnection> connection, ControlPort& port, ManagerView initial);
    void watch_callers();
    void remove_departed(const std::vector<DomainView>& present);

    // In the order in which they need each other.
    std::unique_ptr<sdbus::IConnection> connection_;
    std::unique_ptr<FairQueue> turns_;
    std::unique_ptr<Door> door_;
    std::unique_ptr<LoopAttachment> attachment_;
    std::unique_ptr<Authorizer> authorizer_;
    std::set<std::string> owners_;
    std::unique_ptr<Context> context_;
    std::unique_ptr<ManagerObject> manager_;
    std::map<DomainUuid, std::unique_ptr<DomainObject>> domains_;
    std::unique_ptr<void, std::function<void(void*)>> caller_watch_; // an sdbus::Slot
};

} // namespace virtpind::bus
