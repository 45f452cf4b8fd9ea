// SPDX-License-Identifier: LGPL-2.1-or-later
#include "member.hpp"

#include "foreign.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace virtpind {

namespace {

// Its role, and its claim where it is not planned.
Member make_member(const HostIndex& host, const Intent& intent, const CpuSet& usable)
{
    Member member;
    member.intent = &intent;
    if (intent.stance == Stance::managed) {
        member.role = intent.policy.placement == Placement::dedicated ? Member::Role::dedicated
                      : intent.policy.placement == Placement::shared  ? Member::Role::shared
                                                                      : Member::Role::untouched;
    } else if (intent.stance != Stance::hands_off && is_active(member)) {
        const auto footprint = footprint_of(host, intent);
        const auto floats =
            intent.stance == Stance::held && intent.policy.placement == Placement::shared;
        member.claim = floats ? CpuSet{} : footprint.claimed & usable;
        member.load = (floats ? footprint.claimed | footprint.floats : footprint.floats) & usable;
        member.load_vcpus = member.load.empty() ? 0 : footprint.floating;
    }
    return member;
}

// Names as numbers: they are compared for every pair of domains.
void number_devices(std::vector<Member>& members)
{
    std::map<std::string_view, std::size_t> known;
    for (auto& member : members) {
        for (const auto& device : member.intent->exclusive) {
            member.exclusive.push_back(known.try_emplace(device, known.size()).first->second);
        }
        std::sort(member.exclusive.begin(), member.exclusive.end());
    }
}

} // namespace

std::vector<Member> make_members(const HostIndex& host, const PlanRequest& request,
                                 const CpuSet& usable)
{
    std::vector<Member> members;
    for (const auto& intent : request.intents) {
        request.turn_of(intent);
        members.push_back(make_member(host, intent, usable));
    }
    number_devices(members);
    return members;
}

bool has_pins_on(const Intent& intent, const CpuSet& cpus)
{
    const auto& pins = intent.current;
    const auto is_on = [&cpus](const auto& pin) { return pin.second.intersects(cpus); };
    return intent.activity != Activity::dormant &&
           (std::any_of(pins.vcpus.begin(), pins.vcpus.end(), is_on) ||
            std::any_of(pins.iothreads.begin(), pins.iothreads.end(), is_on) ||
            (pins.emulator && pins.emulator->intersects(cpus)) ||
            (pins.vcpu_cpuset && pins.vcpu_cpuset->intersects(cpus)));
}

bool may_keep_all_pins(const Member& member)
{
    return !member.kept_pins.conflict &&
           member.kept_pins.kept.size() == member.intent->vcpus_online.size();
}

bool runs_in_place(const Member& member)
{
    return is_running(member) && may_keep_all_pins(member);
}

bool have_common_device(const Member& a, const Member& b)
{
    auto x = a.exclusive.begin();
    auto y = b.exclusive.begin();
    while (x != a.exclusive.end() && y != b.exclusive.end() && *x != *y) {
        *x < *y ? ++x : ++y;
    }
    return x != a.exclusive.end() && y != b.exclusive.end();
}

CpuSet current_exclusive_cpus(const HostIndex& host, const Member& member, const CpuSet& free)
{
    CpuSet cpus;
    for (const auto vcpu : member.intent->vcpus_online) {
        const auto cpu = present_cpu(host, *member.intent, vcpu);
        if (is_running(member) && cpu && free.contains(*cpu)) {
            cpus.insert(*cpu);
        }
    }
    return cpus;
}

} // namespace virtpind
