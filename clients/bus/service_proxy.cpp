// SPDX-License-Identifier: LGPL-2.1-or-later
#include "service_proxy.hpp"

#include "call_errors.hpp"
#include "common/base/printable.hpp"
#include "dbus/names.hpp"
#include "dbus/sdbus_compat.hpp"
#include "properties.hpp"
#include "virtpind-domain-proxy.h"
#include "virtpind-manager-proxy.h"

#include <algorithm>
#include <variant>

namespace virtpind::client {

namespace {

constexpr std::uint64_t runtime_only_flag = 0x1;
constexpr std::uint64_t defer_flag = 0x2;
constexpr std::uint64_t merge_flag = 0x4;

std::map<std::string, sdbus::Variant> variants(const OptionMap& options)
{
    std::map<std::string, sdbus::Variant> values;
    for (const auto& [name, value] : options) {
        values[name] = std::visit([](const auto& held) { return sdbus::Variant{held}; }, value);
    }
    return values;
}

bool by_name(const Guest& a, const Guest& b)
{
    return std::tie(a.name, a.uuid) < std::tie(b.name, b.uuid);
}

} // namespace

// The generated proxies, made whole.
class ManagerCalls final : public sdbus::ProxyInterfaces<org::virtpind1::Manager_proxy> {
public:
    using ProxyInterfaces::ProxyInterfaces;
};

class DomainCalls final : public sdbus::ProxyInterfaces<org::virtpind1::Domain_proxy> {
public:
    using ProxyInterfaces::ProxyInterfaces;

private:
    void onApplied(const std::uint64_t& /*generation*/, const std::string& /*result*/,
                   const std::map<std::string, sdbus::Variant>& /*details*/) override
    {}
};

class ServiceProxy::Remote {
public:
    Remote(sdbus::IConnection& opened, Target wanted)
        : connection{opened}
        , target{std::move(wanted)}
        , manager{opened, bus::ServiceName{bus::bus_name}, sdbus::ObjectPath{bus::manager_path}}
        , plain{sdbus::createProxy(opened, bus::ServiceName{bus::bus_name},
                                   sdbus::ObjectPath{bus::manager_path})}
    {}

    // What `call` returns, or why it failed.
    template <class Call>
    auto attempt(Call call) const -> Result<decltype(call())>
    {
        try {
            if constexpr (std::is_void_v<decltype(call())>) {
                call();
                return {};
            } else {
                return call();
            }
        } catch (const sdbus::Error& error) {
            return call_error(std::string{error.getName()}, error.getMessage(), target);
        }
    }

    // A call by hand, of an interface that is not ours or that must not start the service.
    [[nodiscard]] sdbus::MethodCall make_call(const char* interface, const char* method,
                                              Activation activation) const
    {
        auto call = plain->createMethodCall(bus::InterfaceName{interface}, bus::MethodName{method});
        sd_bus_message_set_auto_start(bus::raw_message(call),
                                      activation == Activation::allowed ? 1 : 0);
        return call;
    }

