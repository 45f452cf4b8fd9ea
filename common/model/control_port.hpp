// SPDX-License-Identifier: LGPL-2.1-or-later
// The two abstract classes of the bus side: requests of D-Bus to the daemon (ControlPort), and
// publications of the daemon to D-Bus (ViewSink). Both are used on the main thread only.
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

// Somebody leaves a domain alone for now.
struct HoldView {
    DomainUuid uuid;
    std::string owner; // unique bus name
    std::string reason;
    friend bool operator==(const HoldView&, const HoldView&) = default;
};

// What was set for a domain itself, in one place.
struct OwnPolicyView {
    std::string source; // a word of the interface: "bus", "metadata" or "unreadable"
    std::string policy; // empty: options alone
    OptionMap options;
    friend bool operator==(const OwnPolicyView&, const OwnPolicyView&) = default;
};

// One domain as its D-Bus object shows it; the names are those of the interface.
struct DomainView {
    DomainUuid uuid;
    std::string name;
    std::string run_state;
    std::string policy;
    std::string policy_source;
    OptionMap policy_options;
    std::vector<OwnPolicyView> own_policies; // highest first
    std::uint64_t generation = 0;
    PinState pin_state = PinState::idle;
    std::map<VcpuId, CpuSet> vcpu_pins;
    CpuSet emulator_cpus;
    std::map<IothreadId, CpuSet> iothread_pins;
    NodeSet numa_nodes;
    std::pair<std::string, std::string>
        last_error;                      // D-Bus error name without prefix, text; both empty: none
    std::uint64_t last_applied_usec = 0; // CLOCK_REALTIME; 0: never
    bool satisfied = true;
    std::pair<std::string, std::string> shortfall; // code, sentence; both empty: satisfied
    std::string placement;                         // a word of the interface
    CpuSet isolated_cpus;                          // that it has to itself now
    std::vector<HoldView> holds;
    // Printable names: of those that lack what they ask for since this one has their CPUs, and of
    // those that have its own.
    std::vector<std::string> displaced;
    std::vector<std::string> displaced_by;
    friend bool operator==(const DomainView&, const DomainView&) = default;
};

// Why a domain is where it is, for people.
struct ReasonView {
    std::string level; // "short", "note" or "good"
    std::string code;
    std::string text;
    friend bool operator==(const ReasonView&, const ReasonView&) = default;
};

// What somebody should look at.
struct ProblemView {
    std::string code;
    std::string text;
    std::optional<DomainUuid> domain = std::nullopt; // nullopt: the host, or the service
    friend bool operator==(const ProblemView&, const ProblemView&) = default;
};

struct ManagerView {
    std::string version;
    std::string state; // starting ready degraded disconnected stopping
    std::string libvirt_uri;
    CpuSet online_cpus;
    CpuSet housekeeping_cpus;
    CpuSet pool_cpus;
    CpuSet isolated_cpus; // that guests have to themselves
    std::uint64_t topology_generation = 0;
    std::vector<std::string> policies;
    std::string default_policy;
    std::vector<ProblemView> problems;
    std::vector<HoldView> holds;
    friend bool operator==(const ManagerView&, const ManagerView&) = default;
};

// Flags of the changing methods; unknown bits are refused at the boundary.
inline constexpr std::uint64_t flag_runtime_only = 0x1; // not stored; ends with the daemon
inline constexpr std::uint64_t flag_defer = 0x2; // stored; the running guest is left alone now
// The request changes what the domain has in that layer (its metadata, or the policy of this run of
// the daemon) instead of replacing it: an empty policy keeps the name, and the empty string as the
// value of an option, whatever its type, takes the option away.
inline constexpr std::uint64_t flag_merge = 0x4;
// With flag_runtime_only: the policy ends when its caller leaves the bus, whatever ended the
// caller.
inline constexpr std::uint64_t flag_while_connected = 0x8;

// Replies once, on the main thread; may reply before the call returns.
template <class T>
using Reply = std::function<void(Result<T>)>;

