// SPDX-License-Identifier: LGPL-2.1-or-later
#include "check_context.hpp"

#include "intent_devices.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace virtpind {

void CheckContext::look_at(std::size_t domain)
{
    intent_ = &request_.intents[domain];
    domain_ = &plan_.domains[domain];
    request_.turn_of(*intent_);
}

void CheckContext::expect(bool holds, const std::string& what)
{
    if (!holds) {
        broken_.push_back(
            {.domain = domain_ != nullptr ? std::optional{intent_->uuid} : std::nullopt,
             .text = (domain_ != nullptr ? domain_->name + ": " : std::string{}) + what});
    }
}

bool CheckContext::has_all_pins() const
{
    const auto online = intent_->all_online();
    const auto has_pin = [this](VcpuId vcpu) { return domain_->vcpus.contains(vcpu); };
    return !domain_->vcpus.empty() &&
           std::all_of(domain_->floating.begin(), domain_->floating.end(), has_pin) &&
           std::all_of(online.begin(), online.end(), has_pin);
}

bool CheckContext::never_together(const Intent& a, const Intent& b)
{
    return (a.shut_off || b.shut_off) && share_a_device(a, b);
}

bool CheckContext::has_rivals(std::size_t at) const
{
    for (std::size_t i = 0; i < request_.intents.size(); ++i) {
        if (i != at && never_together(request_.intents[at], request_.intents[i])) {
            return true;
        }
    }
    return false;
}

NodeSet CheckContext::near(const NodeSet& nodes) const
{
    const auto& topology = *request_.topology;
    const auto same_package = [&topology](const Node& a, const Node& b) {
        return std::any_of(
            topology.packages.begin(), topology.packages.end(), [&](const Package& package) {
                return package.cpus.includes(a.cpus) && package.cpus.includes(b.cpus);
            });
    };
    const auto is_l3 = [&topology](const Node& node) {
        return !node.cpus.empty() &&
               std::any_of(topology.l3s.begin(), topology.l3s.end(), [&node](const L3& l3) {
                   return l3.size_bytes > 0 && l3.cpus == node.cpus;
               });
    };
    auto near = nodes;
    for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
        for (std::size_t j = 0; j < topology.nodes.size(); ++j) {
            const auto& from = topology.nodes[i];
            const auto& to = topology.nodes[j];
            if (nodes.contains(from.id) && is_l3(from) && is_l3(to) && same_package(from, to) &&
                std::max(topology.distance[i][j], topology.distance[j][i]) <= 11) {
                near.insert(to.id);
            }
        }
    }
    return near;
}

NodeSet CheckContext::memory_homes(const NodeSet& nodes) const
{
    const auto& all = request_.topology->nodes;
    NodeSet homes;
    for (const auto& node : all) {
        if (!nodes.contains(node.id)) {
            continue;
        }
        const auto nearby = near({node.id});
        const auto home = std::find_if(all.begin(), all.end(), [&](const Node& other) {
            return other.memory_kib > 0 &&
                   (other.id == node.id || (node.memory_kib == 0 && nearby.contains(other.id)));
        });
        homes.insert(home != all.end() ? home->id : node.id);
    }
    return homes;
}

NodeSet CheckContext::with_borrowers(const NodeSet& nodes) const
{
    auto all = nodes;
    for (const auto& node : request_.topology->nodes) {
        if (node.memory_kib == 0 && nodes.includes(memory_homes({node.id}))) {
            all.insert(node.id);
        }
    }
    return all;
}

CpuSet CheckContext::floatable(const CpuSet& cpus) const
{
    const auto quiet = request_.topology->quiet_cpus();
    return quiet.includes(cpus) ? cpus : cpus - quiet;
}

const CpuSet& CheckContext::housekeeping() const
{
    return domain_->housekeeping ? *domain_->housekeeping : plan_.housekeeping;
}

CpuSet CheckContext::pool_of_all() const
{
    return plan_.usable - housekeeping() - request_.topology->quiet_cpus();
}

CpuSet CheckContext::own_pool() const
{
    if (intent_->exclusive.empty() && !domain_->housekeeping) {
        return plan_.pool;
    }
    auto pool = pool_of_all();
    for (std::size_t i = 0; i < plan_.domains.size(); ++i) {
        const auto& other = request_.intents[i];
        if (&other != intent_ && other.activity != Activity::dormant &&
            !never_together(*intent_, other)) {
            pool -= plan_.domains[i].claim;
        }
    }
    return pool;
}

} // namespace virtpind
