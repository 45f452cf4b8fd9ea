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

    // Sets aside what a newly placed domain will take from `nodes`, lowest first, cells from the
    // node that `cell_nodes` names. Domains that have their memory take nothing.
    void take(const Intent& intent, const NodeSet& nodes,
              const std::map<std::uint32_t, NodeSet>& cell_nodes);

    // More than one node has memory: binding memory to nodes means something.
    [[nodiscard]] bool several_nodes() const { return nodes_with_memory_ > 1; }

private:
    using PageKib = std::uint64_t; // 0: ordinary memory
    void take_from(PageKib page, std::uint64_t kib, const NodeSet& nodes);

    const HostIndex& host_;
    std::size_t nodes_with_memory_ = 0;
    std::map<PageKib, std::vector<std::optional<std::uint64_t>>> free_; // by NodeIndex
};

} // namespace virtpind
