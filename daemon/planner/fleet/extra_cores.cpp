// SPDX-License-Identifier: LGPL-2.1-or-later
#include "extra_cores.hpp"

namespace virtpind {

namespace {

CpuSet present_emulator(const Intent& intent)
{
    return intent.current.emulator.value_or(CpuSet{});
}

CpuSet present_iothreads(const Intent& intent)
{
    const auto& pins = intent.current.iothreads;
    return pins.empty() ? CpuSet{} : pins.begin()->second;
}

bool claim_from(const HostIndex& host, const CoreSupply& supply, Member& member)
{
    const auto stays = member.placed->pins == member.kept_pins.kept;
    const auto claim_one = [&](const ThreadChoice& choice, const CpuSet& present, CpuSet& own) {
        own = {};
        if (choice.mode != ThreadChoice::Mode::own) {
            return true;
        }
        auto left = supply;
        left.free -= member.claim;
        own = choose_own_core(host, *member.intent, left, member.placed->claim,
                              {.cpus = present, .stays = stays});
        member.claim |= claim_of_own_core(host, left.free, own);
        return !own.empty();
    };
    const auto& policy = member.intent->policy;
    return claim_one(policy.emulator, present_emulator(*member.intent), member.emulator_core) &&
           (member.intent->iothreads.empty() ||
            claim_one(policy.iothreads, present_iothreads(*member.intent), member.iothread_core));
}

} // namespace

bool claim_extra_cores(const HostIndex& host, const CpuSet& usable, const CpuSet& free,
                       Member& member)
{
    return claim_from(host, {.usable = usable, .free = free}, member);
}

void keep_extra_cores(const HostIndex& host, const CpuSet& free, Member& member)
{
    const auto& intent = *member.intent;
    const auto keep_one = [&](const ThreadChoice& choice, const CpuSet& present) {
        if (choice.mode == ThreadChoice::Mode::own && !member.kept_pins.kept.empty()) {
            const auto left = free - member.claim;
            member.claim |= claim_of_own_core(host, left, present_own_core(host, left, present));
        }
    };
    keep_one(intent.policy.emulator, present_emulator(intent));
    keep_one(intent.policy.iothreads, present_iothreads(intent));
}

CpuSet extra_cores_beside(const HostIndex& host, const CoreSupply& supply, Member member,
                          const VcpuMap& kept)
{
    CpuSet stay;
    for (const auto& [vcpu, cpu] : kept) {
        stay.insert(cpu);
    }
    member.claim = stay;
    return claim_from(host, supply, member) ? member.claim - stay : CpuSet{};
}

} // namespace virtpind
