// SPDX-License-Identifier: LGPL-2.1-or-later
// The service's answers in JSON as values: Explain, Plan, the layout in Describe. Members that a
// reader does not know are skipped, and what is missing is empty: services are older or newer.
// Texts become printable. Error of all readers: internal, an answer that is not what it should be.
#pragma once

#include "common/base/result.hpp"
#include "facts.hpp"
#include "layout.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind::client {

struct Reason {
    std::string code;
    std::string text;
    std::string level; // "good", "note", "short"; empty: the service does not tell
};

// What a pass did to a guest.
struct HistoryEntry {
    std::uint64_t realtime_usec = 0;
    std::string what;
};

// What was set for a guest itself, without what the configuration adds.
struct StoredPolicy {
    std::string policy;
    std::map<std::string, std::string> options; // as SetPolicy takes them in strings
};

// The answer of Explain, beside what the guest's properties tell.
struct Explanation {
    std::vector<Reason> reasons;
    std::vector<HistoryEntry> history; // oldest first
    std::optional<StoredPolicy> stored;
};

struct PlannedGuest {
    std::string uuid;
    std::string name;
    std::string requested;
    std::string placement;
    bool satisfied = true;
    std::map<std::uint32_t, CpuSet> vcpus;
    CpuSet emulator;
    std::vector<Reason> reasons;
    std::string definition_diff;    // unified
    bool is_newcomer = false;       // libvirt does not have it, or it takes the place of one
    bool only_own_elements = false; // the diff has no context, as the caller may not see it
};

struct PlanAnswer {
    CpuSet housekeeping;
    CpuSet pool;
    std::vector<PlannedGuest> guests;
};

[[nodiscard]] Result<Explanation> read_explanation(std::string_view json);
[[nodiscard]] Result<PlanAnswer> read_plan(std::string_view json);

// nullopt: the service is too old to tell the layout, or has not read the host yet.
[[nodiscard]] Result<std::optional<Layout>> read_layout(std::string_view describe_json);

// The document over several lines, or in one, for programs. It, or each of its elements, is told to
// be of `host`, unless that is empty.
[[nodiscard]] Result<std::string> formatted_json(std::string_view json, bool pretty,
                                                 const std::string& host);

} // namespace virtpind::client
