// SPDX-License-Identifier: LGPL-2.1-or-later
#include "unit_affinities.hpp"

#include "common/base/text_file.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <system_error>

namespace virtpind {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t unit_bytes_max = 64 * 1024;
constexpr std::size_t units_max = 8192;

// Those that come first hide files of the same name in the others.
constexpr std::array unit_folders{"etc/systemd/system",     "run/systemd/system",
                                  "run/systemd/transient",  "usr/local/lib/systemd/system",
                                  "usr/lib/systemd/system", "lib/systemd/system"};

std::vector<fs::path> entries_of(const fs::path& folder)
{
    std::vector<fs::path> entries;
    std::error_code failed;
    for (fs::directory_iterator at{folder, failed}, end;
         !failed && at != end && entries.size() < units_max; at.increment(failed)) {
        entries.push_back(at->path());
    }
    std::sort(entries.begin(), entries.end());
    return entries;
}

void add_file(const fs::path& file, CpuSet& cpus)
{
    std::error_code failed;
    if (!fs::is_regular_file(file, failed)) {
        return; // /dev/null: the unit is masked
    }
    if (const auto text = read_text_file(file, unit_bytes_max)) {
        add_affinity(*text, cpus);
    }
}

std::string_view trim(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r";
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos
               ? std::string_view{}
               : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Lists apart by blanks, as systemd takes them.
void add_lists(std::string_view lists, CpuSet& cpus)
{
    while (!lists.empty()) {
        const auto space = lists.find_first_of(" \t");
        if (const auto some = CpuSet::parse(lists.substr(0, space))) {
            cpus |= *some;
        }
        lists = space == std::string_view::npos ? std::string_view{} : trim(lists.substr(space));
    }
}

} // namespace

void add_affinity(std::string_view text, CpuSet& cpus)
{
    constexpr std::string_view key = "CPUAffinity";
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = trim(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        const auto equals = line.find('=');
        if (equals == std::string_view::npos || trim(line.substr(0, equals)) != key) {
            continue;
        }
        const auto value = trim(line.substr(equals + 1));
        if (value.empty()) {
            cpus = {};
        }
        add_lists(value, cpus);
    }
}

std::vector<UnitAffinity> read_unit_affinities(const fs::path& root)
{
    std::map<std::string, CpuSet> found;
    std::map<std::string, std::map<std::string, fs::path>> drop_ins; // by unit and name
    for (const auto* folder : unit_folders) {
        std::map<std::string, CpuSet> here;
        for (const auto& entry : entries_of(root / folder)) {
            const auto name = entry.filename().native();
            if (name.ends_with(".service")) {
                add_file(entry, here[name]);
            } else if (name.ends_with(".service.d")) {
                for (const auto& file : entries_of(entry)) {
                    drop_ins[name.substr(0, name.size() - 2)].emplace(file.filename().native(),
                                                                      file);
                }
            }
        }
        found.merge(here);
    }
    for (const auto& [unit, files] : drop_ins) {
        for (const auto& [name, file] : files) {
            add_file(file, found[unit]);
        }
    }
    add_file(root / "etc/systemd/system.conf", found["system.conf"]);
    for (const auto& file : entries_of(root / "etc/systemd/system.conf.d")) {
        add_file(file, found["system.conf"]);
    }
    std::vector<UnitAffinity> units;
    for (auto& [unit, cpus] : found) {
        if (!cpus.empty()) {
            units.push_back({.unit = unit, .cpus = std::move(cpus)});
        }
    }
    return units;
}

} // namespace virtpind
