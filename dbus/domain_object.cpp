// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/domain_object.hpp"

#include "dbus/arguments.hpp"
#include "dbus/changed_properties.hpp"
#include "dbus/names.hpp"

#include <utility>

namespace virtpind::bus {

namespace {

constexpr const char* interface_name = org::virtpind1::Domain_adaptor::INTERFACE_NAME;

ChangedProperties changed_properties(const DomainView& before, const DomainView& after)
{
    ChangedProperties changed;
    changed.compare("Name", before.name, after.name);
    changed.compare("RunState", before.run_state, after.run_state);
    changed.compare("Policy", before.policy, after.policy);
    changed.compare("PolicySource", before.policy_source, after.policy_source);
    changed.compare("PolicyOptions", before.policy_options, after.policy_options);
    changed.compare("OwnPolicies", before.own_policies, after.own_policies);
    changed.compare("Generation", before.generation, after.generation);
    changed.compare("PinState", before.pin_state, after.pin_state);
    changed.compare("VcpuPins", before.vcpu_pins, after.vcpu_pins);
    changed.compare("EmulatorCPUs", before.emulator_cpus, after.emulator_cpus);
    changed.compare("IOThreadPins", before.iothread_pins, after.iothread_pins);
    changed.compare("NUMANodes", before.numa_nodes, after.numa_nodes);
    changed.compare("LastError", before.last_error, after.last_error);
    changed.compare("LastAppliedUSec", before.last_applied_usec, after.last_applied_usec);
    changed.compare("Satisfied", before.satisfied, after.satisfied);
    changed.compare("Shortfall", before.shortfall, after.shortfall);
    changed.compare("Placement", before.placement, after.placement);
    changed.compare("IsolatedCPUs", before.isolated_cpus, after.isolated_cpus);
    changed.compare("Holds", before.holds, after.holds);
    changed.compare("Displaced", before.displaced, after.displaced);
    changed.compare("DisplacedBy", before.displaced_by, after.displaced_by);
    return changed;
}

template <class Id>
std::vector<sdbus::Struct<std::uint32_t, std::string>>
numbered_cpus(const std::map<Id, CpuSet>& pins)
{
    std::vector<sdbus::Struct<std::uint32_t, std::string>> rows;
    rows.reserve(pins.size());
    for (const auto& [id, cpus] : pins) {
        rows.emplace_back(raw(id), cpus.str());
    }
    return rows;
}

} // namespace

DomainObject::DomainObject(const Context& context, DomainView view)
    : AdaptorInterfaces{context.connection, sdbus::ObjectPath{domain_path(view.uuid)}}
    , context_{context}
    , pending_calls_{raw_bus(context.connection)}
    , view_{std::move(view)}
{
    registerAdaptor();
    emitInterfacesAddedSignal();
}

DomainObject::~DomainObject()
{
    pending_calls_.end();
    unregisterAdaptor();
}

void DomainObject::publish(const DomainView& view)
{
    const auto changed = changed_properties(view_, view);
    view_ = view;
    changed.announce(getObject(), interface_name);
}

void DomainObject::announce_applied(std::uint64_t generation, const std::string& result,
                                    const OptionMap& details)
{
    emitApplied(generation, result, to_variants(details));
}

void DomainObject::announce_removed()
{
    emitInterfacesRemovedSignal();
}

Call DomainObject::call() const
{
    return current_call(getObject(), interface_name, context_.door.user());
}

// The object may be gone when its caller turns out to be allowed: continuations capture values.

void DomainObject::Set(sdbus::Result<std::uint64_t>&& result, std::string text)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        auto request = read_set(text);
        request.uuid = view_.uuid;
        answer_set_policy(context_, call(), details_of(view_.name, view_.uuid), answer,
                          std::move(request));
    });
}

void DomainObject::SetPolicy(sdbus::Result<std::uint64_t>&& result, std::string policy,
                             VariantMap options, std::uint64_t flags)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        auto request = read_set_policy(policy, options, flags);
        request.uuid = view_.uuid;
        answer_set_policy(context_, call(), details_of(view_.name, view_.uuid), answer,
                          std::move(request));
    });
}

