// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/context.hpp"

#include "dbus/arguments.hpp"

namespace virtpind::bus {

Authorizer::Details details_of(const std::string& name, const DomainUuid& uuid)
{
    return {{"domain", name}, {"uuid", uuid.str()}};
}

SetPolicyRequest read_set_policy(std::string policy, const VariantMap& options, std::uint64_t flags)
{
    unwrap(check_text("policy", policy));
    unwrap(check_flags(flags, flag_runtime_only | flag_defer));
    auto parsed = unwrap(parse_options(options));
    return {.uuid = {},
            .policy = std::move(policy),
            .options = std::move(parsed.options),
            .flags = flags,
            .expect_generation = parsed.expect_generation};
}

} // namespace virtpind::bus
