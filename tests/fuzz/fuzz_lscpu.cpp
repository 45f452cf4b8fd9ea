// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a table of lscpu: an error, or a topology in which every CPU has its place.
#include "daemon/topology/lscpu_topology.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace virtpind;
    const auto read = read_lscpu_topology(std::string{data, data + size});
    if (!read) {
        require(read.error().code == Errc::invalid_argument ||
                read.error().code == Errc::limits_exceeded);
        return 0;
    }
    require(!read->online_cpus().empty() && !read->warnings.empty());
    for (const auto& cpu : read->cpus) {
        require(at_id(read->cores, cpu.core).cpus.contains(cpu.id));
        require(at_id(read->l3s, cpu.l3).cpus.contains(cpu.id));
        require(at_id(read->nodes, cpu.node).cpus.contains(cpu.id));
        require(at_id(read->packages, cpu.package).cpus.contains(cpu.id));
        require(at_id(read->kinds, cpu.kind).cpus.contains(cpu.id));
    }
    require(read->distance.size() == read->nodes.size());
    return 0;
}
