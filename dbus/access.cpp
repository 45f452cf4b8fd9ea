// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/access.hpp"

#include <algorithm>
#include <utility>

namespace virtpind::bus {

namespace {

std::optional<Access> find_access(std::string_view method)
{
    const auto& table = access_table();
    const auto found = std::find_if(table.begin(), table.end(),
                                    [method](const auto& entry) { return entry.method == method; });
    if (found == table.end()) {
        return std::nullopt;
    }
    return found->access;
}

Error not_in_table(const Call& call)
{
    return {.code = Errc::permission_denied, .message = "nobody may call " + call.method};
}

} // namespace

Call current_call(const sdbus::IObject& object, std::string_view interface, uid_t user)
{
    return of_current_message(object, [interface, user](const sdbus::Message& message) {
        return Call{.method = std::string{interface} + "." + message.getMemberName(),
                    .sender = message.getSender(),
                    .interaction = interaction_of(message),
                    .user = user};
    });
}

const std::vector<MethodAccess>& access_table()
{
    static const std::vector<MethodAccess> table{
        {"org.virtpind1.Manager.GetDomain", Access::open, "s", "domain"},
        {"org.virtpind1.Manager.ListDomains", Access::open, "", ""},
        {"org.virtpind1.Manager.List", Access::open, "", ""},
        {"org.virtpind1.Manager.Set", Access::set_policy, "ss", "domain text"},
        {"org.virtpind1.Manager.SetPolicy", Access::set_policy, "ssa{sv}t",
         "domain policy options flags"},
        {"org.virtpind1.Manager.ResetPolicy", Access::set_policy, "st", "domain flags"},
        {"org.virtpind1.Manager.Reapply", Access::set_policy, "st", "domain flags"},
        {"org.virtpind1.Manager.Plan", Access::open, "ssa{sv}", "domain policy options"},
        {"org.virtpind1.Manager.PlanXML", Access::open, "ssa{sv}", "xml policy options"},
        {"org.virtpind1.Manager.Doctor", Access::open, "s", "domain"},
        {"org.virtpind1.Manager.Why", Access::open, "s", "domain"},
        {"org.virtpind1.Manager.Hold", Access::set_policy, "ss", "domain reason"},
        {"org.virtpind1.Manager.Release", Access::set_policy, "t", "cookie"},
        {"org.virtpind1.Manager.Reload", Access::set_policy, "t", "flags"},
        {"org.virtpind1.Manager.Describe", Access::open, "", ""},
        {"org.virtpind1.Manager.ExportTopology", Access::open, "t", "flags"},
        {"org.virtpind1.Domain.Set", Access::set_policy, "s", "text"},
        {"org.virtpind1.Domain.SetPolicy", Access::set_policy, "sa{sv}t", "policy options flags"},
        {"org.virtpind1.Domain.ResetPolicy", Access::set_policy, "t", "flags"},
        {"org.virtpind1.Domain.Reapply", Access::set_policy, "t", "flags"},
        {"org.virtpind1.Domain.Explain", Access::open, "", ""},
    };
    return table;
}

Result<std::string_view> action_of(const Call& call)
{
    if (find_access(call.method) == Access::set_policy) {
        return set_policy_action;
    }
    return not_in_table(call);
}

Result<void> check_open(const Call& call)
{
    if (find_access(call.method) != Access::open) {
        return not_in_table(call);
    }
    return {};
}

} // namespace virtpind::bus
