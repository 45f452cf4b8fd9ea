// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config_files.hpp"

#include "common/base/messages.hpp"
#include "common/base/text_file.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace virtpind {

namespace {

namespace fs = std::filesystem;

// Entries that are no files of ours are passed over, but not without an end.
constexpr std::size_t entries_max = 4096;

Error unusable(std::string message)
{
    return Error{.code = Errc::invalid_config, .message = std::move(message)};
}

bool is_config_name(const std::string& name)
{
    constexpr std::string_view ending = ".json";
    return name.size() > ending.size() && name.ends_with(ending) && name.front() != '.';
}

Result<std::vector<fs::path>> list_files(const fs::path& directory)
{
    std::vector<fs::path> files;
    std::error_code error;
    fs::directory_iterator entry{directory, error};
    if (error == std::errc::no_such_file_or_directory) {
        return files;
    }
    std::size_t entries = 0;
    while (!error && entry != fs::directory_iterator{}) {
        if (++entries > entries_max) {
            return unusable("directory " + path_in_quotes(directory.native()) + " has more than " +
                            std::to_string(entries_max) + " entries; remove what is not needed");
        }
        if (is_config_name(entry->path().filename().native())) {
            files.push_back(entry->path());
        }
        entry.increment(error);
    }
    if (error) {
        return unusable("failed to read directory " + path_in_quotes(directory.native()) + ": " +
                        error.message());
    }
    if (files.size() > config_files_max) {
        return unusable("directory " + path_in_quotes(directory.native()) + " has " +
                        std::to_string(files.size()) + " files *.json; at most " +
                        std::to_string(config_files_max) + " are read: join some of them");
    }
    std::sort(files.begin(), files.end(),
              [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
    return files;
}

Result<void> add_file(const fs::path& path, std::vector<ConfigText>& texts)
{
    auto text = read_text_file(path, config_bytes_max);
    if (!text) {
        return unusable(text.error().message);
    }
    texts.push_back({.text = std::move(*text), .source = path.native()});
    std::size_t bytes = 0;
    for (const auto& one : texts) {
        bytes += one.text.size();
    }
    if (bytes > config_all_bytes_max) {
        return unusable("with file " + path_in_quotes(path.native()) +
                        " the configuration has more than " + std::to_string(config_all_bytes_max) +
                        " bytes");
    }
    return {};
}

} // namespace

Result<std::vector<ConfigText>> read_config_texts(const fs::path& path, MissingFile missing)
{
    std::vector<ConfigText> texts;
    std::error_code ignored; // what cannot even be looked at is read, and that says why not
    const auto is_missing = fs::status(path, ignored).type() == fs::file_type::not_found;
    if (missing == MissingFile::is_error || !is_missing) {
        if (auto added = add_file(path, texts); !added) {
            return std::move(added).error();
        }
    }
    const auto files = list_files(path.parent_path() / "conf.d");
    if (!files) {
        return files.error();
    }
    for (const auto& file : *files) {
        if (auto added = add_file(file, texts); !added) {
            return std::move(added).error();
        }
    }
    return texts;
}

Result<Config> read_config_files(const fs::path& path, MissingFile missing)
{
    const auto texts = read_config_texts(path, missing);
    return texts ? parse_config(*texts) : texts.error();
}

} // namespace virtpind
