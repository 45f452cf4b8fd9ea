// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/service.hpp"

#include "dbus/authorizer.hpp"
#include "dbus/boundary.hpp"
#include "dbus/context.hpp"
#include "dbus/domain_object.hpp"
#include "dbus/door.hpp"
#include "dbus/fair_queue.hpp"
#include "dbus/loop_attachment.hpp"
#include "dbus/manager_object.hpp"
#include "dbus/names.hpp"
#include "dbus/valid.hpp"

#include <set>
#include <utility>

namespace virtpind::bus {

namespace {

// Connections that leave the bus: only their NameOwnerChanged has an empty third argument. One rule
// for all callers, installed once, instead of one per holder: adding a rule waits for the bus.
constexpr const char* vanished_rule =
    "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
    "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''";

std::string_view to_string(BusKind bus)
{
    return bus == BusKind::system ? "system" : "session";
}

Result<std::unique_ptr<sdbus::IConnection>> connect(BusKind bus)
{
    try {
        return bus == BusKind::system ? sdbus::createSystemBusConnection()
                                      : sdbus::createSessionBusConnection();
    } catch (const sdbus::Error& e) {
        return Error{.code = Errc::host_unavailable,
                     .message = "failed to connect to the " + std::string{to_string(bus)} +
                                " bus: " + e.getMessage() +
                                "; is it running, and is its address right?"};
    }
}

// The unique name of who has our bus name; empty when nobody does.
std::string name_owner(sdbus::IConnection& connection)
{
    try {
        const auto driver = sdbus::createProxy(connection, ServiceName{driver_name},
                                               sdbus::ObjectPath{driver_path});
        std::string owner;
        driver->callMethod("GetNameOwner")
            .onInterface(driver_name)
            .withArguments(std::string{bus_name})
            .storeResultsTo(owner);
        return owner;
    } catch (const sdbus::Error&) {
        return {};
    }
}

Result<void> request_name(sdbus::IConnection& connection, BusKind bus)
{
    try {
        connection.requestName(ServiceName{bus_name});
        return {};
    } catch (const sdbus::Error& e) {
        const auto what = "failed to own " + std::string{bus_name} + " on the " +
                          std::string{to_string(bus)} + " bus: ";
        if (const auto owner = name_owner(connection); !owner.empty()) {
            return Error{.code = Errc::conflict,
                         .message = what + "it is owned by " + owner +
                                    "; stop that service first (see busctl status " + owner + ")"};
        }
        return Error{.code = Errc::permission_denied,
                     .message = what + e.getMessage() +
                                "; does the bus policy org.virtpind1.conf allow this user?"};
    }
}

// What cannot be announced because the bus is gone concerns nobody; the loop ends by itself then.
template <class Announcing>
void while_connected(Announcing announce)
{
    try {
        announce();
    } catch (const sdbus::Error&) { // NOLINT(bugprone-empty-catch): see above
    }
}

} // namespace

Result<std::unique_ptr<Service>> Service::create(sd_event* event, BusKind bus, ControlPort& port,
                                                 ManagerView initial)
{
    auto connection = connect(bus);
    if (!connection) {
        return std::move(connection).error();
    }
    try {
        std::unique_ptr<Service> service{
            new Service{std::move(*connection), port, std::move(initial)}};
        service->watch_callers();
        if (auto named = request_name(*service->connection_, bus); !named) {
            return std::move(named).error();
        }
        if (auto attached = service->attachment_->attach(event); !attached) {
            return std::move(attached).error();
        }
        return service;
    } catch (const sdbus::Error& e) {
        return Error{.code = Errc::internal,
                     .message = "failed to export the D-Bus objects: " + e.getMessage()};
    }
}

Service::Service(std::unique_ptr<sdbus::IConnection> connection, ControlPort& port,
                 ManagerView initial)
    : connection_{std::move(connection)}
    , turns_{std::make_unique<FairQueue>()}
    , door_{std::make_unique<Door>(*connection_, *turns_)}
    , attachment_{std::make_unique<LoopAttachment>(*connection_, *door_, *turns_)}
    , authorizer_{std::make_unique<Authorizer>(*connection_)}
    , context_{std::make_unique<Context>(
          Context{*connection_, port, *authorizer_, *door_, owners_})}
    , manager_{std::make_unique<ManagerObject>(*context_, valid(std::move(initial)))}
{}

Service::~Service() = default;

void Service::watch_callers()
{
    caller_watch_ = add_match(*connection_, vanished_rule, [this](auto&& message) {
        contained([&] {
            std::string name;
            message >> name;
            authorizer_->on_caller_vanished(name);
            manager_->on_caller_vanished(name);
            door_->on_caller_vanished(name);
        });
    });
}

void Service::publish(const ManagerView& manager, const std::vector<DomainView>& domains)
{
    while_connected([&] {
        remove_departed(domains);
        std::vector<DomainView> shown;
        shown.reserve(domains.size());
        for (const auto& domain : domains) {
            const auto& view = shown.emplace_back(valid(domain));
            if (const auto known = domains_.find(view.uuid); known != domains_.end()) {
                known->second->publish(view);
            } else {
                domains_.emplace(view.uuid, std::make_unique<DomainObject>(*context_, view));
            }
        }
        manager_->publish(valid(manager), shown);
    });
}

void Service::applied(const DomainUuid& uuid, std::uint64_t generation, const std::string& result,
                      const OptionMap& details)
{
    while_connected([&] {
        if (const auto known = domains_.find(uuid); known != domains_.end()) {
            known->second->announce_applied(generation, result, details);
        }
    });
}

void Service::remove_departed(const std::vector<DomainView>& present)
{
    std::set<DomainUuid> uuids;
    for (const auto& view : present) {
        uuids.insert(view.uuid);
    }
    for (auto domain = domains_.begin(); domain != domains_.end();) {
        if (!uuids.contains(domain->first)) {
            domain->second->announce_removed();
            domain = domains_.erase(domain);
        } else {
            ++domain;
        }
    }
}

} // namespace virtpind::bus
