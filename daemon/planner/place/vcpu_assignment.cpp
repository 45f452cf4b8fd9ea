// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vcpu_assignment.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>

namespace virtpind {

namespace {

// The chosen CPUs of one core that are not given away yet.
struct Seat {
    std::size_t core = 0;
    NodeIndex node{};
    std::vector<CpuId> cpus;

    bool take(CpuId cpu)
    {
        const auto at = std::find(cpus.begin(), cpus.end(), cpu);
        if (at == cpus.end()) {
            return false;
        }
        cpus.erase(at);
        return true;
    }
};

// Seats with those of one node, then of one L3, next to each other.
std::vector<Seat> make_seats(const HostIndex& host, std::vector<std::vector<CpuId>>&& chosen)
{
    constexpr auto unseen = std::numeric_limits<std::size_t>::max();
    std::vector<std::size_t> node_first(host.topology->nodes.size(), unseen);
    std::vector<std::size_t> l3_first(host.topology->l3s.size(), unseen);
    std::vector<Seat> seats;
    for (std::size_t core = 0; core < chosen.size(); ++core) {
        if (!chosen[core].empty()) {
            const auto& place = host.cores[core];
            auto& node = at_id(node_first, place.node);
            auto& l3 = at_id(l3_first, place.l3);
            node = std::min(node, core);
            l3 = std::min(l3, core);
            seats.push_back({.core = core, .node = place.node, .cpus = std::move(chosen[core])});
        }
    }
    std::stable_sort(seats.begin(), seats.end(), [&](const Seat& a, const Seat& b) {
        const auto key = [&](const Seat& seat) {
            return std::tuple{at_id(node_first, seat.node),
                              at_id(l3_first, host.cores[seat.core].l3), seat.core};
        };
        return key(a) < key(b);
    });
    return seats;
}

class Seating {
public:
    explicit Seating(OrderTask&& task)
        : host_{task.host}
        , shape_{task.shape}
        , cell_nodes_{std::move(task.cell_nodes)}
        , present_{task.present}
        , pins_{task.kept}
        , seats_{make_seats(task.host, std::move(task.chosen))}
    {
        for (const auto& [vcpu, cpu] : pins_) {
            if (auto* seat = seat_of(cpu)) {
                seat->take(cpu);
            }
        }
    }

    VcpuMap run() &&
    {
        complete_kept_cores();
        if (shape_.siblings_matter) {
            keep_present_cores();
        } else {
            keep_present();
        }
        seat_whole_cores();
        keep_present();
        seat_the_rest();
        return std::move(pins_);
    }

private:
    // nullptr where nothing of its core was chosen, or the host has no such CPU online.
    Seat* seat_of(CpuId cpu)
    {
        const auto core = host_.find_core(cpu);
        const auto at = std::find_if(seats_.begin(), seats_.end(),
                                     [core](const Seat& seat) { return seat.core == core; });
        return core && at != seats_.end() ? &*at : nullptr;
    }

    [[nodiscard]] bool may_sit(VcpuId vcpu, const Seat& seat) const
    {
        for (std::size_t cell = 0; cell < cell_nodes_.size(); ++cell) {
            if (shape_.cells[cell].contains(vcpu)) {
                return seat.node == cell_nodes_[cell];
            }
        }
        return true;
    }

    [[nodiscard]] bool has_pins(const std::vector<VcpuId>& guest_core) const
    {
        return std::any_of(guest_core.begin(), guest_core.end(),
                           [this](VcpuId vcpu) { return pins_.contains(vcpu); });
    }

    [[nodiscard]] std::vector<VcpuId> unpinned(const std::vector<VcpuId>& guest_core) const
    {
        std::vector<VcpuId> vcpus;
        std::copy_if(guest_core.begin(), guest_core.end(), std::back_inserter(vcpus),
                     [this](VcpuId vcpu) { return !pins_.contains(vcpu); });
        return vcpus;
    }

    bool sit_together(const std::vector<VcpuId>& vcpus, Seat& seat)
    {
        const auto may = [&](VcpuId vcpu) { return may_sit(vcpu, seat); };
        if (seat.cpus.size() < vcpus.size() || !std::all_of(vcpus.begin(), vcpus.end(), may)) {
            return false;
        }
        for (const auto vcpu : vcpus) {
            pins_.emplace(vcpu, seat.cpus.front());
            seat.cpus.erase(seat.cpus.begin());
        }
        return true;
    }

