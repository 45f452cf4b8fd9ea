// SPDX-License-Identifier: LGPL-2.1-or-later
// The service with a fake daemon behind it on a private bus, and a client of it.
#pragma once

#include "dbus/service.hpp"
#include "tests/support/bus_client.hpp"
#include "tests/support/fake_control_port.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <utility>

namespace virtpind::bus::test {

constexpr const char* manager_path = "/org/virtpind1";
constexpr const char* manager = "org.virtpind1.Manager";
constexpr const char* domain = "org.virtpind1.Domain";
constexpr const char* properties = "org.freedesktop.DBus.Properties";
constexpr const char* web1_path = "/org/virtpind1/domain/_1b4e28ba_2fa1_11d2_883f_0016d3cca427";

// The service on a private bus, with domain web1 and one client.
class BusTest : public ::testing::Test {
protected:
    BusTest()
    {
        setenv("DBUS_SESSION_BUS_ADDRESS", bus.address().c_str(), 1);
        auto created = Service::create(loop.event, BusKind::session, port, manager_view());
        if (!created) {
            throw std::runtime_error{created.error().message};
        }
        service = std::move(*created);
        service->publish(manager_view(), {web1_view()});
        client = std::make_unique<Client>(loop, bus.address());
    }

    // Whether the service still answers; drives the loop until it did.
    [[nodiscard]] bool alive()
    {
        return client->call(manager_path, manager, "Describe", "").error.empty();
    }

    PrivateBus bus;
    Loop loop;
    FakePort port;
    std::unique_ptr<Service> service;
    std::unique_ptr<Client> client;
};

} // namespace virtpind::bus::test
