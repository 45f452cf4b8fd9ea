// SPDX-License-Identifier: LGPL-2.1-or-later
#include "run_times.hpp"

#include "common/base/text_file.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

namespace virtpind::client {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_max = 1024 * 1024;

bool is_number(const std::string& text)
{
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Directories of numbers: processes, or threads.
std::vector<fs::path> numbered(const fs::path& folder)
{
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::directory_iterator at{folder, error}, end; !error && at != end; at.increment(error)) {
        if (is_number(at->path().filename().string())) {
            found.push_back(at->path());
        }
    }
    return found;
}

// The word behind "-uuid" on the command line, which libvirt always gives QEMU.
std::string uuid_of(const fs::path& process)
{
    const auto words = read_text_file(process / "cmdline", file_max);
    if (!words) {
        return "";
    }
    using namespace std::string_literals;
    const auto option = "\0-uuid\0"s;
    const auto at = words->find(option);
    return at == std::string::npos ? "" : std::string{words->c_str() + at + option.size()};
}

// Of "CPU 3/KVM", the name that QEMU gives the thread of vCPU 3.
std::optional<std::uint32_t> vcpu_of(const fs::path& thread)
{
    const auto name = read_text_file(thread / "comm", file_max);
    std::uint32_t vcpu = 0;
    if (!name || name->rfind("CPU ", 0) != 0) {
        return std::nullopt;
    }
    const auto read = std::from_chars(name->data() + 4, name->data() + name->size(), vcpu);
    return read.ec == std::errc{} && *read.ptr == '/' ? std::optional{vcpu} : std::nullopt;
}

std::optional<VcpuTimes> times_of(const fs::path& thread)
{
    const auto text = read_text_file(thread / "schedstat", file_max);
    if (!text) {
        return std::nullopt;
    }
    VcpuTimes times;
    std::istringstream numbers{*text};
    return numbers >> times.run_ns >> times.wait_ns ? std::optional{times} : std::nullopt;
}

} // namespace

GuestTimes read_run_times(const fs::path& proc, const std::vector<Guest>& guests)
{
    GuestTimes times;
    for (const auto& process : numbered(proc)) {
        const auto uuid = uuid_of(process);
        const auto is_ours =
            !uuid.empty() && std::any_of(guests.begin(), guests.end(),
                                         [&](const Guest& guest) { return guest.uuid == uuid; });
        for (const auto& thread : is_ours ? numbered(process / "task") : std::vector<fs::path>{}) {
            const auto vcpu = vcpu_of(thread);
            const auto times_now = vcpu ? times_of(thread) : std::nullopt;
            if (times_now) {
                times[uuid][*vcpu] = *times_now;
            }
        }
    }
    return times;
}

} // namespace virtpind::client
