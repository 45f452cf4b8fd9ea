// SPDX-License-Identifier: LGPL-2.1-or-later
// Stands in for libFuzzer where there is none: replays the files of the folders it is given.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv)
{
    auto replayed = 0;
    for (auto i = 1; i < argc; ++i) {
        for (const auto& entry : std::filesystem::directory_iterator{argv[i]}) {
            if (!entry.is_regular_file()) {
                continue;
            }
            std::ifstream file{entry.path(), std::ios::binary};
            const std::string text{std::istreambuf_iterator<char>{file}, {}};
            const std::basic_string<std::uint8_t> bytes{text.begin(), text.end()};
            std::printf("%s\n", entry.path().c_str());
            std::fflush(stdout); // the last line names the file that broke it
            LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
            ++replayed;
        }
    }
    std::printf("%d files replayed\n", replayed);
    return replayed > 0 ? 0 : 1;
}
