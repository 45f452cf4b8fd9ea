// SPDX-License-Identifier: LGPL-2.1-or-later
// The object of one libvirt domain: org.virtpind1.Domain.
#pragma once

#include "common/model/control_port.hpp"
#include "dbus/context.hpp"
#include "dbus/pending_calls.hpp"

#include <virtpind-domain-adaptor.h>

#include <string>
#include <vector>

namespace virtpind::bus {

class DomainObject final : public sdbus::AdaptorInterfaces<org::virtpind1::Domain_adaptor,
                                                           sdbus::ManagedObject_adaptor> {
public:
    // On the bus from construction to destruction; announced as added by the constructor.
    DomainObject(const Context& context, DomainView view);
    ~DomainObject();
    DomainObject(const DomainObject&) = delete;
    DomainObject& operator=(const DomainObject&) = delete;

    // Announces the changes in one signal. It and the next two throw sdbus::Error when the bus is
    // gone.
    void publish(const DomainView& view);
    void announce_applied(std::uint64_t generation, const std::string& result,
                          const OptionMap& details);
    // The domain is gone; called last before destruction.
    void announce_removed();

private:
    using NumberedCpus = std::vector<sdbus::Struct<std::uint32_t, std::string>>;

    void Set(sdbus::Result<std::uint64_t>&& result, std::string text) override;
    void SetPolicy(sdbus::Result<std::uint64_t>&& result, std::string policy, VariantMap options,
                   std::uint64_t flags) override;
    void ResetPolicy(sdbus::Result<std::uint64_t>&& result, std::uint64_t flags) override;
    void Reapply(sdbus::Result<std::uint64_t>&& result, std::uint64_t flags) override;
    void Explain(sdbus::Result<std::string>&& result) override;

    std::string UUID() override;
    std::string Name() override;
    std::string RunState() override;
    std::string Policy() override;
    std::string PolicySource() override;
    VariantMap PolicyOptions() override;
    std::vector<sdbus::Struct<std::string, std::string, VariantMap>> OwnPolicies() override;
    std::uint64_t Generation() override;
    std::string PinState() override;
    NumberedCpus VcpuPins() override;
    std::string EmulatorCPUs() override;
    NumberedCpus IOThreadPins() override;
    std::string NUMANodes() override;
    sdbus::Struct<std::string, std::string> LastError() override;
    std::uint64_t LastAppliedUSec() override;
    bool Satisfied() override;
    sdbus::Struct<std::string, std::string> Shortfall() override;
    std::string Placement() override;
    std::string IsolatedCPUs() override;
    std::vector<sdbus::Struct<std::string, std::string>> Holds() override;
    std::vector<std::string> Displaced() override;
    std::vector<std::string> DisplacedBy() override;

    [[nodiscard]] Call call() const;

    // The call whose handler is running.
    template <class WireResult>
    [[nodiscard]] auto open_call(const WireResult& result)
    {
        return pending_calls_.add(result, getObject(), context_.door.place());
    }

    const Context& context_;
    PendingCalls pending_calls_;
    DomainView view_;
};

} // namespace virtpind::bus
