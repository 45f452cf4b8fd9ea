// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/context.hpp"

#include "common/model/policy_text.hpp"
#include "dbus/arguments.hpp"

namespace virtpind::bus {

Authorizer::Details details_of(const std::string& name, const DomainUuid& uuid)
{
    return {{"domain", name}, {"uuid", uuid.str()}};
}

namespace {

Result<void> check_lending(std::uint64_t flags)
{
    if ((flags & flag_while_connected) != 0 && (flags & flag_runtime_only) == 0) {
        return Error{.code = Errc::invalid_argument,
                     .message =
                         "0x8 (WHILE_CONNECTED) needs 0x1 (RUNTIME_ONLY): what is stored does "
                         "not end with its caller; pass 0x9"};
    }
    return {};
}

} // namespace

SetPolicyRequest read_set_policy(std::string policy, const VariantMap& options, std::uint64_t flags)
{
    unwrap(check_text("policy", policy));
    unwrap(check_flags(flags, flag_runtime_only | flag_defer | flag_merge | flag_while_connected));
    unwrap(check_lending(flags));
    auto parsed = unwrap(parse_options(options, (flags & flag_merge) != 0 ? EmptyText::takes_away
                                                                          : EmptyText::is_a_value));
    return {.uuid = {},
            .policy = std::move(policy),
            .options = std::move(parsed.options),
            .flags = flags,
            .expect_generation = parsed.expect_generation};
}

SetPolicyRequest read_set(const std::string& text)
{
    unwrap(check_text("text", text));
    auto parsed = unwrap(parse_policy_text(text));
    return {.uuid = {},
            .policy = std::move(parsed.policy),
            .options = std::move(parsed.options),
            .flags = flag_merge,
            .expect_generation = {}};
}

void answer_set_policy(const Context& context, const Call& call, Authorizer::Details details,
                       const PendingReply<std::uint64_t>& answer, SetPolicyRequest request)
{
    details["policy"] = request.policy.empty() ? "as before" : request.policy;
    answer_change(
        context, call, details, answer,
        [&context, request = std::move(request)](const auto& reply, Caller caller) mutable {
            if ((request.flags & flag_while_connected) != 0) {
                context.owners.insert(caller.name); // it may leave before the reply
            }
            request.caller = std::move(caller);
            context.port.set_policy(std::move(request), reply);
        });
}

} // namespace virtpind::bus
