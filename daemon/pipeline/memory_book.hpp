// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory and hugepages that the nodes still have to give, as far as the host tells.
#pragma once

#include "common/plan.hpp"
#include "host_index.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace virtpind {

class MemoryBook {
public:
    explicit MemoryBook(const HostIndex& host);

    // What `intent` could have on each node, by NodeIndex; absent: unknown. A domain that has
    // memory already counts as having an equal part of it on each of its memory nodes.
    [[nodiscard]] std::vector<std::optional<std::uint64_t>> available(const Intent& intent) const;

    // What a newly placed domain will take, so that it can be given back.
    struct Taken {
        std::uint64_t page_kib = 0;     // 0: ordinary memory
        std::vector<std::uint64_t> kib; // by NodeIndex
    };

    // Sets aside the memory of a domain on `nodes`, lowest first. Domains that have their memory,
    // or are shut off, take nothing.
    [[nodiscard]] Taken take(const Intent& intent, const NodeSet& nodes);
    void give_back(const Taken& taken);
    void take_again(const Taken& taken); // what was given back

    // More than one node has memory: binding memory to nodes means something.
    [[nodiscard]] bool several_nodes() const { return nodes_with_memory_ > 1; }

private:
    const HostIndex& host_;
    std::size_t nodes_with_memory_ = 0;
    // By page size (0: ordinary memory) and NodeIndex.
    std::map<std::uint64_t, std::vector<std::optional<std::uint64_t>>> free_;
};

} // namespace virtpind
