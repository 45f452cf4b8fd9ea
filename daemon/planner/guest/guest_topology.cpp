// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_topology.hpp"

#include "common/base/messages.hpp"
#include "common/model/parts.hpp"
#include "guest_caches.hpp"
#include "guest_cells.hpp"
#include "guest_layout.hpp"
#include "hotplug.hpp"
#include "own_words.hpp"
#include "tuning_release.hpp"

#include <algorithm>
#include <array>
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

// What is told of by CPUID.
constexpr std::array x86_tunes{Tune::cache_passthrough, Tune::topoext, Tune::invtsc};

// An unknown architecture is taken for x86, the only one with several tunes.
bool is_x86(const std::string& arch)
{
    return arch.empty() || arch == "x86_64" || arch == "i686";
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
    explicit Tuner(const TuningInput& input) : in_{input}, policy_{input.intent.policy} {}

    TuningDecision decide()
    {
        if (in_.plan.placement == Placement::none) {
            return {};
        }
        if (in_.abilities.libvirt_version != 0) {
            decision_.tuning.clusters_known =
                in_.abilities.libvirt_version >= libvirt_with_clusters;
        }
        auto to_decide = tunes_to_decide(policy_.tune, in_.now);
        wanted_ = std::move(to_decide.tunes);
        decision_.reasons = std::move(to_decide.reasons);
        passthrough_ = asks(Tune::cache_passthrough);
        shown_already_ = !passthrough_ && shows_host_caches();
        if (!is_x86(in_.now.arch)) {
            refuse_x86_tunes();
        } else if (passthrough_ && cpu_vendor(in_.topology.vendor) == CpuVendor::amd) {
            need_topoext();
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
        if (is_x86(in_.now.arch)) {
            decide_passthrough();
            decide_topoext();
            decide_invtsc();
        }
        for (const auto tune : {Tune::no_migrate, Tune::hide_hypervisor, Tune::host_smbios}) {
            if (asks(tune)) {
                decision_.tuning.apply.insert(tune);
            }
        }
        decision_.shows_host_caches = passthrough_ || shown_already_;
        return std::move(decision_);
    }

private:
    [[nodiscard]] bool asks(Tune tune) const { return wanted_.count(tune) != 0; }

    void say(ReasonCode code, std::string text)
    {
        decision_.reasons.push_back({.code = code, .text = std::move(text)});
    }

    // Asked for, but not to be had here.
    void refuse(Tune tune, std::string text)
    {
        decision_.tuning.withdraw.insert(tune);
        say(ReasonCode::tune_refused, std::move(text));
    }

    void refuse_passthrough(std::string why)
    {
        if (passthrough_) {
            passthrough_ = false;
            refuse(Tune::cache_passthrough,
                   "The host's caches are not passed through: " + std::move(why));
        } else if (shown_already_) {
            shown_already_ = false;
            say(ReasonCode::tune_refused,
                std::string{"The guest is shown the host's caches by "} +
                    (in_.now.overrides.host_caches ? "the argument -cpu of its command line"
                                                   : "its definition") +
                    ", and that is wrong: " + std::move(why));
        }
    }

    // By what the definition says and virtpind does not.
    [[nodiscard]] bool shows_host_caches() const
    {
        const auto by_us = in_.before != nullptr &&
                           in_.before->is_ours(in_.now.parts, name_of(DefinitionPart::cpu_cache));
        return in_.now.overrides.tunes.count(Tune::cache_passthrough) != 0
                   ? in_.now.overrides.host_caches
                   : in_.now.tuned.count(Tune::cache_passthrough) != 0 && !by_us;
    }

    // Whether the guest will be shown the host's caches.
    [[nodiscard]] bool shows() const { return passthrough_ || shown_already_; }

    // An argument of QEMU's says how many vCPUs there are, and how they are grouped.
    void leave_shape()
    {
        const auto& argument = in_.now.overrides.shape;
        if (policy_.topology != TopologyChoice::keep || policy_.vcpus != 0) {
            say(ReasonCode::topology_kept,
                "The guest's <vcpu>, <vcpus> and <topology> stay: " +
                    holds_against(argument, "what would be written there"));
        }
        if (std::exchange(passthrough_, false)) {
            say(ReasonCode::tune_refused,
                "cache-passthrough is left out: " +
                    holds_against(argument, "any shape that the definition says") +
                    " So nobody can tell which vCPUs the guest would believe to share a cache.");
        }
        shown_already_ = false;
    }

    void need_topoext()
    {
        if (in_.abilities.topoext == false) {
            refuse_passthrough("AMD CPUs tell of them by topoext only, which this host cannot give "
                               "to a guest.");
        } else if (in_.now.opposed.count(Tune::topoext) != 0) {
            refuse_passthrough("AMD CPUs tell of them by topoext only, which the definition "
                               "disables.");
        }
    }

    void refuse_x86_tunes()
    {
        passthrough_ = false;
        shown_already_ = false;
        for (const auto tune : x86_tunes) {
            if (asks(tune)) {
                refuse(tune, std::string{to_string(tune)} + " is left out: it is for x86 guests, " +
                                 "and this one is " + in_.now.arch + ".");
            }
        }
    }

    // QEMU's own emulation of a CPU has nothing of the host's.
    void refuse_all()
    {
        if (!policy_.tune.empty() || policy_.topology != TopologyChoice::keep) {
            say(ReasonCode::tune_refused,
                "The guest's CPUs are emulated (type='qemu'), so that there is nothing of the host "
                "to show it; KVM (type='kvm') passes the host's on.");
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
            say(ReasonCode::placement_auto,
                dedicated ? "The definition says <vcpu placement='auto'>, with which libvirt asks "
                            "numad at every start whatever the pins say; it becomes static."
                          : "The definition says <vcpu placement='auto'>, with which libvirt asks "
                            "numad at every start whatever the pins say, and does not start the "
                            "guest without it; placement='static' spares that.");
        }
    }

    // The guest keeps its shape: passthrough has to suit it.
    void keep_shape()
    {
        if (!passthrough_) {
            return;
        }
        const auto pins = single_cpus(in_.plan, enabled_);
        const auto guest = in_.now.topology.value_or(GuestTopology{.sockets = in_.now.vcpus_max});
        if (!pins || pins->empty()) {
            refuse_passthrough("the vCPUs float, so that no cache is theirs for certain.");
        } else if (guest.product() != in_.now.vcpus_max) {
            refuse_passthrough("the guest's topology does not give the number of its vCPUs.");
        } else if (read_start_cache(*pins) && !is_true({.topology = guest, .cpus = *pins})) {
            refuse_passthrough("with its present topology the guest would believe that vCPUs share "
                               "a cache that do not, or the reverse; topology=match mends that.");
        }
    }

    void choose_shape()
    {
        const auto pins = single_cpus(in_.plan, in_.intent.vcpus_online);
        const auto count = enabled_.size();
        if (!pins || pins->empty()) {
            say(ReasonCode::topology_kept,
                "The guest's topology stays: its vCPUs float, so that there is nothing to mirror.");
            return refuse_passthrough("the vCPUs float, so that no cache is theirs for certain.");
        }
        auto cells = plan_cells(in_.topology, in_.intent, in_.plan, in_.now, *pins);
        if (cells && cells->numatune && !in_.now.overrides.cells.empty()) {
            cells = CellPlan{};
            say(ReasonCode::topology_kept,
                "The guest gets no NUMA cells: " +
                    holds_against(in_.now.overrides.cells, "what would be written of its memory"));
        }
        if (count == 0 || count > pins->size() || !cells) {
            say(ReasonCode::topology_kept,
                "The guest's topology stays for now: the definition has other vCPUs or cells than "
                "the running domain; it is decided again when the domain is next shut off.");
            return keep_shape();
        }
        auto seats = seat_cpus(in_.topology, cpus_of(*pins), cells->cell_of);
        seats.resize(count);
        const auto shown = shows() && read_start_cache(real_pins(seats));
        auto layout = shown ? with_host_caches(seats) : with_emulated_caches(seats);
        if (const auto present = present_layout(*pins); present && !cells->numatune &&
                                                        tells_the_truth(*present, shown) &&
                                                        !(layout && is_like_present(*layout))) {
            return keep_true_shape(*present);
        }
        if (shown && !layout) {
            refuse_passthrough("no topology makes the guest believe in its " +
                               pluralize(real_l3s(seats), "L3") + " as they really are.");
            layout = with_emulated_caches(seats);
        }
        if (!layout) {
            say(ReasonCode::topology_kept,
                "The guest's topology stays: with the gaps that its caches need it would have more "
                "than 255 vCPUs.");
            return keep_shape();
        }
        set_cpus(*layout, *cells);
        if (!cells->too_small.empty()) {
            say(ReasonCode::cells_do_not_fit,
                "The guest gets no NUMA cells: node " + cells->too_small.str() +
                    pluralize(cells->too_small.size(), " has", " have") +
                    " less memory than a cell for the vCPUs there would need.");
        }
    }

    // The shape that the definition has, where its vCPUs are those that were planned.
    [[nodiscard]] std::optional<GuestLayout>
    present_layout(const std::map<VcpuId, CpuId>& pins) const
    {
        const auto& shape = in_.now.topology;
        if (policy_.topology != TopologyChoice::match || !is_x86(in_.now.arch) || !shape ||
            shape->product() != in_.now.vcpus_max || enabled_ != in_.now.enabled ||
            enabled_ != in_.intent.vcpus_online) {
            return std::nullopt;
        }
        return GuestLayout{.topology = *shape, .cpus = pins};
    }

    // Sockets, cores and caches as they are: nothing is to be gained from another shape, and a
    // guest that finds other CPUs than before may have to be activated again.
    [[nodiscard]] bool tells_the_truth(const GuestLayout& layout, bool shown) const
    {
        return mirrors_cores(in_.topology, layout) &&
               (shown ? is_true(layout)
                      : predict_emulated_caches(layout.topology, layout.enabled()).l3 ==
                            real_caches(in_.topology, layout.cpus).l3);
    }

    void keep_true_shape(const GuestLayout& present)
    {
        GuestCpus cpus{
            .topology = present.topology, .pins = {}, .cells = in_.now.cells, .numatune = {}};
        for (const auto& [vcpu, cpu] : present.cpus) {
            cpus.pins.emplace(vcpu, CpuSet{cpu});
        }
        say(ReasonCode::topology_true,
            "The guest's topology stays: it tells the truth about the CPUs it runs on (" +
                shape_text(present.topology) + ").");
        decision_.tuning.cpus = std::move(cpus);
    }

    [[nodiscard]] bool is_like_present(const GuestLayout& layout) const
    {
        return with_headroom(layout.topology, in_.vcpu_headroom) == *in_.now.topology &&
               layout.enabled() == enabled_;
    }

    // The first frame with which the guest believes what is true of the host's caches.
    [[nodiscard]] std::optional<GuestLayout> with_host_caches(const std::vector<Seat>& seats) const
    {
        for (const auto& frame :
             possible_frames(in_.topology, seats, policy_.topology, padded(start_sharing_.l3))) {
            if (auto layout = fitting(seats, frame); layout && is_true(*layout)) {
                return layout;
            }
        }
        return std::nullopt;
    }

    // With those that QEMU makes up only the L3s can be right, or else nothing is.
    [[nodiscard]] std::optional<GuestLayout>
    with_emulated_caches(const std::vector<Seat>& seats) const
    {
        std::optional<GuestLayout> first;
        for (const auto& frame :
             possible_frames(in_.topology, seats, policy_.topology, std::nullopt)) {
            auto layout = fitting(seats, frame);
            if (layout && predict_emulated_caches(layout->topology, layout->enabled()).l3 ==
                              real_caches(in_.topology, layout->cpus).l3) {
                return layout;
            }
            if (!first) {
                first = std::move(layout);
            }
        }
        return first;
    }

    [[nodiscard]] static std::map<VcpuId, CpuId> real_pins(const std::vector<Seat>& seats)
    {
        std::map<VcpuId, CpuId> pins;
        for (const auto& seat : seats) {
            pins.emplace(VcpuId{static_cast<std::uint32_t>(pins.size())}, seat.cpu);
        }
        return pins;
    }

    [[nodiscard]] std::size_t real_l3s(const std::vector<Seat>& seats) const
    {
        return real_caches(in_.topology, real_pins(seats)).l3.size();
    }

    [[nodiscard]] std::optional<GuestLayout> fitting(const std::vector<Seat>& seats,
                                                     const Frame& frame) const
    {
        const auto most = std::max(vcpus_max_without_eim, in_.now.vcpus_max);
        auto layout = lay_out(seats, frame);
        return layout && layout->topology.product() <= most ? std::move(layout) : std::nullopt;
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

    static std::string shape_text(const GuestTopology& shape)
    {
        return pluralize(shape.sockets, "socket") + ", " + pluralize(shape.dies, "die") +
               " per socket, " + pluralize(shape.cores, "core") + " per die, " +
               pluralize(shape.threads, "thread") + " per core";
    }

    void tell_shape(const GuestCpus& cpus, const VcpuSet& enabled)
    {
        const auto& shape = cpus.topology;
        say(ReasonCode::topology_mirrored,
            "From its next start the guest is shaped like the CPUs it runs on: " +
                shape_text(shape) + ".");
        const auto offline =
            VcpuSet::range(0, static_cast<std::uint32_t>(shape.product()) - 1) - enabled;
        if (!offline.empty() && offline.front() > enabled.back()) {
            say(ReasonCode::trailing_vcpus,
                "vCPUs " + offline.str() +
                    " stay offline behind all others, which changes nothing for the guest's "
                    "caches.");
        } else if (!offline.empty()) {
            say(ReasonCode::topology_gaps,
                "vCPUs " + offline.str() +
                    " stay offline, so that the guest's cores and caches end where the host's do.");
        }
        if (cpus.numatune) {
            say(ReasonCode::cells_mirrored, "The guest gets " +
                                                pluralize(cpus.cells.size(), "NUMA cell") +
                                                ", one for each node that its vCPUs are on.");
        }
    }

    // What CPUID says where QEMU starts; it copies the caches while it still is on the emulator pin
    // of the definition. False, and passthrough refused, when that is not what the vCPUs have.
    bool read_start_cache(const std::map<VcpuId, CpuId>& pins)
    {
        const auto& host = in_.topology;
        const auto& start = in_.plan.start_emulator.value_or(in_.plan.emulator);
        const auto& first = host.cpu(pins.begin()->second);
        const auto& l3 = at_id(host.l3s, first.l3);
        const auto l3_of = [&host](CpuId cpu) { return at_id(host.l3s, host.cpu(cpu).l3); };
        start_sharing_ = cache_sharing(host, first.id);
        if (host.is_hybrid()) {
            refuse_passthrough("the cores of this host are of several kinds with unlike caches.");
        } else if (std::any_of(pins.begin(), pins.end(), [&](const auto& pin) {
                       return l3_of(pin.second).size_bytes != l3.size_bytes;
                   })) {
            refuse_passthrough("its L3s differ in size, and a guest cannot be told of more than "
                               "one size.");
        } else if (std::any_of(start.begin(), start.end(), [&](CpuId cpu) {
                       return l3_of(cpu).size_bytes != l3.size_bytes ||
                              cache_sharing(host, cpu) != start_sharing_;
                   })) {
            refuse_passthrough("QEMU starts on CPUs " + start.str() +
                               ", whose caches are unlike those of the vCPUs." +
                               (in_.intent.realtime
                                    ? " It is not started among the vCPUs, as they are scheduled "
                                      "in real time and would not let it run."
                                    : ""));
        } else if (host.online_cpus() != host.all_cpus()) {
            // Siblings that are offline (nosmt) still count in CPUID, and nothing tells whose
            // siblings they are.
            refuse_passthrough("some CPUs of the host are offline, so that nobody can tell how "
                               "many share a cache by its CPUID.");
        }
        return shows();
    }

    [[nodiscard]] bool is_true(const GuestLayout& layout) const
    {
        return predict_guest_caches(layout.topology, layout.enabled(),
                                    cpu_vendor(in_.topology.vendor),
                                    start_sharing_) == real_caches(in_.topology, layout.cpus);
    }

    void decide_passthrough()
    {
        if (passthrough_) {
            decision_.tuning.apply.insert(Tune::cache_passthrough);
            say(ReasonCode::caches_passed_through,
                "The guest is shown the host's caches; the vCPUs it will believe to share one "
                "really do. That needs the host's own CPU (host-passthrough or maximum).");
        }
    }

    // AMD tells of siblings and of the caches they share only with it; Intel CPUs do not have it,
    // and a guest that requires it would not start.
    void decide_topoext()
    {
        const auto& shape = decision_.tuning.cpus ? std::optional{decision_.tuning.cpus->topology}
                                                  : in_.now.topology;
        const auto siblings = (shape && shape->threads > 1) || !in_.now.overrides.shape.empty();
        const auto vendor = cpu_vendor(in_.topology.vendor);
        const auto needed =
            vendor == CpuVendor::amd && (passthrough_ || (decision_.tuning.cpus && siblings));
        const auto left_out = policy_.tune.count(Tune::topoext) != 0 && !asks(Tune::topoext);
        const auto not_ours = in_.now.opposed.count(Tune::topoext) != 0 ||
                              in_.now.overrides.tunes.count(Tune::topoext) != 0;
        if (left_out || not_ours || (!asks(Tune::topoext) && !needed)) {
            return;
        }
        if (vendor == CpuVendor::intel) {
            refuse(Tune::topoext, "topoext is left out: it is a feature of AMD CPUs.");
        } else if (in_.abilities.topoext == false) {
            refuse(Tune::topoext, "topoext is left out: this host cannot give it to a guest.");
        } else if (vendor == CpuVendor::amd && !siblings && !passthrough_) {
            refuse(Tune::topoext, "topoext is left out: the guest has one thread per core.");
        } else {
            decision_.tuning.apply.insert(Tune::topoext);
        }
    }

    void decide_invtsc()
    {
        if (!asks(Tune::invtsc)) {
            return;
        }
        if (in_.abilities.invtsc == false) {
            refuse(
                Tune::invtsc,
                "invtsc is left out: libvirt does not say that this host can give it to a guest.");
        } else {
            decision_.tuning.apply.insert(Tune::invtsc);
        }
    }

    const TuningInput& in_;
    const Policy& policy_;
    std::set<Tune> wanted_;      // of the policy, without those that are left as they are
    VcpuSet enabled_;            // at the next start
    bool passthrough_ = false;   // asked for, and nothing speaks against it so far
    bool shown_already_ = false; // not ours to do: the guest is shown the host's caches anyway
    CacheSharing start_sharing_;
    TuningDecision decision_;
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
