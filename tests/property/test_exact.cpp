// SPDX-License-Identifier: LGPL-2.1-or-later
// One domain on hosts of up to twelve CPUs, held against trying everything.
#include "brute_force.hpp"
#include "daemon/planner/place/current_placement.hpp"
#include "generators.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace virtpind {
namespace {

using namespace test;

struct Scene {
    Topology topology;
    Intent intent;
    Surroundings around;
    std::vector<std::optional<std::uint64_t>> available;
    VcpuMap kept;
};

// Swaps of vCPUs that something tells apart cannot be left out, so such domains are smaller.
std::uint32_t largest(const Intent& intent)
{
    if (!intent.cells.empty() || !intent.current.vcpus.empty()) {
        return 4;
    }
    return intent.topology && intent.topology->threads > 1 ? 6 : 12;
}

// Others claim some CPUs, the host keeps some; some vCPUs are pinned already, and some of those
// have to stay.
Scene pick_scene()
{
    Scene scene;
    scene.topology = pick_host({});
    for (auto& node : scene.topology.nodes) {
        node.memory_kib = once_in(6) ? 0 : node.memory_kib;
    }
    scene.intent = pick_intent(scene.topology, 1, 8);
    const auto all = scene.topology.all_cpus();
    if (once_in(2)) {
        scene.around.claimed = pick_some(all, 4);
    }
    if (once_in(2)) {
        scene.around.housekeeping = pick_some(all - scene.around.claimed, 6);
    }
    scene.around.free = all - scene.around.claimed - scene.around.housekeeping;
    if (once_in(3)) {
        scene.topology.isolated = pick_some(all, 3);
    }
    if (once_in(3)) {
        scene.around.loaded = pick_some(all, 3);
    }
    if (once_in(3)) {
        for (const auto vcpu : scene.intent.vcpus_online) {
            const auto cpu =
                scene.topology.cpus[pick(0, static_cast<std::uint32_t>(all.size()) - 1)];
            scene.intent.current.vcpus[vcpu] = {cpu.id};
        }
    }
    // Memory per cell is not part of what is tried.
    const auto knows_memory = scene.intent.cells.empty() && once_in(3);
    scene.intent.memory_kib = 100;
    for (std::size_t node = 0; node < scene.topology.nodes.size(); ++node) {
        scene.available.push_back(knows_memory ? std::optional<std::uint64_t>{pick(0, 3) * 50}
                                               : std::nullopt);
    }
    // Guest siblings that smt=require promises need a host with siblings; that is not tried.
    const auto& cores = scene.topology.cores;
    RC_PRE(scene.intent.policy.smt != SmtChoice::require || !scene.intent.topology ||
           std::any_of(cores.begin(), cores.end(),
                       [](const Core& core) { return core.cpus.size() > 1; }));
    RC_PRE(scene.intent.vcpus_online.size() <= largest(scene.intent));
    return scene;
}

std::string describe(const Scene& scene)
{
    auto text = test::describe(scene.topology) + test::describe(scene.intent) + "free " +
                scene.around.free.str() + " claimed " + scene.around.claimed.str() +
                " housekeeping " + scene.around.housekeeping.str() + " loaded " +
                scene.around.loaded.str() + " isolated " + scene.topology.isolated.str() +
                " memory";
    for (const auto& kib : scene.available) {
        text += kib ? " " + std::to_string(*kib) : " ?";
    }
    for (const auto& [vcpu, cpu] : scene.kept) {
        text += " keeps " + std::to_string(raw(vcpu)) + ":" + std::to_string(raw(cpu));
    }
    return text + "\n";
}

std::string describe(const VcpuMap& pins)
{
    std::string text;
    for (const auto& [vcpu, cpu] : pins) {
        text += std::to_string(raw(vcpu)) + ":" + std::to_string(raw(cpu)) + " ";
    }
    return text;
}

RC_GTEST_PROP(Exact, NothingBeatsThePlanner, ())
{
    auto scene = pick_scene();
    const HostIndex host{scene.topology};
    if (once_in(2) && scene.intent.policy.numa != NumaChoice::single) {
        scene.intent.activity = Activity::running;
        scene.kept = find_kept_pins(host, scene.intent, scene.around).kept;
    }
    const PlaceTask task{.intent = scene.intent,
                         .around = scene.around,
                         .available_kib = scene.available,
                         .nodes = std::nullopt,
                         .kept = scene.kept};
    PackTables tables;
    const auto placed = place_dedicated(host, task, tables);
    const auto best = BruteForce{host, task}.best();
    RC_LOG() << describe(scene);
    if (placed) {
        RC_LOG() << "placed " << describe(placed->pins) << test::describe(placed->cost);
    }
    if (best) {
        RC_LOG() << "best " << test::describe(*best);
    }
    RC_TAG(!placed ? "does not fit" : placed->proven ? "proven" : "not proven");
    if (!placed) {
        RC_ASSERT(!best);
        return;
    }
    RC_ASSERT(best.has_value());
    RC_ASSERT(placed->pins.size() == scene.intent.vcpus_online.size());
    RC_ASSERT(placed->cost >= *best);
    if (placed->proven) {
        RC_ASSERT(placed->cost == *best);
    }
}

} // namespace
} // namespace virtpind
