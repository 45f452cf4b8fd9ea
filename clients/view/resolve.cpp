// SPDX-License-Identifier: LGPL-2.1-or-later
#include "resolve.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "common/base/uuid.hpp"

#include <algorithm>
#include <string>

namespace virtpind::client {

namespace {

constexpr std::size_t name_max = 4096;

template <class Fits>
std::vector<const Guest*> those_that(const std::vector<Guest>& guests, Fits fits)
{
    std::vector<const Guest*> found;
    for (const auto& guest : guests) {
        if (fits(guest)) {
            found.push_back(&guest);
        }
    }
    return found;
}

Error ambiguous(std::string_view text, const std::vector<const Guest*>& found)
{
    constexpr std::size_t named_max = 6;
    std::string names;
    for (std::size_t i = 0; i < std::min(found.size(), named_max); ++i) {
        names += (i > 0 ? ", " : "") + in_quotes(found[i]->name);
    }
    names += found.size() > named_max ? ", ..." : "";
    return {.code = Errc::ambiguous,
            .message = in_quotes(text) + " is the beginning of " + std::to_string(found.size()) +
                       " guests: " + names + "; write more of the name, or the UUID"};
}

Error only_the_beginning(std::string_view text, const Guest& guest)
{
    return {.code = Errc::not_found,
            .message = "no guest " + in_quotes(text) + "; it is the beginning of " +
                       in_quotes(guest.name) + " (" + guest.uuid +
                       "), but what changes a guest wants the whole name or UUID"};
}

Error not_found(std::string_view text, const std::vector<Guest>& guests)
{
    Words names;
    for (const auto& guest : guests) {
        names.push_back(guest.name);
    }
    const auto hint = did_you_mean(text, names);
    const auto next = guests.empty() ? "libvirt has none" : "virtpinctl list shows all";
    return {.code = Errc::not_found,
            .message = "no guest " + in_quotes(text) + hint + (hint.empty() ? "; " : " ") + next};
}

} // namespace

Result<const Guest*> resolve_guest(const std::vector<Guest>& guests, std::string_view text,
                                   Naming naming)
{
    const auto uuid = parse_uuid(text);
    const auto begins = [text](const std::string& whole) {
        return !text.empty() && whole.compare(0, text.size(), text) == 0;
    };
    auto found =
        those_that(guests, [&](const Guest& guest) { return uuid && guest.uuid == uuid->str(); });
    if (found.empty()) {
        const auto shown = printable(text, name_max); // as names are in Guest
        found = those_that(
            guests, [&](const Guest& guest) { return guest.name == text || guest.name == shown; });
    }
    if (found.empty()) {
        found = those_that(
            guests, [&](const Guest& guest) { return begins(guest.name) || begins(guest.uuid); });
        if (naming == Naming::whole && found.size() == 1) {
            return only_the_beginning(text, *found.front());
        }
    }
    if (found.size() > 1) {
        return ambiguous(text, found);
    }
    if (found.empty()) {
        return not_found(text, guests);
    }
    return found.front();
}

} // namespace virtpind::client
