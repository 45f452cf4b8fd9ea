// SPDX-License-Identifier: LGPL-2.1-or-later
// A folder of a test's own, which goes with it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace virtpind::test {

class TemporaryFolder {
public:
    explicit TemporaryFolder(
        const std::filesystem::path& in = std::filesystem::temp_directory_path())
    {
        auto pattern = (in / "virtpind-XXXXXX").native();
        if (::mkdtemp(pattern.data()) == nullptr) {
            throw std::runtime_error{"no temporary folder in " + in.native()};
        }
        path_ = pattern;
    }

    ~TemporaryFolder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    // Where many files come and go: in memory rather than on a disk, if there is such a place.
    [[nodiscard]] static std::filesystem::path in_memory()
    {
        const std::filesystem::path memory{"/dev/shm"};
        return std::filesystem::is_directory(memory) ? memory
                                                     : std::filesystem::temp_directory_path();
    }

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    [[nodiscard]] std::filesystem::path operator/(std::string_view name) const
    {
        return path_ / name;
    }

    // Makes the folders above it, too.
    // NOLINTNEXTLINE(modernize-use-nodiscard)
    std::filesystem::path write(std::string_view name, std::string_view text) const
    {
        auto file = path_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream{file} << text;
        return file;
    }

private:
    std::filesystem::path path_;
};

} // namespace virtpind::test
