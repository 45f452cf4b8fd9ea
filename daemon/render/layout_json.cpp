// SPDX-License-Identifier: LGPL-2.1-or-later
#include "layout_json.hpp"

#include "common/base/printable.hpp"

#include <string_view>

namespace virtpind {

namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson l3s_json(const Topology& topology)
{
    auto list = OrderedJson::array();
    for (const auto& l3 : topology.l3s) {
        OrderedJson json{{"cpus", l3.cpus.str()},
                         {"size-bytes", l3.size_bytes},
                         {"vcache", l3.vcache},
                         {"nodes", topology.nodes_of(l3.cpus).str()}};
        if (const auto* first = l3.cpus.empty() ? nullptr : topology.find(l3.cpus.front())) {
            json["package"] = raw(first->package);
        }
        list.push_back(std::move(json));
    }
    return list;
}

OrderedJson cores_json(const Topology& topology)
{
    auto list = OrderedJson::array();
    for (const auto& core : topology.cores) {
        list.push_back({{"cpus", core.cpus.str()},
                        {"l3", raw(core.l3)},
                        {"node", raw(at_id(topology.nodes, core.node).id)},
                        {"package", raw(core.package)},
                        {"kind", to_string(at_id(topology.kinds, core.kind).core_class)}});
    }
    return list;
}

} // namespace

OrderedJson layout_to_json(const Topology& topology)
{
    OrderedJson json;
    for (const auto& package : topology.packages) {
        json["packages"].push_back({{"cpus", package.cpus.str()}});
    }
    for (const auto& node : topology.nodes) {
        json["nodes"].push_back({{"id", raw(node.id)},
                                 {"cpus", node.cpus.str()},
                                 {"memory-kib", node.memory_kib},
                                 {"has-io", node.has_io}});
    }
    json["l3s"] = l3s_json(topology);
    json["cores"] = cores_json(topology);
    for (const auto& kind : topology.kinds) {
        json["kinds"].push_back({{"kind", to_string(kind.core_class)},
                                 {"name", printable(kind.name)},
                                 {"cpus", kind.cpus.str()}});
    }
    CpuSet offline;
    CpuSet not_allowed;
    for (const auto& cpu : topology.cpus) {
        if (!cpu.online) {
            offline.insert(cpu.id);
        } else if (!cpu.allowed) {
            not_allowed.insert(cpu.id);
        }
    }
    json["offline"] = offline.str();
    json["not-allowed"] = not_allowed.str();
    json["isolated"] = topology.isolated.str();
    json["nohz-full"] = topology.nohz_full.str();
    return json;
}

} // namespace virtpind
