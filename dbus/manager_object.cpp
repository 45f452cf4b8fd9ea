// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/manager_object.hpp"

#include "dbus/arguments.hpp"
#include "dbus/changed_properties.hpp"
#include "dbus/names.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace virtpind::bus {

namespace {

constexpr const char* interface_name = org::virtpind1::Manager_adaptor::INTERFACE_NAME;
// Grows with members that are added and types that change; the XML says with which.
constexpr std::uint32_t interface_version = 2;

ChangedProperties changed_properties(const ManagerView& before, const ManagerView& after)
{
    ChangedProperties changed;
    changed.compare("State", before.state, after.state);
    changed.compare("LibvirtURI", before.libvirt_uri, after.libvirt_uri);
    changed.compare("OnlineCPUs", before.online_cpus, after.online_cpus);
    changed.compare("HousekeepingCPUs", before.housekeeping_cpus, after.housekeeping_cpus);
    changed.compare("PoolCPUs", before.pool_cpus, after.pool_cpus);
    changed.compare("IsolatedCPUs", before.isolated_cpus, after.isolated_cpus);
    changed.compare("TopologyGeneration", before.topology_generation, after.topology_generation);
    changed.compare("Policies", before.policies, after.policies);
    changed.compare("DefaultPolicy", before.default_policy, after.default_policy);
    changed.compare("Problems", before.problems, after.problems);
    changed.compare("Holds", before.holds, after.holds);
    return changed;
}

} // namespace

ManagerObject::ManagerObject(const Context& context, ManagerView view)
    : AdaptorInterfaces{context.connection, sdbus::ObjectPath{manager_path}}
    , context_{context}
    , pending_calls_{raw_bus(context.connection)}
    , view_{std::move(view)}
{
    registerAdaptor();
}

ManagerObject::~ManagerObject()
{
    pending_calls_.end();
    unregisterAdaptor();
}

void ManagerObject::publish(const ManagerView& view, const std::vector<DomainView>& domains)
{
    rows_.clear();
    list_.clear();
    for (const auto& domain : domains) {
        const sdbus::ObjectPath path{domain_path(domain.uuid)};
        const std::string state{to_string(domain.pin_state)};
        rows_.emplace_back(domain.uuid.str(), domain.name, domain.policy, state, path);
        list_.emplace_back(path, domain.uuid.str(), domain.name, domain.run_state, domain.policy,
                           state, domain.satisfied, domain.placement);
    }
    const auto changed = changed_properties(view_, view);
    view_ = view;
    changed.announce(getObject(), interface_name);
}

void ManagerObject::on_caller_vanished(const std::string& name)
{
    if (context_.owners.erase(name) > 0) {
        context_.port.owner_vanished(name);
    }
}

Authorizer::Details ManagerObject::details_of(const DomainUuid& uuid) const
{
    const auto row = std::find_if(rows_.begin(), rows_.end(), [&uuid](const auto& candidate) {
        return candidate.template get<0>() == uuid.str();
    });
    return bus::details_of(row != rows_.end() ? row->get<1>() : uuid.str(), uuid);
}

Call ManagerObject::call() const
{
    return current_call(getObject(), interface_name, context_.door.user());
}

sdbus::ObjectPath ManagerObject::GetDomain(const std::string& domain)
{
    return guarded([&] {
        unwrap(check_open(call()));
        unwrap(check_text("domain", domain));
        return sdbus::ObjectPath{domain_path(unwrap(context_.port.find_domain(domain)))};
    });
}

void ManagerObject::ListDomains(sdbus::Result<std::vector<DomainRow>>&& result)
{
    const auto answer = open_call(result);
    guarded(answer,
            [&] { reply_to_pending(call(), answer, [this](const auto& reply) { reply(rows_); }); });
}

void ManagerObject::List(sdbus::Result<std::vector<ListRow>>&& result)
{
    const auto answer = open_call(result);
    guarded(answer,
            [&] { reply_to_pending(call(), answer, [this](const auto& reply) { reply(list_); }); });
}

void ManagerObject::Set(sdbus::Result<std::uint64_t>&& result, std::string domain, std::string text)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        unwrap(check_text("domain", domain));
        auto request = read_set(text);
        request.uuid = unwrap(context_.port.find_domain(domain));
        auto details = details_of(request.uuid);
        answer_set_policy(context_, call(), std::move(details), answer, std::move(request));
    });
}

