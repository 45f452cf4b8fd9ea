// SPDX-License-Identifier: LGPL-2.1-or-later
// The object /org/virtpind1: org.virtpind1.Manager and ObjectManager.
#pragma once

#include "common/model/control_port.hpp"
#include "dbus/context.hpp"
#include "dbus/pending_calls.hpp"

#include <virtpind-manager-adaptor.h>

#include <string>
#include <vector>

namespace virtpind::bus {

class ManagerObject final : public sdbus::AdaptorInterfaces<org::virtpind1::Manager_adaptor,
                                                            sdbus::ObjectManager_adaptor> {
public:
    // On the bus from construction to destruction.
    ManagerObject(const Context& context, ManagerView view);
    ~ManagerObject();
    ManagerObject(const ManagerObject&) = delete;
    ManagerObject& operator=(const ManagerObject&) = delete;

    // Announces the changes in one signal. Throws sdbus::Error when the bus is gone.
    void publish(const ManagerView& view, const std::vector<DomainView>& domains);
    // Ends what a caller that left the bus had: holds, policies.
    void on_caller_vanished(const std::string& name);

private:
    sdbus::ObjectPath GetDomain(const std::string& domain) override;
    void ListDomains(sdbus::Result<std::vector<DomainRow>>&& result) override;
    void List(sdbus::Result<std::vector<ListRow>>&& result) override;
    void Set(sdbus::Result<std::uint64_t>&& result, std::string domain, std::string text) override;
    void SetPolicy(sdbus::Result<std::uint64_t>&& result, std::string domain, std::string policy,
                   VariantMap options, std::uint64_t flags) override;
    void ResetPolicy(sdbus::Result<std::uint64_t>&& result, std::string domain,
                     std::uint64_t flags) override;
    void Reapply(sdbus::Result<std::uint64_t>&& result, std::string domain,
                 std::uint64_t flags) override;
    void Plan(sdbus::Result<std::string>&& result, std::string domain, std::string policy,
              VariantMap options) override;
    void Doctor(sdbus::Result<std::string>&& result, std::string domain) override;
    void PlanXML(sdbus::Result<std::string>&& result, std::string xml, std::string policy,
                 VariantMap options) override;
    void Why(sdbus::Result<std::vector<ReasonRow>>&& result, std::string domain) override;
    void Hold(sdbus::Result<std::uint64_t>&& result, std::string domain,
              std::string reason) override;
    void Release(sdbus::Result<>&& result, std::uint64_t cookie) override;
    void Reload(sdbus::Result<>&& result, std::uint64_t flags) override;
    void Describe(sdbus::Result<std::string>&& result) override;
    void ExportTopology(sdbus::Result<std::string>&& result, std::uint64_t flags) override;

    std::string Version() override;
    std::uint32_t InterfaceVersion() override;
    std::string State() override;
    std::string LibvirtURI() override;
    std::string OnlineCPUs() override;
    std::string HousekeepingCPUs() override;
    std::string PoolCPUs() override;
    std::string IsolatedCPUs() override;
    std::uint64_t TopologyGeneration() override;
    std::vector<std::string> Policies() override;
    std::string DefaultPolicy() override;
    std::vector<sdbus::Struct<std::string, std::string, sdbus::ObjectPath>> Problems() override;
    std::vector<sdbus::Struct<sdbus::ObjectPath, std::string, std::string>> Holds() override;

    [[nodiscard]] Authorizer::Details details_of(const DomainUuid& uuid) const;
    [[nodiscard]] Call call() const;

    // The call whose handler is running.
    template <class WireResult>
    [[nodiscard]] auto open_call(const WireResult& result)
    {
        return pending_calls_.add(result, getObject(), context_.door.place());
    }

    const Context& context_;
    PendingCalls pending_calls_;
    ManagerView view_;
    std::vector<DomainRow> rows_; // of ListDomains,
    std::vector<ListRow> list_;   // and of List
};

} // namespace virtpind::bus
