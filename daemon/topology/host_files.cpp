// SPDX-License-Identifier: LGPL-2.1-or-later
#include "host_files.hpp"

#include "common/base/messages.hpp"
#include "common/base/text_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>
#include <string_view>

namespace virtpind {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t word_bytes_max = 64 * 1024;
constexpr std::size_t hook_bytes_max = 256 * 1024;
constexpr std::size_t hook_files_max = 256;
constexpr std::size_t hook_lines_max = 256;

// What hooks write that place threads, too.
constexpr std::array<std::string_view, 7> hook_words{
    "AllowedCPUs", "cset ", "taskset", "vfio-isolate", "cpuset.cpus", "smp_affinity", "vcpupin"};

std::string trimmed(std::string text)
{
    const auto last = text.find_last_not_of(" \t\r\n");
    text.resize(last == std::string::npos ? 0 : last + 1);
    return text;
}

std::optional<uid_t> owner_of(const fs::path& path)
{
    struct stat file {};

    return ::stat(path.c_str(), &file) == 0 ? std::optional{file.st_uid} : std::nullopt;
}

void read_hook(const fs::path& root, const std::string& path, std::vector<HookLine>& lines)
{
    const auto text = read_text_file(root / path, hook_bytes_max);
    std::istringstream stream{text ? *text : std::string{}};
    std::string line;
    for (std::size_t number = 1; std::getline(stream, line); ++number) {
        const auto first = line.find_first_not_of(" \t");
        if (first == std::string::npos || line[first] == '#' || lines.size() >= hook_lines_max) {
            continue;
        }
        const auto* const word =
            std::find_if(hook_words.begin(), hook_words.end(), [&line](std::string_view one) {
                return line.find(one) != std::string::npos;
            });
        if (word != hook_words.end()) {
            lines.push_back(
                {.path = "/" + path, .line = number, .word = trimmed(std::string{*word})});
        }
    }
}

// Scripts below a folder, two guests and two operations deep as hook dispatchers have them.
void read_hook_folder(const fs::path& root, const std::string& folder, int depth,
                      std::size_t& files, std::vector<HookLine>& lines)
{
    for (const auto& name : names_in(root / folder, hook_files_max)) {
        const auto path = folder + "/" + name;
        std::error_code ignored;
        if (fs::is_directory(root / path, ignored)) {
            if (depth > 0) {
                read_hook_folder(root, path, depth - 1, files, lines);
            }
        } else if (files++ < hook_files_max) {
            read_hook(root, path, lines);
        }
    }
}

} // namespace

Measured<std::string> read_word(const fs::path& root, const fs::path& file)
{
    auto text = read_text_file(root / file, word_bytes_max);
    if (!text) {
        std::error_code error;
        const auto is_there = fs::exists(root / file, error);
        return Measured<std::string>::not_known(
            "/" + file.string() + (is_there || error ? " is not readable" : " is not there"));
    }
    return Measured<std::string>::of(trimmed(std::move(*text)));
}

Measured<std::string> read_word_or(const fs::path& root, const fs::path& file, std::string absent)
{
    auto word = read_word(root, file);
    std::error_code error;
    return word.value || fs::exists(root / file, error) || error
               ? word
               : Measured<std::string>::of(std::move(absent));
}

std::string chosen_word(const std::string& words)
{
    const auto open = words.find('[');
    const auto close = words.find(']', open == std::string::npos ? 0 : open);
    return open == std::string::npos || close == std::string::npos
               ? words
               : words.substr(open + 1, close - open - 1);
}

std::vector<std::string> names_in(const fs::path& folder, std::size_t names_max)
{
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at{folder, error}, end;
         !error && at != end && names.size() < names_max; at.increment(error)) {
        names.push_back(at->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

Measured<std::vector<std::string>> read_daemons(const fs::path& root,
                                                const std::vector<std::string>& wanted)
{
    const auto owner = owner_of(root / "proc");
    const auto names = names_in(root / "proc");
    if (!owner || names.empty()) {
        return Measured<std::vector<std::string>>::not_known("/proc is not readable");
    }
    std::vector<std::string> found;
    for (const auto& name : names) {
        if (name.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        const auto folder = root / "proc" / name;
        const auto comm = read_word(folder, "comm");
        const auto known =
            comm.value && std::find(wanted.begin(), wanted.end(), *comm.value) != wanted.end();
        if (known && owner_of(folder) == owner &&
            std::find(found.begin(), found.end(), *comm.value) == found.end()) {
            found.push_back(*comm.value);
        }
    }
    std::sort(found.begin(), found.end());
    return Measured<std::vector<std::string>>::of(std::move(found));
}

Measured<std::vector<HookLine>> read_hooks(const fs::path& root)
{
    const std::string folder = "etc/libvirt/hooks";
    std::error_code error;
    std::vector<HookLine> lines;
    if (!fs::exists(root / folder, error)) {
        return error ? Measured<std::vector<HookLine>>::not_known("/" + folder + " is not readable")
                     : Measured<std::vector<HookLine>>::of({});
    }
    fs::directory_iterator readable{root / folder, error};
    if (error) {
        return Measured<std::vector<HookLine>>::not_known("/" + folder + " is not readable");
    }
    std::size_t files = 0;
    constexpr int depth = 4; // qemu.d/GUEST/prepare/begin
    read_hook_folder(root, folder, depth, files, lines);
    return Measured<std::vector<HookLine>>::of(std::move(lines));
}

} // namespace virtpind
