// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/polkit.hpp"

#include "dbus/boundary.hpp"

#include <cstdint>
#include <utility>

namespace virtpind::bus {

namespace {

constexpr const char* polkit_name = "org.freedesktop.PolicyKit1";
constexpr const char* polkit_path = "/org/freedesktop/PolicyKit1/Authority";
constexpr const char* polkit_interface = "org.freedesktop.PolicyKit1.Authority";

using Details = std::map<std::string, std::string>;
using Subject = sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>>;
// is_authorized, is_challenge, details
using WireAnswer = sdbus::Struct<bool, bool, Details>;

Error denied(std::string message)
{
    return {.code = Errc::permission_denied, .message = std::move(message)};
}

// libsystemd's own words for a call that was not answered in time.
bool timed_out(const sdbus::Error& error)
{
    const std::string& name = error.getName();
    return name == "org.freedesktop.DBus.Error.NoReply" ||
           name == "org.freedesktop.DBus.Error.Timeout";
}

Error no_answer(const sdbus::Error& error)
{
    return denied("polkit did not answer (" + error.getMessage() +
                  "); without polkit only root may: use sudo, or start polkit "
                  "(systemctl status polkit)");
}

Result<void> read(const WireAnswer& answer, const std::string& action)
{
    if (answer.get<0>()) {
        return {};
    }
    if (answer.get<1>()) {
        return denied("polkit requires a password for " + action +
                      ", but found no authentication agent: use sudo, a desktop session or "
                      "pkttyagent, or have an administrator add you to group libvirt "
                      "and log in again");
    }
    return denied("polkit does not allow you " + action +
                  ": use sudo, or have an administrator add you to group libvirt "
                  "and log in again");
}

} // namespace

Polkit::Polkit(sdbus::IConnection& connection, PolkitPatience patience)
    : patience_{patience}
    , authority_{
          sdbus::createProxy(connection, ServiceName{polkit_name}, sdbus::ObjectPath{polkit_path})}
{}

void Polkit::ask(const Question& question, Verdict verdict)
{
    const auto with_a_person = question.interaction == Interaction::allowed;
    const Subject subject{"system-bus-name", {{"name", sdbus::Variant{question.sender}}}};
    auto on_answer = [this, action = question.action, cancellation = question.cancellation,
                      verdict = std::move(verdict)](CallError error, const WireAnswer& answer) {
        contained([&] {
            if (!error) {
                return verdict(read(answer, action));
            }
            if (timed_out(*error)) {
                cancel(cancellation);
            }
            verdict(no_answer(*error));
        });
    };
    authority_->callMethodAsync("CheckAuthorization")
        .onInterface(polkit_interface)
        .withTimeout(with_a_person ? patience_.with_a_person : patience_.alone)
        .withArguments(subject, question.action, question.details,
                       std::uint32_t{with_a_person ? 1U : 0U}, question.cancellation)
        .uponReplyInvoke(std::move(on_answer));
}

void Polkit::cancel(const std::string& cancellation) noexcept
{
    contained([&] {
        authority_->callMethod("CancelCheckAuthorization")
            .onInterface(polkit_interface)
            .withArguments(cancellation)
            .dontExpectReply();
    });
}

} // namespace virtpind::bus
