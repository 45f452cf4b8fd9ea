// SPDX-License-Identifier: LGPL-2.1-or-later
#include "text_file.hpp"

#include "common/words.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace virtpind::host {

Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t bytes_max)
{
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    std::string text;
    std::array<char, 16384> chunk{};
    while (file.read(chunk.data(), chunk.size()) || file.gcount() > 0) {
        text.append(chunk.data(), static_cast<std::size_t>(file.gcount()));
        if (text.size() > bytes_max) {
            return Error{.code = Errc::limits_exceeded,
                         .message = "file " + in_quotes(path.native()) + " has more than " +
                                    std::to_string(bytes_max) + " bytes"};
        }
    }
    if (!file.is_open() || file.bad()) {
        return Error{.code = Errc::not_found,
                     .message = "file " + in_quotes(path.native()) +
                                " cannot be read: " + std::strerror(errno)};
    }
    return text;
}

std::string read_boot_id()
{
    auto text = read_text_file("/proc/sys/kernel/random/boot_id", 64);
    auto id = text ? std::move(*text) : std::string{};
    while (!id.empty() && id.back() == '\n') {
        id.pop_back();
    }
    return id;
}

} // namespace virtpind::host