void DomainObject::ResetPolicy(sdbus::Result<std::uint64_t>&& result, std::uint64_t flags)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        unwrap(check_flags(flags, flag_runtime_only));
        answer_change(
            context_, call(), details_of(view_.name, view_.uuid), answer,
            [&port = context_.port, uuid = view_.uuid, flags](const auto& reply, Caller&& caller) {
                port.reset_policy(uuid, flags, std::move(caller), reply);
            });
    });
}

void DomainObject::Reapply(sdbus::Result<std::uint64_t>&& result, std::uint64_t flags)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        unwrap(check_flags(flags, 0));
        answer_change(context_, call(), details_of(view_.name, view_.uuid), answer,
                      [&port = context_.port, uuid = view_.uuid, flags](
                          const auto& reply, const Caller&) { port.reapply(uuid, flags, reply); });
    });
}

void DomainObject::Explain(sdbus::Result<std::string>&& result)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        reply_to_pending(call(), answer,
                         [&port = context_.port, uuid = view_.uuid](const auto& reply) {
                             reply(port.explain(uuid));
                         });
    });
}

std::string DomainObject::UUID()
{
    return guarded([&] { return view_.uuid.str(); });
}

std::string DomainObject::Name()
{
    return guarded([&] { return view_.name; });
}

std::string DomainObject::RunState()
{
    return guarded([&] { return view_.run_state; });
}

std::string DomainObject::Policy()
{
    return guarded([&] { return view_.policy; });
}

std::string DomainObject::PolicySource()
{
    return guarded([&] { return view_.policy_source; });
}

VariantMap DomainObject::PolicyOptions()
{
    return guarded([&] { return to_variants(view_.policy_options); });
}

std::vector<sdbus::Struct<std::string, std::string, VariantMap>> DomainObject::OwnPolicies()
{
    return guarded([&] {
        std::vector<sdbus::Struct<std::string, std::string, VariantMap>> rows;
        for (const auto& own : view_.own_policies) {
            rows.emplace_back(own.source, own.policy, to_variants(own.options));
        }
        return rows;
    });
}

std::uint64_t DomainObject::Generation()
{
    return view_.generation;
}

std::string DomainObject::PinState()
{
    return guarded([&] { return std::string{to_string(view_.pin_state)}; });
}

DomainObject::NumberedCpus DomainObject::VcpuPins()
{
    return guarded([&] { return numbered_cpus(view_.vcpu_pins); });
}

std::string DomainObject::EmulatorCPUs()
{
    return guarded([&] { return view_.emulator_cpus.str(); });
}

DomainObject::NumberedCpus DomainObject::IOThreadPins()
{
    return guarded([&] { return numbered_cpus(view_.iothread_pins); });
}

std::string DomainObject::NUMANodes()
{
    return guarded([&] { return view_.numa_nodes.str(); });
}

sdbus::Struct<std::string, std::string> DomainObject::LastError()
{
    return guarded(
        [&] { return sdbus::make_struct(view_.last_error.first, view_.last_error.second); });
}

std::uint64_t DomainObject::LastAppliedUSec()
{
    return view_.last_applied_usec;
}

bool DomainObject::Satisfied()
{
    return view_.satisfied;
}

sdbus::Struct<std::string, std::string> DomainObject::Shortfall()
{
    return guarded(
        [&] { return sdbus::make_struct(view_.shortfall.first, view_.shortfall.second); });
}

std::string DomainObject::IsolatedCPUs()
{
    return guarded([&] { return view_.isolated_cpus.str(); });
}

std::string DomainObject::Placement()
{
    return guarded([&] { return view_.placement; });
}

std::vector<sdbus::Struct<std::string, std::string>> DomainObject::Holds()
{
    return guarded([&] {
        std::vector<sdbus::Struct<std::string, std::string>> holds;
        for (const auto& hold : view_.holds) {
            holds.emplace_back(hold.owner, hold.reason);
        }
        return holds;
    });
}

std::vector<std::string> DomainObject::Displaced()
{
    return guarded([&] { return view_.displaced; });
}

std::vector<std::string> DomainObject::DisplacedBy()
{
    return guarded([&] { return view_.displaced_by; });
}

} // namespace virtpind::bus
