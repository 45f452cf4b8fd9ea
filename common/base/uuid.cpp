// SPDX-License-Identifier: LGPL-2.1-or-later
#include "uuid.hpp"

namespace virtpind {

std::optional<DomainUuid> parse_uuid(std::string_view text)
{
    constexpr std::string_view form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (text.size() != form.size()) {
        return std::nullopt;
    }
    std::string canonical;
    for (std::size_t i = 0; i < form.size(); ++i) {
        const auto c =
            text[i] >= 'A' && text[i] <= 'F' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
        const auto digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (form[i] == 'x' ? !digit : c != '-') {
            return std::nullopt;
        }
        canonical += c;
    }
    return DomainUuid{std::move(canonical)};
}

} // namespace virtpind
