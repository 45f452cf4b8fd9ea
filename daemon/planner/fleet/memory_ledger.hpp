// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory and hugepages that the nodes still have to give, as far as the host tells.
//
// A live host tells what is free: what domains have already is not part of it. A host read from a
// file tells only how much there is; then those that have their memory are booked where it is. One
// node with memory has nothing to choose, so there only its size counts: overcommitting it is
// the operator's business.
#pragma once

#include "common/model/plan.hpp"
#include "daemon/planner/place/host_index.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace virtpind {

// Its memory is allocated: it runs, as far as the host or a scenario tells.
[[nodiscard]] bool has_memory(const Intent& intent);

class MemoryLedger {
public:
    using Amounts = std::vector<std::optional<std::uint64_t>>; // KiB by NodeIndex; absent: unknown

    explicit MemoryLedger(const HostIndex& host);

    // What was set aside, so that it can be given back.
    struct Taken {
        std::uint64_t page_kib = 0;     // 0: ordinary memory
        std::vector<std::uint64_t> kib; // by NodeIndex; empty: nothing
    };

    // Somebody who counts as not there, with what was booked.
    struct Absent {
        const Intent* intent = nullptr;
        const Taken* taken = nullptr;
    };

    // What `intent` could have on each node beside the others, or if nobody was booked, or if
    // nothing of it was in use. Its own memory counts where it is. For one that is shut off,
    // hugepages of which all nodes together do not have enough decide nothing: whoever makes them
    // chooses where; nor do those of a host with one node for anybody. Precondition: nothing is
    // booked for it.
    enum class Others { booked, ignored, off };
    [[nodiscard]] Amounts available(const Intent& intent, Others others = Others::booked,
                                    const std::vector<Absent>& absent = {}) const;

    // How much of the memory of one that has none yet is not there on all nodes together; the same
    // precondition.
    [[nodiscard]] std::uint64_t missing_kib(const Intent& intent, Others others,
                                            const std::vector<Absent>& absent) const;

    // The host tells which sizes of hugepages it has, and that of `intent` is none of these.
    [[nodiscard]] bool lacks_page_size(const Intent& intent) const;

    // Books what a domain has already, where the host does not tell of it.
    [[nodiscard]] Taken reserve_existing(const Intent& intent);

    // Books the memory that comes to `nodes` with a domain that is placed there, in equal parts as
    // far as they have them.
    [[nodiscard]] Taken take(const Intent& intent, const NodeSet& nodes);

    void give_back(const Taken& taken);
    void take_again(const Taken& taken); // what was given back

    // More than one node has memory: binding memory to nodes means something.
    [[nodiscard]] bool several_nodes() const { return nodes_with_memory_ > 1; }

private:
    // Memory in pages of one size, by NodeIndex.
    struct Stock {
        Amounts total;
        Amounts unbooked;                  // before anything was booked
        std::vector<std::uint64_t> booked; // more than there is while places are tried
        std::vector<bool> tells;           // what domains have already is not part of it

        // What the bookings leave of a node's.
        [[nodiscard]] std::optional<std::uint64_t> left(std::size_t node) const;
    };

    void add_ordinary();
    void add_hugepages();
    [[nodiscard]] const Stock* stock_for(const Intent& intent) const;
    [[nodiscard]] NodeSet holding(const NodeSet& nodes) const;
    [[nodiscard]] NodeSet home_of(const Intent& intent) const;
    [[nodiscard]] Amounts amounts(const Intent& intent, const Stock& stock, Others others,
                                  const std::vector<Absent>& absent) const;
    void give_for(const Absent& absent, const Intent& intent, const Stock& stock, Others others,
                  Amounts& amounts) const;
    [[nodiscard]] bool is_one_node() const;
    [[nodiscard]] static Amounts with_all_anywhere(const Intent& intent, const Stock& stock,
                                                   Amounts available);
    [[nodiscard]] Amounts with_its_own(const Intent& intent, const NodeSet& home,
                                       const Stock& stock, Amounts available) const;
    [[nodiscard]] Taken book(const Intent& intent, const std::vector<std::size_t>& nodes,
                             std::uint64_t kib);

    const HostIndex& host_;
    std::size_t nodes_with_memory_ = 0;
    std::map<std::uint64_t, Stock> stocks_; // by page size; 0: ordinary memory
};

} // namespace virtpind
