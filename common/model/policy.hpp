// SPDX-License-Identifier: LGPL-2.1-or-later
// The policy vocabulary: one spelling for D-Bus options (a{sv}), JSON configuration and the
// metadata element. One table of options (policy_options.hpp) is the source for parsing, error
// texts,
// --help, man pages and tests.
#pragma once

#include "common/base/cpu_set.hpp"
#include "common/base/result.hpp"
#include "policy_options.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace virtpind {

enum class Placement { none, shared, dedicated };
enum class SmtChoice { automatic, prefer, require, isolate, spread };
enum class NumaChoice { prefer, single, spread };
enum class DeviceChoice { prefer, package, require };
enum class CacheChoice { alone, pack };
enum class CoreChoice { performance, efficiency, any };
enum class MemoryChoice { follow, keep };
enum class TopologyChoice { keep, match, host };
enum class IsolateChoice { no, yes, automatic };
enum class ProfileChoice { keep, performance };
enum class MoveLimit { cache, never, node };
enum class Fallback { shared, fail };
enum class Tune { cache_passthrough, topoext, invtsc, no_migrate, hide_hypervisor, host_smbios };

// The CPUs of emulator or I/O threads.
struct ThreadChoice {
    enum class Mode { automatic, own, vcpus, fixed } mode = Mode::automatic;
    CpuSet cpus; // only for fixed, then not empty
    friend bool operator==(const ThreadChoice&, const ThreadChoice&) = default;
};

// Every option with its value; the planner's input. Defaults as in the option table.
struct Policy {
    std::string name = "none"; // the named policy it came from, "auto" kept as written
    Placement placement = Placement::none;
    bool by_devices = false; // `auto` chose this by the devices of the domain
    CpuSet cpus;             // empty: no restriction
    SmtChoice smt = SmtChoice::automatic;
    NumaChoice numa = NumaChoice::prefer;
    DeviceChoice device = DeviceChoice::prefer;
    CacheChoice cache = CacheChoice::alone;
    CoreChoice cores = CoreChoice::performance;
    ThreadChoice emulator;
    ThreadChoice iothreads;
    MemoryChoice memory = MemoryChoice::follow;
    std::uint32_t vcpus = 0; // 0: leave the online count alone
    VcpuSet dedicated_vcpus; // that get CPUs of their own; empty: all
    TopologyChoice topology = TopologyChoice::keep;
    std::set<Tune> tune;
    IsolateChoice isolate = IsolateChoice::no;
    ProfileChoice profile = ProfileChoice::keep;
    MoveLimit move = MoveLimit::cache;
    std::int32_t priority = 0;
    Fallback fallback = Fallback::shared;

    friend bool operator==(const Policy&, const Policy&) = default;
};

// A request: a named policy (empty: none named) and explicit options. Only make_policy_spec() and
// the parsers produce it, so every key and value in it is valid.
struct PolicySpec {
    std::string name;
    OptionMap options;
    friend bool operator==(const PolicySpec&, const PolicySpec&) = default;
};

// Built-in named policies plus those of the configuration.
class PolicyCatalog {
public:
    PolicyCatalog(); // the built-in ones: none shared dedicated passthrough auto

    // Adds `name` based on `base` (which must exist). Names: 1-64 of [A-Za-z0-9._-], not built in,
    // not defined yet. Error: invalid_policy.
    [[nodiscard]] Result<void> add(const std::string& name, const std::string& base,
                                   OptionMap options);
    [[nodiscard]] bool contains(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> names() const; // built-in first, then by name
    // All options that naming this policy sets, bases included. Precondition: contains(name).
    [[nodiscard]] const OptionMap& options_of(std::string_view name) const;
    // True when the policy is `auto` or is based on it: placement then depends on the domain.
    [[nodiscard]] bool is_auto(std::string_view name) const;

private:
    struct Entry {
        OptionMap options;
        bool depends_on_domain = false;
    };

    std::map<std::string, Entry, std::less<>> entries_;
};

// Validates a named policy and raw options (the D-Bus and scenario entry point). `name` may be
// empty only when `name_needed` is `optional`. Errors name the option, its valid values and the
// next step.
enum class PolicyName { required, optional };
[[nodiscard]] Result<PolicySpec> make_policy_spec(const PolicyCatalog& catalog,
                                                  std::string_view name, OptionMap options,
                                                  PolicyName name_needed);

// The layer that names the effective policy.
enum class PolicySource { default_policy, config, metadata, bus };
[[nodiscard]] std::string_view to_string(PolicySource source);

struct PolicyLayer {
    PolicySource source = PolicySource::default_policy;
    PolicySpec spec;
};

struct ResolvedPolicy {
    Policy policy;
    PolicySource source = PolicySource::default_policy; // of the name
    OptionMap options; // the explicit options in force (not those the name implies)
    // A policy was set for this domain: a layer above default_policy exists.
    bool explicitly_set = false;
};

// Precedence per option, highest layer first in `layers`: the highest layer that names a policy
// gives the name, and that name's options count as set in that layer; explicit options of lower
// layers set only what is still open; then the table's defaults apply. `auto` becomes dedicated
// when `has_devices` (the domain is given devices of the host), otherwise shared. Contradictions
// between merged options (see DECISIONS.md) are invalid_policy.
[[nodiscard]] Result<ResolvedPolicy> resolve_policy(const PolicyCatalog& catalog,
                                                    const std::vector<PolicyLayer>& layers,
                                                    bool has_devices);

// Enum <-> word as in the table.
[[nodiscard]] std::string_view to_string(Placement value);
[[nodiscard]] std::string_view to_string(Tune value);

} // namespace virtpind