    sdbus::IConnection& connection;
    Target target;
    ManagerCalls manager;
    std::unique_ptr<sdbus::IProxy> plain; // for calls by hand
    std::vector<sdbus::Slot> slots;
};

ServiceProxy::ServiceProxy(const Connection& connection, Target target)
    : remote_{std::make_unique<Remote>(connection.bus(), std::move(target))}
{}

ServiceProxy::~ServiceProxy() = default;

Result<Snapshot> ServiceProxy::snapshot(Activation activation)
{
    return remote_->attempt([this, activation] {
        Properties manager;
        auto ask_properties =
            remote_->make_call("org.freedesktop.DBus.Properties", "GetAll", activation);
        ask_properties << std::string{org::virtpind1::Manager_proxy::INTERFACE_NAME};
        auto properties = remote_->plain->callMethod(ask_properties);
        properties >> manager;
        std::map<sdbus::ObjectPath, std::map<std::string, Properties>> objects;
        const auto ask_objects = remote_->make_call("org.freedesktop.DBus.ObjectManager",
                                                    "GetManagedObjects", activation);
        auto managed = remote_->plain->callMethod(ask_objects);
        managed >> objects;
        Snapshot snapshot{.service = read_service(manager)};
        for (const auto& [path, interfaces] : objects) {
            const auto domain = interfaces.find(org::virtpind1::Domain_proxy::INTERFACE_NAME);
            if (domain != interfaces.end()) {
                snapshot.guests.push_back(read_guest(domain->second));
            }
        }
        std::sort(snapshot.guests.begin(), snapshot.guests.end(), by_name);
        return snapshot;
    });
}

Result<void> ServiceProxy::set(const std::string& uuid, const PolicyChange& change)
{
    return remote_->attempt([&] {
        const auto options = variants(change.options);
        const auto flags = (change.clear ? 0 : merge_flag) |
                           (change.runtime_only ? runtime_only_flag : 0) |
                           (change.defer ? defer_flag : 0);
        remote_->manager.SetPolicy(uuid, change.policy, options, flags);
    });
}

Result<void> ServiceProxy::reset(const std::string& uuid, bool runtime_only)
{
    return remote_->attempt(
        [&] { remote_->manager.ResetPolicy(uuid, runtime_only ? runtime_only_flag : 0); });
}

Result<void> ServiceProxy::reapply(const std::string& uuid)
{
    return remote_->attempt([&] { remote_->manager.Reapply(uuid, 0); });
}

Result<void> ServiceProxy::reload()
{
    return remote_->attempt([&] { remote_->manager.Reload(0); });
}

Result<std::uint64_t> ServiceProxy::hold(const std::string& uuid, const std::string& reason)
{
    return remote_->attempt([&] { return remote_->manager.Hold(uuid, reason); });
}

Result<void> ServiceProxy::release(std::uint64_t cookie)
{
    return remote_->attempt([&] {
        auto call = remote_->make_call(org::virtpind1::Manager_proxy::INTERFACE_NAME, "Release",
                                       Activation::never);
        call << cookie;
        remote_->plain->callMethod(call);
    });
}

Result<std::string> ServiceProxy::explain(const std::string& uuid)
{
    return remote_->attempt([&] {
        auto element = uuid;
        std::replace(element.begin(), element.end(), '-', '_');
        DomainCalls domain{
            remote_->connection, bus::ServiceName{bus::bus_name},
            sdbus::ObjectPath{std::string{bus::manager_path} + "/domain/_" + element}};
        return domain.Explain();
    });
}

Result<std::string> ServiceProxy::plan(const std::string& uuid, const PolicyChange& change)
{
    return remote_->attempt([&] {
        auto options = variants(change.options);
        if (!change.clear) {
            options["merge"] = sdbus::Variant{true};
        }
        return remote_->manager.Plan(uuid, change.policy, options);
    });
}

Result<std::string> ServiceProxy::plan_xml(const std::string& xml, const std::string& policy,
                                           const OptionMap& options)
{
    return remote_->attempt(
        [&] { return remote_->manager.PlanXML(xml, policy, variants(options)); });
}

Result<std::string> ServiceProxy::describe()
{
    return remote_->attempt([&] { return remote_->manager.Describe(); });
}

Result<std::string> ServiceProxy::doctor(const std::string& uuid)
{
    return remote_->attempt([&] { return remote_->manager.Doctor(uuid); });
}

Result<std::string> ServiceProxy::export_topology()
{
    return remote_->attempt([&] { return remote_->manager.ExportTopology(0); });
}

Result<void> ServiceProxy::watch(std::function<void()> changed)
{
    return remote_->attempt([&] {
        const std::string ours =
            "type='signal',sender='org.virtpind1',path_namespace='/org/virtpind1'";
        const std::string owner =
            "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
            "arg0='org.virtpind1'";
        for (const auto& rule : {ours, owner}) {
            remote_->slots.push_back(bus::add_match(
                remote_->connection, rule, [changed](const auto& /*message*/) { changed(); }));
        }
    });
}

} // namespace virtpind::client