// The caller, for the log, for state that ends with it, and for the limits of its user.
struct Caller {
    std::string name; // unique bus name
    // The user as the bus reports it; no user has the initial number.
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

// The requests of D-Bus. Calls do not block; replies come through Reply.
class ControlPort {
public:
    virtual ~ControlPort() = default;

    // By UUID or name; a UUID takes precedence. Errors: not_found, ambiguous, host_unavailable.
    [[nodiscard]] virtual Result<DomainUuid> find_domain(std::string_view name_or_uuid) const = 0;
    // Each replies with the domain's new generation, after apply and verification.
    virtual void set_policy(SetPolicyRequest request, Reply<std::uint64_t> reply) = 0;
    virtual void reset_policy(DomainUuid uuid, std::uint64_t flags, Caller caller,
                              Reply<std::uint64_t> reply) = 0;
    // nullopt: all domains; the reply is then the number of the pass.
    virtual void reapply(std::optional<DomainUuid> uuid, std::uint64_t flags,
                         Reply<std::uint64_t> reply) = 0;
    // Dry run of `request` from the latest observation: the plan as JSON, as virtpind-plan(1)
    // describes it, with the change to the domain's definition within `scope`. Of the flags only
    // flag_merge counts. Error: limits_exceeded when too many dry runs are open, for the caller's
    // user or in total.
    virtual void plan(SetPolicyRequest request, DefinitionScope scope,
                      Reply<std::string> reply) = 0;
    // The same for a guest that is not defined, whose definition is `xml`, beside the domains there
    // are; of a domain that has its name or UUID, it takes the place. An empty policy is the one
    // that the guest would have. Errors: also invalid_argument (no definition), conflict (name and
    // UUID are of two domains).
    virtual void plan_guest(std::string xml, const std::string& policy, OptionMap options,
                            const Caller& caller, Reply<std::string> reply) = 0;
    // What is wrong with a domain, or with all: JSON, as virtpind-doctor(1) describes it, without
    // the host's settings. Errors: limits_exceeded as for plan(), or where there are too many
    // domains.
    virtual void doctor(std::optional<DomainUuid> uuid, const Caller& caller,
                        Reply<std::string> reply) = 0;
    // Leaves the domain alone until release; `owner` is the caller's unique bus name. Replies with
    // the cookie when no earlier pass changes the domain any more. The hold begins with the call,
    // and an owner that vanishes meanwhile leaves no hold behind.
    virtual void hold(const DomainUuid& uuid, const std::string& reason, const std::string& owner,
                      Reply<std::uint64_t> reply) = 0;
    // The domain of the hold with this cookie.
    [[nodiscard]] virtual std::optional<DomainUuid> held_under(std::uint64_t cookie) const = 0;
    [[nodiscard]] virtual Result<void> release(std::uint64_t cookie, const std::string& owner) = 0;
    virtual void owner_vanished(const std::string& owner) = 0;
    // Reads the configuration again; domains follow in the next pass. Error: invalid_config, and
    // the former configuration stays in force.
    [[nodiscard]] virtual Result<void> reload() = 0;
    [[nodiscard]] virtual std::string describe() const = 0;                              // JSON
    [[nodiscard]] virtual Result<std::string> explain(const DomainUuid& uuid) const = 0; // JSON
    // The short form of that: what is missing first, then what is worth knowing, then what is well.
    [[nodiscard]] virtual Result<std::vector<ReasonView>> why(const DomainUuid& uuid) const = 0;
    // hwloc XML. Error: limits_exceeded when too many exports are open, as for plan().
    virtual void export_topology(std::uint64_t flags, const Caller& caller,
                                 Reply<std::string> reply) = 0;
};

// Publications of the daemon. One publish() per pass; the sink finds differences and coalesces.
class ViewSink {
public:
    virtual ~ViewSink() = default;
    virtual void publish(const ManagerView& manager, const std::vector<DomainView>& domains) = 0;
    // For a published domain. result: "pinned" "partial" "failed" "reset" "deferred".
    virtual void applied(const DomainUuid& uuid, std::uint64_t generation,
                         const std::string& result, const OptionMap& details) = 0;
};

} // namespace virtpind
