// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_topology.hpp"

#include "common/model/parts.hpp"
#include "guest_caches.hpp"
#include "guest_cells.hpp"
#include "guest_layout.hpp"
#include "hotplug.hpp"
#include "shape_choice.hpp"
#include "tune_choice.hpp"
#include "tuning_release.hpp"

#include <algorithm>
#include <utility>

namespace virtpind {

namespace {

constexpr std::uint32_t libvirt_with_clusters = 10'001'000;

// The one CPU of each of `vcpus`; nothing when some floats, or two share one.
std::optional<std::map<VcpuId, CpuId>> single_cpus(const DomainPlan& plan, const VcpuSet& vcpus)
{
    std::map<VcpuId, CpuId> single;
    CpuSet seen;
    for (const auto vcpu : vcpus) {
        const auto at = plan.vcpus.find(vcpu);
        if (at == plan.vcpus.end() || at->second.size() != 1 || at->second.intersects(seen)) {
            return std::nullopt;
        }
        seen |= at->second;
        single.emplace(vcpu, at->second.front());
    }
    return single;
}

// The same vCPUs for a machine that has no dies: QEMU knows them on x86 only.
GuestTopology without_dies(GuestTopology topology)
{
    topology.cores *= std::exchange(topology.dies, 1);
    return topology;
}

CpuSet cpus_of(const std::map<VcpuId, CpuId>& pins)
{
    CpuSet cpus;
    for (const auto& [vcpu, cpu] : pins) {
        cpus.insert(cpu);
    }
    return cpus;
}

class Tuner {
public:
    explicit Tuner(const TuningInput& input)
        : in_{input}, policy_{input.intent.policy}, tunes_{input, decision_}
    {}

    TuningDecision decide()
    {
        if (in_.plan.placement == Placement::none) {
            return {};
        }
        if (in_.abilities.libvirt_version != 0) {
            decision_.tuning.clusters_known =
                in_.abilities.libvirt_version >= libvirt_with_clusters;
        }
        decide_count();
        decide_placement();
        if (in_.now.emulated) {
            refuse_all();
            return std::move(decision_);
        }
        if (!in_.now.overrides.shape.empty()) {
            leave_shape();
        } else if (policy_.topology == TopologyChoice::keep) {
            keep_shape();
        } else {
            choose_shape();
        }
        tunes_.decide();
        return std::move(decision_);
    }

private:
    void say(ReasonCode code, ReasonArguments arguments = {})
    {
        decision_.reasons.push_back({code, std::move(arguments)});
    }

    // An argument of QEMU's says how many vCPUs there are, and how they are grouped.
    void leave_shape()
    {
        if (policy_.topology != TopologyChoice::keep || policy_.vcpus != 0) {
            say(ReasonCode::topology_kept, {{"argument", in_.now.overrides.shape}});
        }
        tunes_.hide_shape();
    }

    // QEMU's own emulation of a CPU has nothing of the host's.
    void refuse_all()
    {
        if (!policy_.tune.empty() || policy_.topology != TopologyChoice::keep) {
            say(ReasonCode::tune_refused);
        }
    }

    // How many start with the guest; the others can be plugged, and all but the first unplugged.
    void decide_count()
    {
        enabled_ = in_.now.enabled;
        if (policy_.vcpus == 0 || !in_.now.overrides.shape.empty()) {
            return;
        }
        enabled_ = choose_vcpus({.wanted = policy_.vcpus,
                                 .vcpus_max = in_.now.vcpus_max,
                                 .now = in_.now.enabled,
                                 .boot = in_.now.enabled,
                                 .unpluggable = in_.now.enabled})
                       .vcpus;
        decision_.tuning.enabled = enabled_;
        decision_.tuning.list_vcpus = true;
    }

    // With CPUs of their own for all vCPUs there is nothing to ask numad, and a guest whose libvirt
    // cannot ask it would not start.
    void decide_placement()
    {
        const auto dedicated = in_.plan.placement == Placement::dedicated;
        decision_.tuning.static_placement =
            dedicated && (in_.now.placement == "auto" ||
                          (in_.before != nullptr && made_static(*in_.before, in_.now)));
        if (in_.now.placement == "auto") {
            say(ReasonCode::placement_auto, {{"dedicated", dedicated}});
        }
    }

