// SPDX-License-Identifier: LGPL-2.1-or-later
#include "metrics_text.hpp"

#include "guest_state.hpp"

#include <functional>

namespace virtpind::client {

namespace {

// A value in quotes.
std::string label(const std::string& value)
{
    std::string text = "\"";
    for (const auto c : value) {
        if (c == '\\' || c == '"') {
            text += '\\';
        }
        text += c;
    }
    return text + "\"";
}

std::string head(const std::string& name, const std::string& help)
{
    return "# HELP " + name + " " + help + "\n# TYPE " + name + " gauge\n";
}

std::string of_service(const std::string& name, const std::string& help, std::size_t value)
{
    return head(name, help) + name + " " + std::to_string(value) + "\n";
}

std::string of_guests(const std::string& name, const std::string& help, const Snapshot& snapshot,
                      const std::function<std::string(const Guest&)>& value)
{
    auto text = head(name, help);
    for (const auto& guest : snapshot.guests) {
        text += name + "{guest=" + label(guest.name) + ",uuid=" + label(guest.uuid) + "} " +
                value(guest) + "\n";
    }
    return text;
}

std::string truth(bool is)
{
    return is ? "1" : "0";
}

// Microseconds as seconds with a fraction.
std::string seconds_text(std::uint64_t usec)
{
    constexpr std::uint64_t usec_per_second = 1'000'000;
    auto fraction = std::to_string(usec % usec_per_second);
    return std::to_string(usec / usec_per_second) + "." + std::string(6 - fraction.size(), '0') +
           fraction;
}

} // namespace

std::string render_metrics(const Snapshot& snapshot)
{
    const auto& service = snapshot.service;
    auto text = head("virtpind_state", "What the service says of itself; the label has the word.");
    text += "virtpind_state{state=" + label(service.state) + ",version=" + label(service.version) +
            "} 1\n";
    text +=
        of_service("virtpind_problems", "Conditions that need attention.", service.problems.size());
    text += of_service("virtpind_cpus_online", "CPUs of the host.", service.online.size());
    text += of_service("virtpind_cpus_housekeeping", "CPUs that are kept for the host.",
                       service.housekeeping.size());
    text +=
        of_service("virtpind_cpus_pool", "CPUs that no guest has claimed.", service.pool.size());
    text += of_guests("virtpind_guest_running", "Whether the guest runs.", snapshot,
                      [](const Guest& guest) { return truth(guest.run_state == "running"); });
    text +=
        of_guests("virtpind_guest_as_asked", "Whether the guest gets all that its policy asks for.",
                  snapshot, [](const Guest& guest) { return truth(is_as_asked(guest)); });
    text +=
        of_guests("virtpind_guest_pinned", "Whether all pins of the guest are verified.", snapshot,
                  [](const Guest& guest) { return truth(guest.pin_state == "pinned"); });
    text += of_guests("virtpind_guest_held", "Whether somebody holds the guest.", snapshot,
                      [](const Guest& guest) { return truth(guest.pin_state == "held"); });
    text += of_guests("virtpind_guest_vcpus", "The guest's online vCPUs.", snapshot,
                      [](const Guest& guest) { return std::to_string(guest.vcpus.size()); });
    text +=
        of_guests("virtpind_guest_cpus", "The CPUs that the guest's vCPUs may run on.", snapshot,
                  [](const Guest& guest) { return std::to_string(guest.vcpu_cpus().size()); });
    text += of_guests("virtpind_guest_last_applied_seconds",
                      "When the guest's pins last changed, since the epoch.", snapshot,
                      [](const Guest& guest) { return seconds_text(guest.last_applied_usec); });
    return text;
}

} // namespace virtpind::client
