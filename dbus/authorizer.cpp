// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/authorizer.hpp"

#include "dbus/boundary.hpp"
#include "dbus/names.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace virtpind::bus {

namespace {

// The bus answers from its own memory; this only bounds the wait for a broken one.
constexpr std::chrono::seconds uid_timeout{10};

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

Error denied(std::string message)
{
    return {.code = Errc::permission_denied, .message = std::move(message)};
}

Error not_in_table(const Call& call)
{
    return denied(call.method + " is not open to anyone");
}

std::string in_words(const Call& call, const Authorizer::Details& details)
{
    auto text = call.method;
    const char* separator = " (";
    for (const auto& [key, value] : details) {
        text += separator + key + " \"" + value + "\"";
        separator = ", ";
    }
    return details.empty() ? text : text + ")";
}

Result<void> decide_by_uid(uid_t uid, const std::string& what)
{
    const auto own = geteuid();
    if (uid == 0 || uid == own) {
        return {};
    }
    return denied("user " + std::to_string(uid) + " may not call " + what +
                  "; only root and the service's own user (" + std::to_string(own) +
                  ") may change something: try again with sudo");
}

} // namespace

Call current_call(const sdbus::IObject& object, std::string_view interface)
{
    auto message = current_message(object);
    return {.method = std::string{interface} + "." + message.member,
            .sender = std::move(message.sender)};
}

const std::vector<MethodAccess>& access_table()
{
    static const std::vector<MethodAccess> table{
        {"org.virtpind1.Manager.GetDomain", Access::open},
        {"org.virtpind1.Manager.ListDomains", Access::open},
        {"org.virtpind1.Manager.SetPolicy", Access::change},
        {"org.virtpind1.Manager.ResetPolicy", Access::change},
        {"org.virtpind1.Manager.Reapply", Access::change},
        {"org.virtpind1.Manager.Plan", Access::open},
        {"org.virtpind1.Manager.Hold", Access::change},
        {"org.virtpind1.Manager.Release", Access::change},
        {"org.virtpind1.Manager.Describe", Access::open},
        {"org.virtpind1.Manager.ExportTopology", Access::open},
        {"org.virtpind1.Domain.SetPolicy", Access::change},
        {"org.virtpind1.Domain.ResetPolicy", Access::change},
        {"org.virtpind1.Domain.Reapply", Access::change},
        {"org.virtpind1.Domain.Explain", Access::open},
    };
    return table;
}

Authorizer::Authorizer(sdbus::IConnection& connection)
    : driver_{
          sdbus::createProxy(connection, ServiceName{driver_name}, sdbus::ObjectPath{driver_path})}
{}

Result<void> check_open(const Call& call)
{
    if (find_access(call.method) != Access::open) {
        return not_in_table(call);
    }
    return {};
}

void Authorizer::check(const Call& call, const Details& details, Decision decide)
{
    if (!find_access(call.method)) {
        return decide(not_in_table(call));
    }
    if (auto begun = begin(call.sender); !begun) {
        return decide(std::move(begun));
    }
    const auto& sender = call.sender;
    auto on_uid = [this, sender, what = in_words(call, details), decide](CallError error,
                                                                         std::uint32_t uid) {
        contained([&] {
            end(sender);
            decide(error ? denied("the bus does not say who calls " + what + ": " +
                                  error->getMessage())
                         : decide_by_uid(uid, what));
        });
    };
    driver_->callMethodAsync("GetConnectionUnixUser")
        .onInterface(driver_name)
        .withTimeout(uid_timeout)
        .withArguments(sender)
        .uponReplyInvoke(std::move(on_uid));
}

Result<void> Authorizer::begin(const std::string& sender)
{
    const auto found = pending_.find(sender);
    const auto own = found == pending_.end() ? std::size_t{0} : found->second;
    if (pending_total_ >= pending_max || own >= pending_per_sender_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = "too many calls wait for authorization (" + std::to_string(own) +
                                " of yours, at most " + std::to_string(pending_per_sender_max) +
                                "; " + std::to_string(pending_total_) + " in all, at most " +
                                std::to_string(pending_max) +
                                "); wait for their answers, then try again"};
    }
    ++pending_[sender];
    ++pending_total_;
    return {};
}

void Authorizer::end(const std::string& sender)
{
    const auto found = pending_.find(sender);
    if (--found->second == 0) {
        pending_.erase(found);
    }
    --pending_total_;
}

} // namespace virtpind::bus