    // The guest keeps its shape: passthrough has to suit it.
    void keep_shape()
    {
        if (!tunes_.passes_caches_through()) {
            return;
        }
        if (!in_.plan.floating.empty()) {
            return tunes_.refuse_passthrough({{"why", ReasonPhrase::floating_caches}});
        }
        const auto pins = single_cpus(in_.plan, enabled_);
        const auto guest = in_.now.topology.value_or(GuestTopology{.sockets = in_.now.vcpus_max});
        if (!pins || pins->empty()) {
            tunes_.refuse_passthrough({{"why", ReasonPhrase::no_own_cpus}});
        } else if (guest.product() != in_.now.vcpus_max) {
            tunes_.refuse_passthrough({{"why", ReasonPhrase::topology_miscounts}});
        } else if (read_start_cache(*pins) && !is_true({.topology = guest, .cpus = *pins})) {
            tunes_.refuse_passthrough({{"why", ReasonPhrase::topology_misleads}});
        }
    }

    void keep_topology(ReasonPhrase why) { say(ReasonCode::topology_kept, {{"why", why}}); }

    void choose_shape()
    {
        if (!in_.plan.floating.empty()) {
            keep_topology(ReasonPhrase::floating_siblings);
            return tunes_.refuse_passthrough({{"why", ReasonPhrase::floating_caches}});
        }
        const auto pins = single_cpus(in_.plan, in_.intent.vcpus_online);
        const auto count = enabled_.size();
        if (!pins || pins->empty()) {
            keep_topology(ReasonPhrase::nothing_to_mirror);
            return tunes_.refuse_passthrough({{"why", ReasonPhrase::no_own_cpus}});
        }
        const auto cells = choose_cells(*pins);
        if (count == 0 || count > pins->size() || !cells) {
            keep_topology(ReasonPhrase::definition_differs);
            return keep_shape();
        }
        auto seats = seat_cpus(in_.topology, cpus_of(*pins), cells->cell_of);
        seats.resize(count);
        const ShapeTask task{.topology = in_.topology,
                             .seats = seats,
                             .choice = policy_.topology,
                             .vcpus_max = in_.now.vcpus_max};
        const auto shown = tunes_.shows_host_caches() && read_start_cache(pins_of(seats));
        auto layout = shown ? layout_with_host_caches(task, start_sharing_)
                            : layout_with_emulated_caches(task);
        if (const auto present = present_layout(*pins); present && !cells->numatune &&
                                                        tells_the_truth(*present, shown) &&
                                                        !(layout && is_like_present(*layout))) {
            return keep_true_shape(*present);
        }
        if (shown && !layout) {
            tunes_.refuse_passthrough(
                {{"why", ReasonPhrase::no_true_topology},
                 {"l3s", real_caches(in_.topology, pins_of(seats)).l3.size()}});
            layout = layout_with_emulated_caches(task);
        }
        if (!layout) {
            keep_topology(ReasonPhrase::too_many_vcpus);
            return keep_shape();
        }
        set_cpus(*layout, *cells);
        if (!cells->too_small.empty()) {
            say(ReasonCode::cells_do_not_fit, {{"nodes", cells->too_small}});
        }
    }

    // Without new ones where an argument of QEMU's says what they would.
    std::optional<CellPlan> choose_cells(const std::map<VcpuId, CpuId>& pins)
    {
        auto cells = plan_cells(in_.topology, in_.intent, in_.plan, in_.now, pins);
        if (cells && cells->numatune && !in_.now.overrides.cells.empty()) {
            cells = CellPlan{};
            say(ReasonCode::topology_kept,
                {{"argument", in_.now.overrides.cells}, {"no_cells", true}});
        }
        return cells;
    }

    // The shape that the definition has, where its vCPUs are those that were planned. QEMU has no
    // clusters on x86, and does not start a guest with several.
    [[nodiscard]] std::optional<GuestLayout>
    present_layout(const std::map<VcpuId, CpuId>& pins) const
    {
        const auto& shape = in_.now.topology;
        if (policy_.topology != TopologyChoice::match || !is_x86(in_.now.arch) || !shape ||
            shape->clusters > 1 || shape->product() != in_.now.vcpus_max ||
            enabled_ != in_.now.enabled || enabled_ != in_.intent.vcpus_online) {
            return std::nullopt;
        }
        return GuestLayout{.topology = *shape, .cpus = pins};
    }

