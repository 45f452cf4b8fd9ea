// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor_command.hpp"

#include "asked_domains.hpp"
#include "command_connection.hpp"
#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "daemon/libvirt/observer.hpp"
#include "daemon/planner/doctor/doctor.hpp"
#include "daemon/render/doctor_json.hpp"
#include "daemon/render/doctor_text.hpp"
#include "daemon/topology/host_facts_reader.hpp"
#include "daemon/topology/topology_reader.hpp"
#include "exit_status.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ostream>
#include <string_view>
#include <thread>

namespace virtpind {

namespace {

// Whether the locale's encoding is UTF-8, as the C library decides it.
bool has_utf8_locale()
{
    for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const auto* const value = std::getenv(name);
        if (value != nullptr && *value != '\0') {
            const std::string_view text = value;
            return text.find("UTF-8") != std::string_view::npos ||
                   text.find("utf8") != std::string_view::npos;
        }
    }
    return false;
}

TextStyle style_of(const DoctorOptions& options)
{
    const auto* const term = std::getenv("TERM");
    const auto* const plain = std::getenv("NO_COLOR");
    const auto is_plain = (plain != nullptr && *plain != '\0') ||
                          (term != nullptr && std::string_view{term} == "dumb");
    return {.utf8 = has_utf8_locale(), .colours = options.for_terminal && !is_plain};
}

int explain(const DoctorOptions& options, std::ostream& out, std::ostream& err)
{
    if (const auto* const check = find_check(options.explain)) {
        out << check_to_text(*check, style_of(options));
        return exit_good;
    }
    Words names;
    for (const auto& row : check_table()) {
        names.push_back(row.name);
    }
    err << "virtpind doctor: --explain: " << unknown_word("check", options.explain, names) << '\n';
    return exit_bad_input;
}

// All domains of libvirt, by name.
Result<void> read_all(const DoctorOptions& options, std::ostream& err, DoctorFacts& facts)
{
    auto seen = with_connection(
        options.uri, err,
        [](const VirtConnection& connection) {
            return observe_host(connection, PolicyCatalog{}, ObserveDepth::affinities);
        },
        Use::read);
    if (!seen) {
        return Error{.code = Errc::host_unavailable,
                     .message = std::move(seen).error().message +
                                "; name the files of definitions, or libvirt with --uri"};
    }
    facts.guests = std::move(seen->domains);
    facts.sees_all_guests = true;
    std::sort(facts.guests.begin(), facts.guests.end(),
              [](const ObservedDomain& a, const ObservedDomain& b) {
                  return a.facts.name < b.facts.name;
              });
    return {};
}

Result<void> read_guests(const DoctorOptions& options, std::ostream& err, DoctorFacts& facts)
{
    if (options.domains.empty()) {
        return read_all(options, err, facts);
    }
    PlanOptions asking;
    asking.domains = options.domains;
    asking.uri = options.uri;
    auto read = read_asked_domains(asking, PolicyCatalog{}, err);
    if (!read) {
        return std::move(read).error();
    }
    for (auto& domain : read->asked) {
        facts.guests.push_back(std::move(domain.seen));
    }
    facts.others = std::move(read->beside);
    return {};
}

HostFacts read_host(const DoctorOptions& options)
{
    if (!options.root.empty()) {
        return read_host_facts({.root = options.root, .wait = {}});
    }
    if (options.topology && options.topology->kind != TopologySource::Kind::live) {
        return HostFacts::not_known("the host is not this machine");
    }
    return read_host_facts({.root = "/", .wait = [] {
                                constexpr std::chrono::milliseconds pause{500};
                                std::this_thread::sleep_for(pause);
                                return static_cast<unsigned>(pause.count());
                            }});
}

bool is_failure(const Diagnosis& diagnosis, FailOn level)
{
    switch (level) {
    case FailOn::error:
        return diagnosis.count(Severity::error) > 0;
    case FailOn::warning:
        return diagnosis.count(Severity::error) + diagnosis.count(Severity::warning) > 0;
    case FailOn::never:
        return false;
    }
    return false;
}

} // namespace

int run_doctor_command(const DoctorOptions& options, std::ostream& out, std::ostream& err)
{
    if (!options.explain.empty()) {
        return explain(options, out, err);
    }
    const auto refuse = [&err](const Error& error) {
        err << "virtpind doctor: " << printable(error.message, message_bytes_max) << '\n';
        return error.code == Errc::host_unavailable ? exit_failed : exit_bad_input;
    };
    const auto topology = read_topology(options.topology.value_or(TopologySource{}));
    if (!topology) {
        return refuse(topology.error());
    }
    DoctorFacts facts{.topology = &*topology};
    if (auto read = read_guests(options, err, facts); !read) {
        return refuse(read.error());
    }
    facts.host = read_host(options);
    const auto diagnosis = examine(facts);
    if (options.json) {
        out << diagnosis_to_json(diagnosis).dump(2) << '\n';
    } else {
        out << diagnosis_to_text(diagnosis, *topology, style_of(options));
    }
    return is_failure(diagnosis, options.fail_on) ? exit_unsatisfied : exit_good;
}

} // namespace virtpind
