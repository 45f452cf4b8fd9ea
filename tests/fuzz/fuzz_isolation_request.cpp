// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a request to the privileged helper, and as its answer: what is accepted is exactly
// what would be written, and no name in it is a path.
#include "common/isolation/isolation_answer.hpp"
#include "common/isolation/isolation_request.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

bool is_path(const std::string& name)
{
    return name.empty() || name.find('/') != std::string::npos ||
           name.find("..") != std::string::npos || name.find('\0') != std::string::npos;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace virtpind;
    const std::string text{data, data + size};
    if (const auto request = parse_isolation_request(text)) {
        if (format_isolation_request(*request) != text || is_path(request->scope) ||
            request->threads.size() > isolated_threads_max) {
            std::abort();
        }
        for (const auto& [name, cpus] : request->threads) {
            if (is_path(name) || cpus.empty()) {
                std::abort();
            }
        }
    }
    if (const auto answer = parse_isolation_answer(text)) {
        const auto again = parse_isolation_answer(format_isolation_answer(*answer));
        if (!again || *again != *answer) {
            std::abort();
        }
    }
    return 0;
}