void ManagerObject::SetPolicy(sdbus::Result<std::uint64_t>&& result, std::string domain,
                              std::string policy, VariantMap options, std::uint64_t flags)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        unwrap(check_text("domain", domain));
        auto request = read_set_policy(policy, options, flags);
        request.uuid = unwrap(context_.port.find_domain(domain));
        auto details = details_of(request.uuid);
        answer_set_policy(context_, call(), std::move(details), answer, std::move(request));
    });
}

void ManagerObject::ResetPolicy(sdbus::Result<std::uint64_t>&& result, std::string domain,
                                std::uint64_t flags)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        unwrap(check_text("domain", domain));
        unwrap(check_flags(flags, flag_runtime_only));
        const auto uuid = unwrap(context_.port.find_domain(domain));
        answer_change(context_, call(), details_of(uuid), answer,
                      [&port = context_.port, uuid, flags](const auto& reply, Caller&& caller) {
                          port.reset_policy(uuid, flags, std::move(caller), reply);
                      });
    });
}

void ManagerObject::Reapply(sdbus::Result<std::uint64_t>&& result, std::string domain,
                            std::uint64_t flags)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        unwrap(check_text("domain", domain));
        unwrap(check_flags(flags, 0));
        std::optional<DomainUuid> uuid;
        if (!domain.empty()) {
            uuid = unwrap(context_.port.find_domain(domain));
        }
        const auto details = uuid ? details_of(*uuid) : Authorizer::Details{{"domain", "all"}};
        answer_change(context_, call(), details, answer,
                      [&port = context_.port, uuid, flags](const auto& reply, const Caller&) {
                          port.reapply(uuid, flags, reply);
                      });
    });
}

void ManagerObject::Plan(sdbus::Result<std::string>&& result, std::string domain,
                         std::string policy, VariantMap options)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        const auto called = call();
        unwrap(check_open(called));
        unwrap(check_text("domain", domain));
        unwrap(check_text("policy", policy));
        const auto merges = unwrap(take_merge(options));
        SetPolicyRequest request{
            .policy = policy,
            .options = unwrap(parse_plan_options(options, merges ? EmptyText::takes_away
                                                                 : EmptyText::is_a_value)),
            .flags = merges ? flag_merge : 0};
        request.uuid = unwrap(context_.port.find_domain(domain));
        request.caller = caller_of(called);
        auto details = details_of(request.uuid);
        details["policy"] = policy;
        context_.authorizer.ask(called, details,
                                [&port = context_.port, answer,
                                 request = std::move(request)](Result<bool> may_change) mutable {
                                    guarded(answer, [&] {
                                        const auto scope = unwrap(std::move(may_change))
                                                               ? DefinitionScope::whole
                                                               : DefinitionScope::own;
                                        port.plan(std::move(request), scope, answer);
                                    });
                                });
    });
}

void ManagerObject::PlanXML(sdbus::Result<std::string>&& result, std::string xml,
                            std::string policy, VariantMap options)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        const auto called = call();
        unwrap(check_open(called));
        unwrap(check_text("xml", xml, xml_bytes_max));
        unwrap(check_text("policy", policy));
        context_.port.plan_guest(std::move(xml), policy, unwrap(parse_plan_options(options)),
                                 caller_of(called), answer);
    });
}

void ManagerObject::Doctor(sdbus::Result<std::string>&& result, std::string domain)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        const auto called = call();
        unwrap(check_open(called));
        unwrap(check_text("domain", domain));
        std::optional<DomainUuid> uuid;
        if (!domain.empty()) {
            uuid = unwrap(context_.port.find_domain(domain));
        }
        context_.port.doctor(std::move(uuid), caller_of(called), answer);
    });
}

void ManagerObject::Why(sdbus::Result<std::vector<ReasonRow>>&& result, std::string domain)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        unwrap(check_open(call()));
        unwrap(check_text("domain", domain));
        std::vector<ReasonRow> rows;
        for (const auto& reason :
             unwrap(context_.port.why(unwrap(context_.port.find_domain(domain))))) {
            rows.emplace_back(valid(reason.level), valid(reason.code), valid(reason.text));
        }
        answer(rows);
    });
}

