// SPDX-License-Identifier: LGPL-2.1-or-later
// The two abstract classes of the bus side: what D-Bus may ask of the daemon (ControlPort), and
// what the daemon tells D-Bus (ViewSink). Both are used on the main thread only.
#pragma once

#include "common/base/result.hpp"
#include "definition_scope.hpp"
#include "domain.hpp"
#include "policy.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace virtpind {

enum class PinState { idle, applying, pinned, partial, failed, foreign, held };
[[nodiscard]] std::string_view to_string(PinState state);

// One domain as its D-Bus object shows it; names as in the interface.
struct DomainView {
    DomainUuid uuid;
    std::string name;
    std::string run_state;
    std::string policy;
    std::string policy_source;
    OptionMap policy_options;
    std::uint64_t generation = 0;
    PinState pin_state = PinState::idle;
    std::map<VcpuId, CpuSet> vcpu_pins;
    CpuSet emulator_cpus;
    std::map<IothreadId, CpuSet> iothread_pins;
    NodeSet numa_nodes;
    std::pair<std::string, std::string>
        last_error;                      // D-Bus error name without prefix, text; both empty: none
    std::uint64_t last_applied_usec = 0; // CLOCK_REALTIME; 0: never
    friend bool operator==(const DomainView&, const DomainView&) = default;
};

struct ManagerView {
    std::string version;
    std::string state; // starting ready degraded disconnected stopping
    std::string libvirt_uri;
    CpuSet online_cpus;
    CpuSet housekeeping_cpus;
    CpuSet pool_cpus;
    std::uint64_t topology_generation = 0;
    std::vector<std::string> policies;
    std::string default_policy;
    std::vector<std::pair<std::string, std::string>> problems; // code, text
    friend bool operator==(const ManagerView&, const ManagerView&) = default;
};

// Flags of the changing methods; unknown bits are refused at the boundary.
inline constexpr std::uint64_t flag_runtime_only = 0x1; // not stored; gone when the daemon ends
inline constexpr std::uint64_t flag_defer = 0x2; // store it, do not touch the running guest now

// Answers once, on the main thread; may answer before the call returns.
template <class T>
using Reply = std::function<void(Result<T>)>;

// Who asked, for the log, for what ends with it, and for what one user may have under way.
struct Caller {
    std::string name; // unique bus name
    // As the bus names it; no user has the number that stands here before.
    std::uint32_t uid = std::numeric_limits<std::uint32_t>::max();
};

struct SetPolicyRequest {
    DomainUuid uuid;
    std::string policy;
    OptionMap options; // raw, not yet validated
    std::uint64_t flags = 0;
    std::optional<std::uint64_t> expect_generation; // compare-and-set; else last writer wins
    Caller caller;
};

// What D-Bus may ask. Calls do not block; answers come through Reply.
class ControlPort {
public:
    virtual ~ControlPort() = default;

    // By UUID or name; a UUID wins. Errors: not_found, ambiguous, host_unavailable.
    [[nodiscard]] virtual Result<DomainUuid> find_domain(std::string_view name_or_uuid) const = 0;
    // Each replies with the domain's generation now in force, after apply and verification.
    virtual void set_policy(SetPolicyRequest request, Reply<std::uint64_t> reply) = 0;
    virtual void reset_policy(DomainUuid uuid, std::uint64_t flags, Caller caller,
                              Reply<std::uint64_t> reply) = 0;
    // nullopt: all domains; replies with the number of the pass then.
    virtual void reapply(std::optional<DomainUuid> uuid, std::uint64_t flags,
                         Reply<std::uint64_t> reply) = 0;
    // Dry run from the latest observation: the plan as JSON, as virtpind-plan(1) describes it, with
    // the change that the domain's definition would see, as much of it as `scope` says. Error:
    // limits_exceeded while too many are being made, for the caller's user or in all.
    virtual void plan(const DomainUuid& uuid, const std::string& policy, OptionMap options,
                      const Caller& caller, DefinitionScope scope, Reply<std::string> reply) = 0;
    // Leave the domain alone until released; `owner` is the caller's unique bus name. Replies with
    // the cookie when no pass that began before changes the domain any more. It holds from the call
    // on: an owner that vanishes meanwhile leaves nothing behind.
    virtual void hold(const DomainUuid& uuid, const std::string& reason, const std::string& owner,
                      Reply<std::uint64_t> reply) = 0;
    // Which domain somebody holds by that cookie.
    [[nodiscard]] virtual std::optional<DomainUuid> held_under(std::uint64_t cookie) const = 0;
    [[nodiscard]] virtual Result<void> release(std::uint64_t cookie, const std::string& owner) = 0;
    virtual void owner_vanished(const std::string& owner) = 0;
    // Reads the configuration again, all or nothing; domains follow in the next pass. Error:
    // invalid_config, and the former one stays in force.
    [[nodiscard]] virtual Result<void> reload() = 0;
    [[nodiscard]] virtual std::string describe() const = 0;                              // JSON
    [[nodiscard]] virtual Result<std::string> explain(const DomainUuid& uuid) const = 0; // JSON
    // hwloc XML. Error: limits_exceeded while too many are being made, as for plan().
    virtual void export_topology(std::uint64_t flags, const Caller& caller,
                                 Reply<std::string> reply) = 0;
};

// What the daemon tells. One publish() per pass; the sink finds out what changed and coalesces.
class ViewSink {
public:
    virtual ~ViewSink() = default;
    virtual void publish(const ManagerView& manager, const std::vector<DomainView>& domains) = 0;
    // Of a domain that was published. result: "pinned" "partial" "failed" "reset" "deferred".
    virtual void applied(const DomainUuid& uuid, std::uint64_t generation,
                         const std::string& result, const OptionMap& details) = 0;
};

} // namespace virtpind