    // vCPUs whose guest core already sits on one host core join it.
    void complete_kept_cores()
    {
        for (const auto& guest_core : shape_.cores) {
            std::optional<std::size_t> home;
            auto together = true;
            for (const auto vcpu : guest_core) {
                if (const auto pin = pins_.find(vcpu); pin != pins_.end()) {
                    const auto core = host_.core_at(pin->second);
                    together = together && home.value_or(core) == core;
                    home = core;
                }
            }
            auto* seat = home && together ? seat_of(host_.cores.at(*home).cpus.front()) : nullptr;
            if (seat != nullptr) {
                sit_together(unpinned(guest_core), *seat);
            }
        }
    }

    [[nodiscard]] std::optional<CpuId> present(VcpuId vcpu) const
    {
        const auto at = present_.find(vcpu);
        return at != present_.end() ? std::optional{at->second} : std::nullopt;
    }

    bool stay(VcpuId vcpu)
    {
        const auto cpu = present(vcpu);
        auto* seat = cpu ? seat_of(*cpu) : nullptr;
        if (seat == nullptr || !may_sit(vcpu, *seat) || !seat->take(*cpu)) {
            return false;
        }
        pins_.emplace(vcpu, *cpu);
        return true;
    }

    // Guest cores that sit whole on one host core now, and may stay there.
    void keep_present_cores()
    {
        for (const auto& guest_core : shape_.cores) {
            if (guest_core.size() < 2 || has_pins(guest_core)) {
                continue;
            }
            const auto first = present(guest_core.front());
            const auto* seat = first ? seat_of(*first) : nullptr;
            CpuSet seen;
            const auto stays = [&](VcpuId vcpu) {
                const auto cpu = present(vcpu);
                if (!cpu || seen.contains(*cpu) || !may_sit(vcpu, *seat)) {
                    return false;
                }
                seen.insert(*cpu);
                return std::find(seat->cpus.begin(), seat->cpus.end(), *cpu) != seat->cpus.end();
            };
            if (seat != nullptr && std::all_of(guest_core.begin(), guest_core.end(), stays)) {
                for (const auto vcpu : guest_core) {
                    stay(vcpu);
                }
            }
        }
    }

    void keep_present()
    {
        for (const auto& guest_core : shape_.cores) {
            for (const auto vcpu : guest_core) {
                if (!pins_.contains(vcpu)) {
                    stay(vcpu);
                }
            }
        }
    }

    // The largest guest cores first; each size in guest order onto seats in host order.
    void seat_whole_cores()
    {
        std::size_t largest = 0;
        for (const auto& guest_core : shape_.cores) {
            largest = std::max(largest, guest_core.size());
        }
        for (auto size = largest; size > 1; --size) {
            std::size_t from = 0; // seats before this one are too full for any cell
            for (const auto& guest_core : shape_.cores) {
                if (guest_core.size() != size || has_pins(guest_core)) {
                    continue;
                }
                while (from < seats_.size() && seats_[from].cpus.size() < size) {
                    ++from;
                }
                for (auto at = from; at < seats_.size() && !sit_together(guest_core, seats_[at]);) {
                    ++at;
                }
            }
        }
    }

    void seat_the_rest()
    {
        std::size_t from = 0;
        for (const auto& guest_core : shape_.cores) {
            for (const auto vcpu : unpinned(guest_core)) {
                while (seats_.at(from).cpus.empty()) {
                    ++from;
                }
                for (auto at = from; !sit_together({vcpu}, seats_.at(at));) {
                    ++at; // ends: each cell's node has as many seats as the cell has vCPUs
                }
            }
        }
    }

    const HostIndex& host_;
    const GuestShape& shape_;
    std::vector<NodeIndex> cell_nodes_;
    const VcpuMap& present_;
    VcpuMap pins_;
    std::vector<Seat> seats_;
};

} // namespace

VcpuMap order_vcpus(OrderTask task)
{
    return Seating{std::move(task)}.run();
}

} // namespace virtpind