void ManagerObject::Hold(sdbus::Result<std::uint64_t>&& result, std::string domain,
                         std::string reason)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        unwrap(check_text("domain", domain));
        unwrap(check_text("reason", reason));
        const auto uuid = unwrap(context_.port.find_domain(domain));
        answer_change(context_, call(), details_of(uuid), answer,
                      [this, uuid, reason](const auto& reply, const Caller& caller) {
                          context_.owners.insert(caller.name); // it may leave before the reply
                          context_.port.hold(uuid, reason, caller.name, reply);
                      });
    });
}

void ManagerObject::Release(sdbus::Result<>&& result, std::uint64_t cookie)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        // As for Hold, so that whoever may do that may do this.
        const auto held = context_.port.held_under(cookie);
        const auto details =
            held ? details_of(*held)
                 : Authorizer::Details{{"domain", "none, under cookie " + std::to_string(cookie)}};
        answer_change(context_, call(), details, answer,
                      [&port = context_.port, cookie](const auto& reply, const Caller& caller) {
                          reply(port.release(cookie, caller.name));
                      });
    });
}

void ManagerObject::Reload(sdbus::Result<>&& result, std::uint64_t flags)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        unwrap(check_flags(flags, 0));
        answer_change(
            context_, call(), Authorizer::Details{{"domain", "all"}}, answer,
            [&port = context_.port](const auto& reply, const Caller&) { reply(port.reload()); });
    });
}

void ManagerObject::Describe(sdbus::Result<std::string>&& result)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        reply_to_pending(call(), answer,
                         [&port = context_.port](const auto& reply) { reply(port.describe()); });
    });
}

void ManagerObject::ExportTopology(sdbus::Result<std::string>&& result, std::uint64_t flags)
{
    const auto answer = open_call(result);
    guarded(answer, [&] {
        const auto called = call();
        unwrap(check_open(called));
        unwrap(check_flags(flags, 0));
        context_.port.export_topology(flags, caller_of(called), answer);
    });
}

std::string ManagerObject::Version()
{
    return guarded([&] { return view_.version; });
}

std::uint32_t ManagerObject::InterfaceVersion()
{
    return interface_version;
}

std::string ManagerObject::State()
{
    return guarded([&] { return view_.state; });
}

std::string ManagerObject::LibvirtURI()
{
    return guarded([&] { return view_.libvirt_uri; });
}

std::string ManagerObject::OnlineCPUs()
{
    return guarded([&] { return view_.online_cpus.str(); });
}

std::string ManagerObject::HousekeepingCPUs()
{
    return guarded([&] { return view_.housekeeping_cpus.str(); });
}

std::string ManagerObject::IsolatedCPUs()
{
    return guarded([&] { return view_.isolated_cpus.str(); });
}

std::string ManagerObject::PoolCPUs()
{
    return guarded([&] { return view_.pool_cpus.str(); });
}

std::uint64_t ManagerObject::TopologyGeneration()
{
    return view_.topology_generation;
}

std::vector<std::string> ManagerObject::Policies()
{
    return guarded([&] { return view_.policies; });
}

std::string ManagerObject::DefaultPolicy()
{
    return guarded([&] { return view_.default_policy; });
}

std::vector<sdbus::Struct<std::string, std::string, sdbus::ObjectPath>> ManagerObject::Problems()
{
    return guarded([&] {
        std::vector<sdbus::Struct<std::string, std::string, sdbus::ObjectPath>> problems;
        for (const auto& [code, text, domain] : view_.problems) {
            problems.emplace_back(code, text,
                                  sdbus::ObjectPath{domain ? domain_path(*domain) : "/"});
        }
        return problems;
    });
}

std::vector<sdbus::Struct<sdbus::ObjectPath, std::string, std::string>> ManagerObject::Holds()
{
    return guarded([&] {
        std::vector<sdbus::Struct<sdbus::ObjectPath, std::string, std::string>> holds;
        for (const auto& hold : view_.holds) {
            holds.emplace_back(sdbus::ObjectPath{domain_path(hold.uuid)}, hold.owner, hold.reason);
        }
        return holds;
    });
}

} // namespace virtpind::bus
