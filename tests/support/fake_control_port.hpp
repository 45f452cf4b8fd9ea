// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon as the bus sees it, for tests of dbus/, and the views that it publishes.
#pragma once

#include "common/model/control_port.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace virtpind::bus::test {

constexpr const char* web1_uuid = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";

// The daemon as D-Bus sees it: records what it is asked, answers what the test wants.
class FakePort final : public ControlPort {
public:
    [[nodiscard]] Result<DomainUuid> find_domain(std::string_view name) const override
    {
        if (throws) {
            throw std::runtime_error{"broken invariant"};
        }
        if (name == "web1" || name == web1_uuid) {
            return DomainUuid{web1_uuid};
        }
        return Error{.code = Errc::not_found, .message = "no domain \"" + std::string{name} + "\""};
    }

    void set_policy(SetPolicyRequest request, Reply<std::uint64_t> reply) override
    {
        if (throws) {
            throw std::runtime_error{"broken invariant"};
        }
        requests.push_back(std::move(request));
        answer("set_policy", std::move(reply));
    }

    void reset_policy(DomainUuid uuid, std::uint64_t flags, Caller caller,
                      Reply<std::uint64_t> reply) override
    {
        resetter = std::move(caller);
        answer("reset_policy " + uuid.str() + " " + std::to_string(flags), std::move(reply));
    }

    void reapply(std::optional<DomainUuid> uuid, std::uint64_t flags,
                 Reply<std::uint64_t> reply) override
    {
        answer("reapply " + (uuid ? uuid->str() : "all") + " " + std::to_string(flags),
               std::move(reply));
    }

    void plan(SetPolicyRequest request, DefinitionScope scope, Reply<std::string> reply) override
    {
        ++planned;
        plan_scope = scope;
        if (throws) {
            throw std::runtime_error{"broken invariant"};
        }
        const std::string merge = (request.flags & flag_merge) != 0 ? " merge" : "";
        reply(R"({"plan":")" + request.uuid.str() + " " + request.policy + " " +
              std::to_string(request.options.size()) + merge + R"("})");
    }

    void plan_guest(std::string xml, const std::string& policy, OptionMap options,
                    const Caller& /*caller*/, Reply<std::string> reply) override
    {
        ++planned;
        reply(R"({"plan":")" + std::to_string(xml.size()) + " " + policy + " " +
              std::to_string(options.size()) + R"("})");
    }

    void doctor(std::optional<DomainUuid> uuid, const Caller& /*caller*/,
                Reply<std::string> reply) override
    {
        reply(R"({"doctor":")" + (uuid ? uuid->str() : "all") + R"("})");
    }

    void hold(const DomainUuid& uuid, const std::string& reason, const std::string& owner,
              Reply<std::uint64_t> reply) override
    {
        hold_owner = owner;
        held = uuid;
        next = std::uint64_t{7};
        answer("hold " + uuid.str() + " " + reason, std::move(reply));
    }

    [[nodiscard]] std::optional<DomainUuid> held_under(std::uint64_t cookie) const override
    {
        return cookie == 7 ? held : std::nullopt;
    }

    [[nodiscard]] Result<void> release(std::uint64_t cookie, const std::string& owner) override
    {
        calls.push_back("release " + std::to_string(cookie));
        if (owner != hold_owner || cookie != 7) {
            return Error{.code = Errc::invalid_argument, .message = "no such hold of yours"};
        }
        return {};
    }

    void owner_vanished(const std::string& owner) override
    {
        vanished.push_back(owner);
        if (throws) {
            throw std::runtime_error{"broken invariant"};
        }
    }

    [[nodiscard]] Result<void> reload() override
    {
        calls.emplace_back("reload");
        return reloaded;
    }

    [[nodiscard]] std::string describe() const override
    {
        ++described;
        std::this_thread::sleep_for(describing);
        return R"({"domains":[]})";
    }

    [[nodiscard]] Result<std::string> explain(const DomainUuid& uuid) const override
    {
        return R"({"uuid":")" + uuid.str() + R"("})";
    }

    [[nodiscard]] Result<std::vector<ReasonView>> why(const DomainUuid& uuid) const override
    {
        return reasons.empty() ? Result<std::vector<ReasonView>>{Error{
                                     .code = Errc::not_found, .message = uuid.str() + " is gone"}}
                               : reasons;
    }

    void export_topology(std::uint64_t /*flags*/, const Caller& /*caller*/,
                         Reply<std::string> reply) override
    {
        reply(Error{.code = Errc::host_unavailable, .message = "no topology yet"});
    }

    bool throws = false;
    bool keep_replies = false;
    std::chrono::milliseconds describing{0}; // how long that takes
    mutable std::size_t described = 0;
    Result<std::uint64_t> next = std::uint64_t{42};
    Result<void> reloaded;
    std::vector<ReasonView> reasons;
    std::vector<SetPolicyRequest> requests;
    std::vector<std::string> calls;
    std::vector<std::string> vanished;
    std::size_t planned = 0;
    DefinitionScope plan_scope = DefinitionScope::whole; // of the last plan
    std::string hold_owner;
    std::optional<DomainUuid> held;
    Caller resetter; // the last one
    std::vector<Reply<std::uint64_t>> kept;

private:
    void answer(std::string what, Reply<std::uint64_t> reply)
    {
        calls.push_back(std::move(what));
        if (keep_replies) {
            kept.push_back(std::move(reply));
        } else {
            reply(next);
        }
    }
};

[[nodiscard]] inline ManagerView manager_view()
{
    ManagerView view;
    view.version = "0.1.0";
    view.state = "ready";
    view.libvirt_uri = "test:///default";
    view.online_cpus = CpuSet::range(0, 15);
    view.housekeeping_cpus = CpuSet{CpuId{0}, CpuId{8}};
    view.pool_cpus = CpuSet::range(1, 7);
    view.isolated_cpus = CpuSet::range(9, 10);
    view.topology_generation = 1;
    view.policies = {"none", "shared", "dedicated"};
    view.default_policy = "none";
    return view;
}

[[nodiscard]] inline DomainView web1_view()
{
    DomainView view;
    view.uuid = DomainUuid{web1_uuid};
    view.name = "web1";
    view.run_state = "running";
    view.policy = "dedicated";
    view.policy_source = "metadata";
    view.policy_options = {{"smt", std::string{"isolate"}}, {"vcpus", std::uint32_t{4}}};
    view.own_policies = {{.source = "metadata",
                          .policy = "dedicated",
                          .options = {{"smt", std::string{"isolate"}}}}};
    view.generation = 3;
    view.pin_state = PinState::pinned;
    view.vcpu_pins = {{VcpuId{0}, CpuSet{CpuId{4}}}, {VcpuId{1}, CpuSet{CpuId{5}, CpuId{6}}}};
    view.emulator_cpus = CpuSet{CpuId{0}};
    view.iothread_pins = {{IothreadId{1}, CpuSet{CpuId{8}}}};
    view.numa_nodes = NodeSet{NodeId{0}};
    view.last_applied_usec = 1;
    view.placement = "own";
    view.isolated_cpus = CpuSet{CpuId{9}};
    return view;
}

} // namespace virtpind::bus::test