    // Sockets, cores and caches as they are: nothing is to be gained from another shape, and a
    // guest that finds other CPUs than before may have to be activated again.
    [[nodiscard]] bool tells_the_truth(const GuestLayout& layout, bool shown) const
    {
        return mirrors_cores(in_.topology, layout) &&
               (shown ? is_true(layout) : has_true_emulated_l3s(in_.topology, layout));
    }

    void keep_true_shape(const GuestLayout& present)
    {
        GuestCpus cpus{
            .topology = present.topology, .pins = {}, .cells = in_.now.cells, .numatune = {}};
        for (const auto& [vcpu, cpu] : present.cpus) {
            cpus.pins.emplace(vcpu, CpuSet{cpu});
        }
        say_shape(ReasonCode::topology_true, present.topology);
        decision_.tuning.cpus = std::move(cpus);
    }

    [[nodiscard]] bool is_like_present(const GuestLayout& layout) const
    {
        return with_headroom(layout.topology, in_.vcpu_headroom) == *in_.now.topology &&
               layout.enabled() == enabled_;
    }

    void set_cpus(const GuestLayout& layout, const CellPlan& cells)
    {
        GuestCpus cpus;
        cpus.topology =
            with_headroom(is_x86(in_.now.arch) ? layout.topology : without_dies(layout.topology),
                          in_.vcpu_headroom);
        const auto vcpus = static_cast<std::uint32_t>(cpus.topology.product());
        cpus.cells = numbered_cells(cells, layout, vcpus);
        cpus.numatune = cells.numatune;
        for (const auto& [vcpu, cpu] : layout.cpus) {
            cpus.pins.emplace(vcpu, CpuSet{cpu});
        }
        tell_shape(cpus, layout.enabled());
        decision_.tuning.cpus = std::move(cpus);
    }

    void say_shape(ReasonCode code, const GuestTopology& shape)
    {
        say(code, {{"shape", ReasonPhrase::guest_shape},
                   {"sockets", shape.sockets},
                   {"dies", shape.dies},
                   {"cores", shape.cores},
                   {"threads_per_core", shape.threads}});
    }

    void tell_shape(const GuestCpus& cpus, const VcpuSet& enabled)
    {
        const auto& shape = cpus.topology;
        say_shape(ReasonCode::topology_mirrored, shape);
        const auto offline =
            VcpuSet::range(0, static_cast<std::uint32_t>(shape.product()) - 1) - enabled;
        if (!offline.empty()) {
            say(offline.front() > enabled.back() ? ReasonCode::trailing_vcpus
                                                 : ReasonCode::topology_gaps,
                {{"offline", offline}});
        }
        if (cpus.numatune) {
            say(ReasonCode::cells_mirrored, {{"cells", cpus.cells.size()}});
        }
    }

    // QEMU copies the caches from CPUID while it is still on the emulator pin of the definition.
    // False, and passthrough refused, when the vCPUs have other caches.
    bool read_start_cache(const std::map<VcpuId, CpuId>& pins)
    {
        const auto& start = in_.plan.start_emulator.value_or(in_.plan.emulator);
        start_sharing_ = cache_sharing(in_.topology, pins.begin()->second);
        if (auto fault = fault_of_start_caches(in_.topology, pins, start, in_.intent.realtime)) {
            tunes_.refuse_passthrough(std::move(*fault));
        }
        return tunes_.shows_host_caches();
    }

    [[nodiscard]] bool is_true(const GuestLayout& layout) const
    {
        return has_true_host_caches(in_.topology, layout, start_sharing_);
    }

    const TuningInput& in_;
    const Policy& policy_;
    VcpuSet enabled_; // at the next start
    CacheSharing start_sharing_;
    TuningDecision decision_;
    TuneChoice tunes_; // of decision_
};

} // namespace

TuningDecision make_guest_tuning(const TuningInput& input)
{
    auto decision = Tuner{input}.decide();
    if (input.before != nullptr && input.plan.placement != Placement::none) {
        auto& tuning = decision.tuning;
        tuning.revert = parts_to_release(input.intent.policy, tuning, *input.before, input.now);
        // With the shape goes the numbering; the number is chosen from what is there then.
        if (has_part(tuning.revert, DefinitionPart::vcpu)) {
            tuning.enabled.reset();
            tuning.list_vcpus = false;
        }
    }
    return decision;
}

} // namespace virtpind
