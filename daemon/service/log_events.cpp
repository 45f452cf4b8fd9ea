// SPDX-License-Identifier: LGPL-2.1-or-later
#include "log_events.hpp"

#include "common/base/printable.hpp"
#include "log.hpp"

#include <spdlog/spdlog.h>
#include <sys/uio.h>
// The place in this file says nothing about the event.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace virtpind {

namespace {

constexpr std::size_t value_bytes_max = 4096;

struct EventKind {
    LogEvent event;
    std::string_view id;
    spdlog::level::level_enum level;
    std::string_view subject;
};

using spdlog::level::critical;
using spdlog::level::err;
using spdlog::level::info;
using spdlog::level::warn;

// In the order of the enumeration. A lint test compares identifiers and subjects with the catalog.
constexpr std::array kinds{
    EventKind{LogEvent::domain_pinned, "5310d2f4fe054c14bcb7dd790c727b10", info,
              "A domain is pinned"},
    EventKind{LogEvent::domain_partial, "8ac25b62bf4b4a9fab74b23419e3d89a", warn,
              "A domain is partly pinned"},
    EventKind{LogEvent::domain_failed, "f6227bcfe429492cb3a20ee75ce4f081", warn,
              "Failed to pin a domain"},
    EventKind{LogEvent::domain_foreign, "4316eb0858a5441a9043f276cacc38a1", info,
              "A domain with pins of somebody else is left alone"},
    EventKind{LogEvent::domain_unsatisfiable, "c02211c75a044992b4e0f5ba4a3a5e49", warn,
              "A domain's policy cannot be met"},
    EventKind{LogEvent::domain_set_apart, "2f6c1a0f7b5d4c0f9e1b8a4d36c7e952", warn,
              "A domain is left alone because of an error"},
    EventKind{LogEvent::domain_restored, "18fecfee8947462689e444e090cdef55", info,
              "The former pins of a domain are restored"},
    EventKind{LogEvent::policy_set, "700564cd8b4447708a54c62c3d11de91", info,
              "A domain's policy was set"},
    EventKind{LogEvent::policy_reset, "6181894cdfd9434eb83289c573143406", info,
              "A domain's policy was reset"},
    EventKind{LogEvent::pins_contested, "1e530db02d0f49ad88875db8820a562f", warn,
              "Something else keeps changing a domain's pins"},
    EventKind{LogEvent::libvirt_lost, "85da7f5074d949c581991904aa49d837", warn,
              "libvirt is not reachable"},
    EventKind{LogEvent::libvirt_connected, "ff4806df160b4340a68a7f7e9c2801a7", info,
              "Connected to libvirt"},
    EventKind{LogEvent::config_refused, "aebdf4b3cdfc42679e1ad33d3a2513f8", err,
              "The configuration was refused"},
    EventKind{LogEvent::state_unusable, "0de1e4bce2904e78bfa16f926a5729c9", critical,
              "The state directory cannot be used"},
    EventKind{LogEvent::invariant_broken, "110ebb9676e849b1b03a047c7aebb28a", critical,
              "A plan violated its own rules"},
    EventKind{LogEvent::guest_isolated, "9d2c6e0b41f74f0a8c35b7a1e6d80f27", info,
              "A guest has its CPUs to itself"},
    EventKind{LogEvent::guest_shared, "e41b7f83a95c4d22b06d1c9f5a7e3368", info,
              "A guest's CPUs are the host's again"},
    EventKind{LogEvent::isolation_refused, "57f0a2d96b1e4c8d93e4d5b80c6fa1e4", warn,
              "A guest does not get its CPUs to itself"},
};

const EventKind& kind_of(LogEvent event)
{
    return *std::find_if(kinds.begin(), kinds.end(),
                         [event](const auto& kind) { return kind.event == event; });
}

} // namespace

void log_event(LogEvent event, const std::string& text, const std::vector<LogField>& fields)
{
    const auto& kind = kind_of(event);
    const auto line = printable(text, value_bytes_max);
    if (!spdlog::should_log(kind.level)) {
        return;
    }
    if (!stderr_is_journal()) {
        spdlog::default_logger_raw()->log(kind.level, spdlog::string_view_t{line});
        return;
    }
    std::vector<std::string> entry{"MESSAGE=" + line, "MESSAGE_ID=" + std::string{kind.id},
                                   "PRIORITY=" + std::to_string(syslog_priority(kind.level))};
    for (const auto& field : fields) {
        entry.push_back("VIRTPIND_" + std::string{field.name} + "=" +
                        printable(field.value, value_bytes_max));
    }
    std::vector<iovec> parts;
    for (auto& part : entry) {
        parts.push_back({.iov_base = part.data(), .iov_len = part.size()});
    }
    // Nothing better can be done where even the journal is gone.
    (void)sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
}

} // namespace virtpind
