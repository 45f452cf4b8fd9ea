// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transitions.hpp"

#include "cells.hpp"
#include "common/base/messages.hpp"
#include "guest_state.hpp"

#include <algorithm>

namespace virtpind::client {

namespace {

const Guest* find_guest(const Snapshot& snapshot, const std::string& uuid)
{
    const auto at = std::find_if(snapshot.guests.begin(), snapshot.guests.end(),
                                 [&](const Guest& guest) { return guest.uuid == uuid; });
    return at != snapshot.guests.end() ? &*at : nullptr;
}

// Where its threads may run, or what else is to be said of it, changed.
bool moved(const Guest& before, const Guest& after)
{
    return place_text(before) != place_text(after) || before.vcpus != after.vcpus ||
           is_as_asked(before) != is_as_asked(after);
}

std::string was_text(const Guest& before, const Guest& after)
{
    const auto same_word = state_of(before).word == state_of(after).word;
    const auto cpus = before.vcpu_cpus();
    if (cpus == after.vcpu_cpus()) {
        return same_word ? "" : " (was " + state_of(before).word + ")";
    }
    const auto told = same_word ? cpus_text(cpus) : place_text(before);
    return " (was " + told + ")";
}

std::string holders(const Guest& guest)
{
    std::string text;
    for (const auto& hold : guest.holds) {
        text += (text.empty() ? "" : ", ") + hold.reason;
    }
    return text;
}

class Lines {
public:
    explicit Lines(const Look& look) : look_{look} {}

    void add(const Guest& guest, const std::string& what) { add(guest, Mark::good, what, false); }

    void add_state(const Guest& guest, const std::string& what)
    {
        add(guest, state_of(guest).mark, what, true);
    }

    void add_plain(const std::string& text)
    {
        lines.push_back(clipped(in_charset(text, look_), look_.width, look_));
    }

    std::vector<std::string> lines;

private:
    void add(const Guest& guest, Mark mark, const std::string& what, bool marked)
    {
        const auto name = in_charset(guest.name, look_) + "  ";
        const auto text = in_charset(what, look_);
        const auto taken = cell_width(name) + (marked ? cell_width(mark_text(mark, look_)) + 1 : 0);
        const auto room = look_.width > taken ? look_.width - taken : look_.width > 0 ? 1 : 0;
        lines.push_back(name + (marked ? painted_mark(mark, look_) + " " : "") +
                        clipped(text, room, look_));
    }

    const Look& look_;
};

void compare_service(const Service& before, const Service& after, Lines& lines)
{
    if (before.state != after.state) {
        lines.add_plain("virtpind is " + after.state + " (was " + before.state + ")");
    }
    if (before.housekeeping != after.housekeeping) {
        lines.add_plain("housekeeping is on " + cpus_text(after.housekeeping) + " (was " +
                        cpus_text(before.housekeeping) + ")");
    }
    if (before.online != after.online) {
        lines.add_plain("CPUs online: " + cpus_text(after.online) + " (were " +
                        cpus_text(before.online) + ")");
    }
}

} // namespace

std::vector<std::string> transitions(const Snapshot& before, const Snapshot& after,
                                     const Look& look)
{
    Lines lines{look};
    compare_service(before.service, after.service, lines);
    for (const auto& guest : after.guests) {
        const auto* old = find_guest(before, guest.uuid);
        if (old == nullptr) {
            lines.add_state(guest,
                            "is new: policy " + policy_text(guest) + ", " + place_text(guest));
            continue;
        }
        if (old->name != guest.name) {
            lines.add(guest, "was called " + old->name);
        }
        if (policy_text(*old) != policy_text(guest)) {
            lines.add(guest, "policy " + policy_text(*old) + " → " + policy_text(guest));
        }
    }
    for (const auto& guest : after.guests) {
        const auto* old = find_guest(before, guest.uuid);
        if (old != nullptr && moved(*old, guest)) {
            const auto held = state_of(guest).word == "held" && !guest.holds.empty();
            lines.add_state(guest, place_text(guest) + (held ? " by " + holders(guest) : "") +
                                       was_text(*old, guest));
        }
        if (old != nullptr && why_not(*old) != why_not(guest) && !is_as_asked(guest) &&
            !why_not(guest).empty()) {
            lines.add_state(guest, why_not(guest));
        }
    }
    for (const auto& guest : before.guests) {
        if (find_guest(after, guest.uuid) == nullptr) {
            lines.add(guest, "is gone");
        }
    }
    return std::move(lines.lines);
}

std::vector<MovedGuest> moved_guests(const Snapshot& before, const Snapshot& after,
                                     const std::string& uuid)
{
    std::vector<MovedGuest> lines;
    for (const auto& guest : after.guests) {
        const auto* old = find_guest(before, guest.uuid);
        if (old == nullptr || guest.uuid == uuid || guest.run_state != "running") {
            continue;
        }
        const auto loses = is_as_asked(*old) && !is_as_asked(guest);
        if (old->vcpu_cpus() != guest.vcpu_cpus() || loses) {
            lines.push_back({state_of(guest).mark, guest.name + (loses ? " is displaced: " : ": ") +
                                                       place_text(guest) + was_text(*old, guest)});
        }
    }
    return lines;
}

} // namespace virtpind::client
