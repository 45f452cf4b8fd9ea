// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/view/map_scene.hpp"
#include "tests/support/client_samples.hpp"

#include <gtest/gtest.h>

#include <set>

namespace virtpind::client {
namespace {

Layout two_packages(std::uint32_t cores, std::uint32_t l3s_per_package)
{
    Layout layout;
    for (std::uint32_t package = 0; package < 2; ++package) {
        const auto first = package * cores;
        const auto all = CpuSet::range(first, first + cores - 1) |
                         CpuSet::range(first + 2 * cores, first + 3 * cores - 1);
        layout.packages.push_back(all);
        layout.nodes.push_back({package, all, 1U << 20U});
        const auto each = cores / l3s_per_package;
        for (std::uint32_t l3 = 0; l3 < l3s_per_package; ++l3) {
            const auto at = first + l3 * each;
            layout.l3s.push_back({CpuSet::range(at, at + each - 1) |
                                      CpuSet::range(at + 2 * cores, at + 2 * cores + each - 1),
                                  32U << 20U});
        }
        for (std::uint32_t core = 0; core < cores; ++core) {
            layout.cores.push_back({CpuSet{CpuId{first + core}, CpuId{first + core + 2 * cores}}});
        }
    }
    return layout;
}

bool is_inside(const SceneRect& inner, const SceneRect& outer)
{
    return inner.x >= outer.x && inner.y >= outer.y &&
           inner.x + inner.width <= outer.x + outer.width &&
           inner.y + inner.height <= outer.y + outer.height;
}

bool overlaps(const SceneRect& a, const SceneRect& b)
{
    return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height &&
           b.y < a.y + a.height;
}

TEST(MapScene, HasEachCpuOnceWithinItsFrames)
{
    for (const auto width : {100, 480, 900, 4000}) {
        const auto layout = two_packages(16, 2);
        const auto scene = make_map_scene(layout, sample_snapshot(), width);
        CpuSet seen;
        for (const auto& cell : scene.cells) {
            EXPECT_FALSE(seen.contains(cell.cpu));
            seen.insert(cell.cpu);
            EXPECT_TRUE(is_inside(cell.rect, {0, 0, scene.width, scene.height}));
        }
        EXPECT_EQ(seen.str(), "0-63");
        EXPECT_EQ(scene.frames.size(), 2U + 2U + 4U);
        for (std::size_t i = 0; i < scene.cells.size(); ++i) {
            for (std::size_t j = i + 1; j < scene.cells.size(); ++j) {
                EXPECT_FALSE(overlaps(scene.cells[i].rect, scene.cells[j].rect)) << width;
            }
        }
        for (std::size_t l3 = 0; l3 < layout.l3s.size(); ++l3) {
            const auto frame =
                std::find_if(scene.frames.begin(), scene.frames.end(), [l3](const SceneFrame& one) {
                    return one.kind == SceneFrame::Kind::l3 && one.number == l3;
                });
            ASSERT_NE(frame, scene.frames.end());
            for (const auto& cell : scene.cells) {
                EXPECT_EQ(is_inside(cell.rect, frame->rect), layout.l3s[l3].cpus.contains(cell.cpu))
                    << width << ": CPU " << raw(cell.cpu) << " and L3 " << l3;
            }
        }
    }
}

TEST(MapScene, ShowsWhoSitsWhere)
{
    const auto scene = make_map_scene(two_packages(8, 1), sample_snapshot(), 900);
    const auto at = [&](std::uint32_t cpu) { return cell_text(scene.cells[cpu], scene); };
    EXPECT_EQ(at(0), "h");
    EXPECT_EQ(at(1), "A0"); // gpu-lab, as virtpinctl's map has it
    EXPECT_EQ(at(17), "A1");
    EXPECT_EQ(scene.cells[1].use, SceneCell::Use::guest);
    EXPECT_EQ(scene.guests.size(), sample_snapshot().guests.size());
    EXPECT_EQ(scene.guests[0].letter, ""); // build floats
    EXPECT_EQ(scene.guests[1].letter, "A");
}

TEST(MapScene, TwoOnOneCpuAreSaid)
{
    auto snapshot = sample_snapshot();
    snapshot.guests[1].vcpus = {{0, cpus("5")}, {1, cpus("5")}};
    const auto scene = make_map_scene(two_packages(8, 1), snapshot, 900);
    EXPECT_EQ(scene.cells[5].use, SceneCell::Use::several);
    EXPECT_EQ(cell_text(scene.cells[5], scene), "*");
    EXPECT_EQ(scene.cells[5].seats.size(), 2U);
}

TEST(MapScene, LeavesNoCoreOutOfALayoutThatLies)
{
    const Layout odd{.packages = {cpus("0-3"), cpus("0-3")},
                     .nodes = {},
                     .l3s = {{cpus("2-9"), 0}},
                     .cores = {{cpus("0-1")}, {cpus("1-3")}, {cpus("7")}}};
    const auto scene = make_map_scene(odd, {}, 300);
    EXPECT_EQ(scene.cells.size(), 5U);
    EXPECT_EQ(make_map_scene({}, {}, 0).cells.size(), 0U);
}

TEST(MapScene, TakesLargeHosts)
{
    const auto scene = make_map_scene(two_packages(256, 8), {}, 1200);
    EXPECT_EQ(scene.cells.size(), 1024U);
    EXPECT_LE(scene.width, 1300);
}

} // namespace
} // namespace virtpind::client
