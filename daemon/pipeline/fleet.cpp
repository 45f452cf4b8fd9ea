// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet.hpp"

#include "own_core.hpp"

#include <algorithm>
#include <tuple>

namespace virtpind {

namespace {

bool is_active(const Member& member)
{
    return member.intent->activity != Activity::dormant;
}

bool is_running(const Member& member)
{
    return member.intent->activity == Activity::running;
}

// All its vCPUs are where they may stay.
bool stands_whole(const Member& member)
{
    return is_running(member) && !member.standing.conflict &&
           member.standing.kept.size() == member.intent->vcpus_online.size();
}

} // namespace

Fleet::Fleet(const HostIndex& host, const PlanRequest& request, CpuSet usable, CpuSet housekeeping)
    : host_{host}
    , request_{request}
    , usable_{std::move(usable)}
    , housekeeping_{std::move(housekeeping)}
    , memory_{host}
{
    classify();
    reserve();
}

// Roles, and the claims of domains that are not planned.
void Fleet::classify()
{
    const auto online = host_.topology->online_cpus();
    for (const auto& intent : request_.intents) {
        Member member;
        member.intent = &intent;
        if (intent.stance == Stance::managed) {
            member.role = intent.policy.placement == Placement::dedicated ? Member::Role::dedicated
                          : intent.policy.placement == Placement::shared  ? Member::Role::shared
                                                                          : Member::Role::untouched;
        } else if (intent.stance != Stance::hands_off &&
                   !(intent.stance == Stance::held &&
                     intent.policy.placement == Placement::shared)) {
            member.claim = intent.current.narrow_cpus(online, intent.vcpus_online) & usable_;
        }
        members_.push_back(std::move(member));
    }
}

// Running domains stand on their present CPUs until their turn comes, so that nobody who is
// placed before takes them needlessly.
void Fleet::reserve()
{
    for (const auto index : placing_order(*this, false)) {
        auto& member = members_[index];
        if (!is_running(member)) {
            continue;
        }
        member.standing = standing_pins(host_, *member.intent, around(member, Claims::active));
        member.claim = claim_of(host_, member.intent->policy, member.standing.kept);
    }
}

Surroundings Fleet::around(const Member& member, Claims claims) const
{
    Surroundings around{
        .free = usable_ - housekeeping_, .claimed = {}, .housekeeping = housekeeping_};
    for (const auto& other : members_) {
        if (&other != &member && (claims == Claims::all || is_active(other))) {
            around.claimed |= other.claim;
        }
    }
    around.free -= around.claimed;
    return around;
}

CpuSet Fleet::pool() const
{
    auto pool = usable_ - housekeeping_;
    for (const auto& member : members_) {
        if (is_active(member)) {
            pool -= member.claim;
        }
    }
    return pool;
}

bool Fleet::place(Member& member, Claims claims, Sake sake)
{
    const auto surroundings = around(member, claims);
    auto placed = false;
    if (is_running(member) && sake == Sake::own) {
        member.standing = standing_pins(host_, *member.intent, surroundings);
        const auto stays = !member.standing.conflict && !member.standing.kept.empty();
        if (stays || member.intent->policy.move == MoveLimit::never) {
            placed = try_place(member, surroundings, std::nullopt, member.standing.kept);
        }
    }
    if (!placed) {
        placed = place_again(member, surroundings, sake);
    }
    if (!placed) {
        member.claim = claim_of(host_, member.intent->policy, member.standing.kept);
    }
    return placed;
}

bool Fleet::place_again(Member& member, const Surroundings& around, Sake sake)
{
    const auto& intent = *member.intent;
    const auto home = home_nodes(host_, intent);
    const auto move = intent.policy.move;
    const auto was_pinned = !member.standing.kept.empty() || member.standing.conflict;
    if (is_running(member) && move == MoveLimit::never && was_pinned) {
        return false;
    }
    if (home.empty()) {
        return try_place(member, around, std::nullopt, {});
    }
    const auto bound_home =
        intent.memory_locked || (sake == Sake::others && move != MoveLimit::node);
    if (bound_home || move != MoveLimit::node) {
        if (try_place(member, around, home, {})) {
            return true;
        }
    }
    return !bound_home && try_place(member, around, std::nullopt, {});
}

bool Fleet::try_place(Member& member, const Surroundings& around, std::optional<NodeSet> nodes,
                      const VcpuMap& kept)
{
    const auto available = memory_.available(*member.intent);
    auto outcome = place_dedicated(host_,
                                   PlaceTask{.intent = *member.intent,
                                             .around = around,
                                             .available_kib = available,
                                             .nodes = std::move(nodes),
                                             .kept = kept},
                                   tables_);
    if (const auto* misfit = std::get_if<Misfit>(&outcome)) {
        member.misfit = *misfit;
        return false;
    }
    member.placed = std::move(std::get<Placed>(outcome));
    member.claim = member.placed->claim;
    if (!claim_own_cores(member, around)) {
        member.placed.reset();
        member.misfit = Misfit{.code = ReasonCode::no_room, .cpus = around.free.size()};
        return false;
    }
    member.misfit.reset();
    return true;
}

std::optional<Placed> Fleet::place_alone(const Member& member)
{
    const Surroundings empty{.free = free_of_all(), .claimed = {}, .housekeeping = housekeeping_};
    const auto available = memory_.available(*member.intent);
    auto outcome = place_dedicated(host_,
                                   PlaceTask{.intent = *member.intent,
                                             .around = empty,
                                             .available_kib = available,
                                             .nodes = std::nullopt,
                                             .kept = {}},
                                   tables_);
    auto* placed = std::get_if<Placed>(&outcome);
    return placed != nullptr ? std::optional{std::move(*placed)} : std::nullopt;
}

bool Fleet::claim_own_cores(Member& member, const Surroundings& around) const
{
    const auto& intent = *member.intent;
    const auto claim_one = [&](const ThreadChoice& choice, const CpuSet& present, CpuSet& own) {
        own = {};
        if (choice.mode != ThreadChoice::Mode::own) {
            return true;
        }
        own = choose_own_core(host_, intent, around.free - member.claim, member.placed->claim,
                              present);
        member.claim |= own;
        return !own.empty();
    };
    const auto& iothreads = intent.current.iothreads;
    return claim_one(intent.policy.emulator, intent.current.emulator.value_or(CpuSet{}),
                     member.emulator_core) &&
           (intent.iothreads.empty() ||
            claim_one(intent.policy.iothreads,
                      iothreads.empty() ? CpuSet{} : iothreads.begin()->second,
                      member.iothread_core));
}

void Fleet::lift(Member& member) const
{
    member.claim = {};
    member.placed.reset();
    member.emulator_core = {};
    member.iothread_core = {};
}

std::vector<std::size_t> placing_order(const Fleet& fleet, bool dormant)
{
    const auto& members = fleet.members();
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (members[i].role == Member::Role::dedicated && is_active(members[i]) != dormant) {
            order.push_back(i);
        }
    }
    const auto key = [&members](std::size_t i) {
        const auto& intent = *members[i].intent;
        return std::tuple{-std::int64_t{intent.policy.priority}, !stands_whole(members[i]),
                          -static_cast<std::int64_t>(intent.vcpus_online.size())};
    };
    std::stable_sort(order.begin(), order.end(),
                     [&key](std::size_t a, std::size_t b) { return key(a) < key(b); });
    return order;
}

} // namespace virtpind
