// SPDX-License-Identifier: LGPL-2.1-or-later
#include "explain_text.hpp"

#include "cells.hpp"
#include "clock_text.hpp"
#include "common/base/messages.hpp"
#include "guest_state.hpp"
#include "map_text.hpp"

#include <algorithm>

namespace virtpind::client {

namespace {

// "from its metadata", "by default".
std::string source_text(const std::string& source)
{
    return source == "default"    ? "the host's default policy"
           : source == "config"   ? "from the configuration"
           : source == "metadata" ? "from its metadata"
           : source == "bus"      ? "for this run of the service"
                                  : "from " + source;
}

Mark level_mark(const std::string& level)
{
    return level == "good"    ? Mark::reason_good
           : level == "short" ? Mark::shortfall
                              : Mark::reason_note;
}

std::string reason_lines(const std::vector<Reason>& reasons, const Look& look)
{
    std::string text;
    for (const auto& reason : reasons) {
        text += paragraph("  " + painted_mark(level_mark(reason.level), look) + " ", "    ",
                          reason.text, look);
    }
    return text;
}

std::string joined(const std::vector<std::string>& names)
{
    return join_words({names.begin(), names.end()});
}

std::string planned_place(const PlannedGuest& guest)
{
    CpuSet cpus;
    for (const auto& [vcpu, set] : guest.vcpus) {
        cpus |= set;
    }
    if (guest.placement == "none") {
        return "left alone";
    }
    return (guest.placement == "shared" ? "floats on " : "pinned on ") + cpus_text(cpus);
}

// Whether one of the reasons says this, too, as of a policy that cannot be read.
bool is_told(const std::string& text, const std::vector<Reason>& reasons)
{
    return std::any_of(reasons.begin(), reasons.end(), [&](const Reason& reason) {
        return reason.text.find(text) != std::string::npos;
    });
}

// How the guest gets rid of its policy; "" where it has none.
std::string next_step(const Guest& guest)
{
    const std::string numbers = "   all numbers: --json=pretty";
    if (own_policy(guest, "unreadable")) {
        return unreadable_policy_steps(guest, "POLICY");
    }
    if (!own_policies(guest).empty()) {
        return "undo: virtpinctl reset " + guest_word(guest) + numbers;
    }
    return guest.policy_source == "config" && guest.policy != "none"
               ? "to leave it alone: virtpinctl set " + guest_word(guest) + " none" + numbers
               : "";
}

const Guest* guest_now(const Snapshot& now, const std::string& uuid)
{
    const auto at = std::find_if(now.guests.begin(), now.guests.end(),
                                 [&](const Guest& guest) { return guest.uuid == uuid; });
    return at != now.guests.end() ? &*at : nullptr;
}

const PlannedGuest* planned(const PlanAnswer& plan, const std::string& uuid)
{
    const auto at = std::find_if(plan.guests.begin(), plan.guests.end(),
                                 [&](const PlannedGuest& guest) { return guest.uuid == uuid; });
    return at != plan.guests.end() ? &*at : nullptr;
}

// It runs and keeps its place until its next start, whatever the plan says of that.
bool waits(const Guest* guest)
{
    return guest != nullptr && state_of(*guest).word == "waits";
}

// Guests that run and would be elsewhere, or would no longer get what they ask for.
std::string others_text(const Snapshot& now, const PlanAnswer& plan, const std::string& uuid,
                        const Look& look)
{
    std::string text;
    for (const auto& guest : plan.guests) {
        const auto* before = guest_now(now, guest.uuid);
        const auto managed = guest.placement == "dedicated" || guest.placement == "shared";
        if (before == nullptr || guest.uuid == uuid || before->run_state != "running" || !managed) {
            continue;
        }
        const auto loses = is_as_asked(*before) && !guest.satisfied;
        const auto stays = before->vcpus == guest.vcpus || waits(before);
        if (stays && !loses) {
            continue;
        }
        const auto mark = loses ? Mark::shortfall : Mark::reason_note;
        text += paragraph("  " + painted_mark(mark, look) + " ", "    ",
                          guest.name + (loses ? " is displaced: " : " moves: ") +
                              planned_place(guest) + " (now " + place_text(*before) + ")",
                          look);
    }
    return text.empty() ? paragraph("  ", "  ", "Nobody else moves.", look) : text;
}

std::vector<MapGuest> planned_map(const Snapshot& now, const PlanAnswer& plan,
                                  const std::string& uuid)
{
    std::vector<MapGuest> shown;
    for (const auto& guest : plan.guests) {
        const auto* before = guest_now(now, guest.uuid);
        const auto foreign =
            before != nullptr && guest.placement == "none" && before->pin_state == "foreign";
        if (waits(before) && guest.uuid != uuid) {
            continue; // the map has no place for it now either
        }
        if (foreign) {
            shown.push_back({before->name, before->vcpus, false});
        } else if (guest.placement == "dedicated" || guest.placement == "shared") {
            shown.push_back({guest.name, guest.vcpus, guest.placement == "shared"});
        }
    }
    return shown;
}

std::string diff_text(const PlannedGuest& guest, const Look& look)
{
    if (guest.definition_diff.empty()) {
        return "\n" + paragraph("", "", "The definition stays as it is.", look);
    }
    std::string text = "\n";
    text += paragraph("", "",
                      guest.only_own_elements
                          ? "The definition would change; whoever may set policies sees all of it:"
                          : "The definition would change:",
                      look);
    std::string_view rest{guest.definition_diff};
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        const auto colour = line.rfind("---", 0) == 0 || line.rfind("+++", 0) == 0 ? Colour::bold
                            : line.rfind('+', 0) == 0                              ? Colour::green
                            : line.rfind('-', 0) == 0                              ? Colour::red
                                                                                   : Colour::none;
        text += paint(in_charset(line, look), colour, look) + "\n";
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
    return text;
}

// What it is about, before and after. `before` is null for a guest that libvirt does not have.
std::string plan_summary(const Guest* before, const PlannedGuest& after, const std::string& policy,
                         const Look& look)
{
    const auto mark = after.satisfied ? Mark::good : Mark::shortfall;
    const auto asks = policy.empty() ? after.requested : policy;
    auto text = paragraph(painted_mark(mark, look) + " ", "  ",
                          after.name + ": " + asks + " would " + (after.satisfied ? "" : "not ") +
                              "get all that it asks for",
                          look);
    text += paragraph("  now   ", "        ",
                      before == nullptr ? "libvirt does not have it"
                                        : policy_text(*before) + ": " + place_text(*before),
                      look);
    text += paragraph("  then  ", "        ",
                      planned_place(after) +
                          (after.emulator.empty() ? "" : "; emulator on " + after.emulator.str()),
                      look);
    return text + reason_lines(after.reasons, look);
}

} // namespace

std::string render_explanation(const Guest& guest, const Explanation& explanation, const Look& look)
{
    const auto state = state_of(guest);
    auto text = paragraph(painted_mark(state.mark, look) + " ", "  ",
                          guest.name + ": " + policy_text(guest) + " (" +
                              source_text(guest.policy_source) + "); " + place_text(guest),
                          look);
    text += reason_lines(explanation.reasons, look);
    if (!guest.displaced_by.empty()) {
        text += paragraph("  " + painted_mark(Mark::shortfall, look) + " ", "    ",
                          "Displaced by " + joined(guest.displaced_by) + ".", look);
    }
    if (!guest.displaced.empty()) {
        text += paragraph("  " + painted_mark(Mark::reason_note, look) + " ", "    ",
                          "It displaces " + joined(guest.displaced) + ".", look);
    }
    for (const auto& hold : guest.holds) {
        text += paragraph("  " + painted_mark(Mark::held, look) + " ", "    ",
                          "Held by " + hold.owner + ": " + hold.reason, look);
    }
    if (!guest.last_error.text.empty() && !is_told(guest.last_error.text, explanation.reasons)) {
        text += paragraph("  " + painted_mark(Mark::failed, look) + " ", "    ",
                          guest.last_error.text, look);
    }
    if (!explanation.history.empty()) {
        const auto& last = explanation.history.back();
        text += paragraph("  ", "  ", clock_text(last.realtime_usec) + " " + last.what, look);
    }
    const auto next = look.legend ? next_step(guest) : "";
    return next.empty() ? text : text + paragraph("  ", "  ", next, look);
}

std::string advice_of(const std::vector<Reason>& reasons)
{
    const auto at = std::find_if(reasons.begin(), reasons.end(), [](const Reason& reason) {
        return reason.code == "to-do-better";
    });
    return at != reasons.end() ? at->text : "";
}

std::string render_plan(const Snapshot& now, const PlanAnswer& plan, const std::string& uuid,
                        const PlannedChange& wanted, const std::optional<Layout>& layout,
                        const Look& look)
{
    const auto* after = planned(plan, uuid);
    if (after == nullptr) {
        return paragraph("", "", "The guest has gone meanwhile.", look);
    }
    auto text = plan_summary(guest_now(now, uuid), *after, wanted.policy, look);
    text += "\n" + others_text(now, plan, uuid, look);
    if (layout && after->placement != "none") {
        auto before = map_guests(now.guests);
        auto then = planned_map(now, plan, uuid);
        give_letters(before, then);
        const auto map_now =
            render_map(*layout, before, now.service.housekeeping, now.service.pool, look);
        const auto map_then = render_map(*layout, then, plan.housekeeping, plan.pool, look);
        text += map_now == map_then ? "\nnow and then:\n" + map_now
                                    : "\nnow:\n" + map_now + "then:\n" + map_then;
    }
    text += diff_text(*after, look);
    if (look.legend && !after->is_newcomer) {
        text += "\n" + paragraph("", "  ",
                                 "Nothing was changed; to do it: virtpinctl set " +
                                     guest_word({.uuid = after->uuid, .name = after->name}) + " " +
                                     wanted.words,
                                 look);
    }
    return text;
}

bool is_satisfied(const PlanAnswer& plan, const std::string& uuid)
{
    const auto* guest = planned(plan, uuid);
    return guest != nullptr && guest->satisfied;
}

} // namespace virtpind::client
