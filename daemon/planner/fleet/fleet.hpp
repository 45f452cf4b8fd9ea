// SPDX-License-Identifier: LGPL-2.1-or-later
// All domains of one plan and the CPUs they claim, while the plan is being made.
#pragma once

#include "member.hpp"
#include "memory_ledger.hpp"

#include <optional>
#include <vector>

namespace virtpind {

class Fleet {
public:
    // `request` and `host` outlive this.
    Fleet(const HostIndex& host, const PlanRequest& request, CpuSet usable, CpuSet housekeeping);

    [[nodiscard]] const HostIndex& host() const { return host_; }

    [[nodiscard]] std::vector<Member>& members() { return members_; }

    [[nodiscard]] const std::vector<Member>& members() const { return members_; }

    [[nodiscard]] MemoryLedger& memory() { return memory_; }

    // Which of the others' claims count for a domain. Those it can never run together with never
    // do.
    enum class Claims { all, active, none };

    // Those active ones that `member` can never run together with.
    [[nodiscard]] std::vector<const Member*> rivals(const Member& member) const;

    [[nodiscard]] Surroundings around(const Member& member, Claims claims) const;

    // Usable, not housekeeping, not claimed by an active domain, and not isolated.
    [[nodiscard]] CpuSet pool() const;

    // The same as if those that `member` can never run together with were off; or all others.
    [[nodiscard]] CpuSet pool_for(const Member& member) const;

    [[nodiscard]] CpuSet pool_of_all() const { return free_of_all() - host_.quiet; }

    // The same while `member` runs.
    [[nodiscard]] CpuSet pool_of_all_beside(const Member& member) const
    {
        return usable_ - housekeeping_beside(member) - host_.quiet;
    }

    // The memory that `member` could have. Precondition: nothing is booked for it.
    enum class Memory {
        beside_all,
        beside_active, // what dormant ones have booked is there
        in_all,        // nothing is in use
        any,           // as if every node had enough
    };
    [[nodiscard]] MemoryLedger::Amounts memory_for(const Member& member, Memory which) const;

    // KiB of hugepages or memory that are missing for `member` to start now, on all nodes together.
    [[nodiscard]] std::uint64_t missing_kib(const Member& member);

    // Where a running domain may be put when it cannot stay: as far as it takes for its own
    // sake, or only as far as `move` allows for the sake of others.
    enum class MoveReason { own, others };

    // Places `member` as cheaply as the others allow, with its own extra cores, and
    // claims that. False when it does not fit: then it claims nothing, but for the CPUs its vCPUs
    // have now if it is to be left untouched. One that arrives may be held to `limits`.
    bool place(Member& member, Claims claims, MoveReason move_reason,
               const PackLimits* limits = nullptr);

    // Places a running one where `kept` keep their CPUs and the others may have any, for the sake
    // of others, as place() does.
    bool place_keeping(Member& member, const VcpuMap& kept);

    // Places one that is shut off: beside all others if that can be, else beside those that
    // run, else as if what it needs of memory were there, else as if the others were off. In the
    // last two cases it keeps the place that its definition has, and `Later` says which.
    enum class Later { no, memory, cpus };
    Later place_dormant(Member& member);

    // Where `member` would be placed if no other domain were there.
    [[nodiscard]] std::optional<Placed> place_alone(const Member& member);

    // What the others leave to a domain.
    struct Availability {
        Surroundings around;
        MemoryLedger::Others memory = MemoryLedger::Others::booked;
    };

    // Where a domain like `intent` would be placed with that available, its own extra cores
    // included in the claim. For questions: nothing is claimed or booked by it. Precondition:
    // nothing is booked for it.
    [[nodiscard]] std::optional<Placed> what_if(const Intent& intent,
                                                const Availability& availability);

    // What `member` would have all to itself.
    [[nodiscard]] Availability all_to_itself(const Member& member) const;

    [[nodiscard]] const CpuSet& usable() const { return usable_; }

    [[nodiscard]] const CpuSet& housekeeping() const { return housekeeping_; }

    // What housekeeping keeps while `member` runs.
    [[nodiscard]] const CpuSet& housekeeping_beside(const Member& member) const
    {
        return member.housekeeping ? *member.housekeeping : housekeeping_;
    }

    // Precondition: `housekeeping` is usable, and no member claims any of it but those that are not
    // planned. Costs are those with it, and no longer proven.
    void put_housekeeping_on(CpuSet housekeeping);

    // Usable and not housekeeping.
    [[nodiscard]] CpuSet free_of_all() const { return usable_ - housekeeping_; }

    // Tells the request's watch whose turn it is.
    void turn_of(const Intent& intent) const;

    // Gives up what `member` claims, to be placed again.
    void unplace(Member& member);

    // Puts back what `member` was before unplace() and perhaps place().
    void restore(Member& member, Member before);

private:
    void take_memory(Member& member);
    bool give_up_place(Member& member, const Surroundings& around);
    void keep_in_place(Member& member, const Surroundings& around) const;
    [[nodiscard]] std::vector<MemoryLedger::Absent> absent_for(const Member& member,
                                                               Memory which) const;
    [[nodiscard]] bool place_later(Member& member, const Surroundings& around, Memory memory);
    [[nodiscard]] bool find_place(Member& member, const Surroundings& around,
                                  const MemoryLedger::Amounts& available,
                                  const std::optional<NodeSet>& nodes, const VcpuMap& kept,
                                  const PackLimits* limits = nullptr);
    [[nodiscard]] bool try_place(Member& member, const Surroundings& around,
                                 const std::optional<NodeSet>& nodes, const VcpuMap& kept,
                                 const PackLimits* limits = nullptr);
    [[nodiscard]] bool place_again(Member& member, const Surroundings& around,
                                   MoveReason move_reason, const PackLimits* limits);

    const HostIndex& host_;
    const PlanRequest& request_;
    CpuSet usable_;
    CpuSet housekeeping_;
    MemoryLedger memory_;
    PackTables tables_;
    std::vector<Member> members_; // in the order of the intents
    bool has_loads_ = false;      // of some member
};

} // namespace virtpind
