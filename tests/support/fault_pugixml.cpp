// SPDX-License-Identifier: LGPL-2.1-or-later
// The process dies of SIGABRT, or of what VIRTPIND_ABORT_BY numbers, when pugixml
// is given a text that has what the environment variable VIRTPIND_ABORT_AT says: as if the
// daemon's own work on that domain went wrong.
#include <dlfcn.h>
#include <pugixml.hpp>

#include <csignal>
#include <cstdlib>
#include <string_view>

// NOLINTBEGIN(readability-identifier-naming)

#define LOAD_BUFFER "_ZN4pugi12xml_document11load_bufferEPKvmjNS_12xml_encodingE"
pugi::xml_parse_result load_buffer(pugi::xml_document* self, const void* text, std::size_t size,
                                   unsigned options, pugi::xml_encoding encoding) asm(LOAD_BUFFER);

pugi::xml_parse_result load_buffer(pugi::xml_document* self, const void* text, std::size_t size,
                                   unsigned options, pugi::xml_encoding encoding)
{
    static const char* const at = std::getenv("VIRTPIND_ABORT_AT");
    static const char* const by = std::getenv("VIRTPIND_ABORT_BY");
    const std::string_view content{static_cast<const char*>(text), size};
    if (at != nullptr && content.find(at) != std::string_view::npos) {
        const auto number = by != nullptr ? std::atoi(by) : SIGABRT;
        std::signal(number, SIG_DFL); // a sanitizer would report it and exit in its place
        std::raise(number);
    }
    static const auto next =
        reinterpret_cast<decltype(&load_buffer)>(::dlsym(RTLD_NEXT, LOAD_BUFFER));
    return next(self, text, size, options, encoding);
}

// NOLINTEND(readability-identifier-naming)
