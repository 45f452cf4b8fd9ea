// SPDX-License-Identifier: LGPL-2.1-or-later
#include "map_scene.hpp"

#include "guest_state.hpp"
#include "map_text.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

namespace virtpind::client {

namespace {

constexpr int cell_width_px = 46;
constexpr int cell_height_px = 26;
constexpr int core_gap = 4;      // between cores
constexpr int frame_gap = 8;     // between frames, and around what is in one
constexpr int title_height = 20; // above what is in a frame
constexpr std::size_t cores_per_row_max = 16;

// Puts blocks beside each other, and below where the width ends.
class Flow {
public:
    Flow(int left, int top, int width) : left_{left}, width_{width}, x_{left}, y_{top} {}

    // The place of the next block, of which only the width must be known.
    void begin(int block_width)
    {
        if (x_ > left_ && x_ + block_width > left_ + width_) {
            x_ = left_;
            y_ = bottom_ + frame_gap;
        }
    }

    [[nodiscard]] int x() const { return x_; }

    [[nodiscard]] int y() const { return y_; }

    [[nodiscard]] int space() const { return left_ + width_ - x_; }

    void end(const SceneRect& block)
    {
        right_ = std::max(right_, block.x + block.width);
        bottom_ = std::max(bottom_, block.y + block.height);
        x_ = block.x + block.width + frame_gap;
    }

    [[nodiscard]] int right() const { return std::max(right_, left_); }

    [[nodiscard]] int bottom() const { return std::max(bottom_, y_); }

private:
    int left_;
    int width_;
    int x_;
    int y_;
    int right_ = 0;
    int bottom_ = 0;
};

class Builder {
public:
    Builder(const Layout& layout, MapScene& scene) : layout_{layout}, scene_{scene} {}

    void draw(int width)
    {
        Flow flow{frame_gap, frame_gap, width - 2 * frame_gap};
        for (std::size_t i = 0; i < layout_.packages.size(); ++i) {
            const auto inside = layout_.packages[i] - drawn_;
            framed(flow, {.kind = SceneFrame::Kind::package, .number = i}, inside,
                   [this](Flow& within, const CpuSet& cpus) { draw_nodes(within, cpus); });
        }
        // What belongs to no package.
        draw_nodes(flow, all_cpus() - drawn_);
        scene_.width = flow.right() + frame_gap;
        scene_.height = flow.bottom() + frame_gap;
    }

private:
    [[nodiscard]] CpuSet all_cpus() const
    {
        CpuSet all;
        for (const auto& core : layout_.cores) {
            all |= core.cpus;
        }
        return all;
    }

    [[nodiscard]] std::vector<const LayoutCore*> cores_of(const CpuSet& cpus) const
    {
        std::vector<const LayoutCore*> cores;
        for (const auto& core : layout_.cores) {
            if (core.cpus.intersects(cpus)) {
                cores.push_back(&core);
            }
        }
        return cores;
    }

    // How wide the cores are in one row.
    [[nodiscard]] int width_of(const CpuSet& cpus) const
    {
        const auto count = std::clamp<std::size_t>(cores_of(cpus).size(), 1, cores_per_row_max);
        return static_cast<int>(count) * (cell_width_px + core_gap) - core_gap;
    }

    // A frame, and in it what `fill(flow, cpus)` draws. Without CPUs there is none.
    template <class Fill>
    void framed(Flow& flow, SceneFrame frame, const CpuSet& cpus, Fill fill)
    {
        if (cores_of(cpus).empty()) {
            return;
        }
        flow.begin(width_of(cpus) + 2 * frame_gap);
        frame.rect = {flow.x(), flow.y(), 0, 0};
        const auto at = scene_.frames.size();
        scene_.frames.push_back(frame);
        Flow within{flow.x() + frame_gap, flow.y() + title_height, flow.space() - 2 * frame_gap};
        fill(within, cpus);
        auto& rect = scene_.frames[at].rect;
        rect.width = std::max(within.right() + frame_gap - rect.x, cell_width_px * 3);
        rect.height = within.bottom() + frame_gap - rect.y;
        flow.end(rect);
    }

    void draw_nodes(Flow& flow, const CpuSet& cpus)
    {
        auto rest = cpus;
        for (const auto& node : layout_.nodes) {
            framed(flow,
                   {.kind = SceneFrame::Kind::node, .number = node.id, .size_kib = node.memory_kib},
                   node.cpus & rest,
                   [this](Flow& within, const CpuSet& inside) { draw_l3s(within, inside); });
            rest -= node.cpus;
        }
        draw_l3s(flow, rest);
    }

    void draw_l3s(Flow& flow, const CpuSet& cpus)
    {
        constexpr std::uint64_t bytes_per_kib = 1024;
        auto rest = cpus;
        for (std::size_t i = 0; i < layout_.l3s.size(); ++i) {
            const auto& l3 = layout_.l3s[i];
            framed(flow,
                   {.kind = SceneFrame::Kind::l3,
                    .number = i,
                    .size_kib = l3.size_bytes / bytes_per_kib,
                    .vcache = l3.vcache},
                   l3.cpus & rest,
                   [this](Flow& within, const CpuSet& inside) { draw_cores(within, inside); });
            rest -= l3.cpus;
        }
        draw_cores(flow, rest);
    }

    void draw_cores(Flow& flow, const CpuSet& cpus)
    {
        const auto cores = cores_of(cpus - drawn_);
        if (cores.empty()) {
            return;
        }
        flow.begin(width_of(cpus));
        const auto fitting =
            (std::max(flow.space(), cell_width_px) + core_gap) / (cell_width_px + core_gap);
        const auto columns =
            std::clamp<std::size_t>(static_cast<std::size_t>(fitting), 1, cores_per_row_max);
        SceneRect block{flow.x(), flow.y(), 0, 0};
        auto top = block.y;
        for (std::size_t first = 0; first < cores.size(); first += columns) {
            auto bottom = top;
            for (auto i = first; i < std::min(first + columns, cores.size()); ++i) {
                const auto column = static_cast<int>(i - first);
                bottom =
                    std::max(bottom, draw_core(*cores[i], cpus,
                                               block.x + column * (cell_width_px + core_gap), top));
                block.width =
                    std::max(block.width, (column + 1) * (cell_width_px + core_gap) - core_gap);
            }
            top = bottom + core_gap;
        }
        block.height = top - core_gap - block.y;
        flow.end(block);
    }

    // Returns where it ends.
    int draw_core(const LayoutCore& core, const CpuSet& within, int x, int y)
    {
        auto bottom = y;
        const auto number = scene_.cores.size();
        for (const auto cpu : core.cpus& within) {
            if (drawn_.contains(cpu)) {
                continue;
            }
            drawn_.insert(cpu);
            scene_.cells.push_back(
                {.cpu = cpu, .rect = {x, bottom, cell_width_px, cell_height_px}, .core = number});
            bottom += cell_height_px;
        }
        scene_.cores.push_back({{x, y, cell_width_px, bottom - y}, core.kind});
        return bottom;
    }

    const Layout& layout_;
    MapScene& scene_;
    CpuSet drawn_;
};

// Each guest's letter and colour, and its vCPUs on the cells.
void seat_guests(const Snapshot& snapshot, MapScene& scene)
{
    std::map<CpuId, SceneCell*> cells;
    for (auto& cell : scene.cells) {
        cells[cell.cpu] = &cell;
    }
    std::size_t next = 0;
    for (std::size_t i = 0; i < snapshot.guests.size(); ++i) {
        auto& drawn = scene.guests.emplace_back();
        const auto shown = map_guests({snapshot.guests[i]});
        if (shown.empty() || !pins_one_by_one(shown.front())) {
            continue;
        }
        drawn = {letters_of(next), next};
        ++next;
        for (const auto& [vcpu, cpus] : shown.front().vcpus) {
            const auto cell = cpus.has_one() ? cells.find(cpus.front()) : cells.end();
            if (cell != cells.end()) {
                cell->second->seats.push_back({i, vcpu});
            }
        }
    }
}

SceneCell::Use use_of(const SceneCell& cell, const Layout& layout, const Service& service)
{
    using Use = SceneCell::Use;
    if (!cell.seats.empty()) {
        return cell.seats.size() == 1 ? Use::guest : Use::several;
    }
    return layout.offline.contains(cell.cpu)         ? Use::offline
           : service.housekeeping.contains(cell.cpu) ? Use::housekeeping
           : service.pool.contains(cell.cpu)         ? Use::pool
           : layout.isolated.contains(cell.cpu)      ? Use::isolated
                                                     : Use::unused;
}

} // namespace

MapScene make_map_scene(const Layout& layout, const Snapshot& snapshot, int width)
{
    MapScene scene;
    Builder{layout, scene}.draw(width);
    std::sort(scene.cells.begin(), scene.cells.end(),
              [](const SceneCell& a, const SceneCell& b) { return a.cpu < b.cpu; });
    seat_guests(snapshot, scene);
    for (auto& cell : scene.cells) {
        cell.use = use_of(cell, layout, snapshot.service);
    }
    return scene;
}

std::string cell_text(const SceneCell& cell, const MapScene& scene)
{
    switch (cell.use) {
    case SceneCell::Use::guest: {
        const auto& seat = cell.seats.front();
        return seat.guest < scene.guests.size()
                   ? scene.guests[seat.guest].letter + std::to_string(seat.vcpu)
                   : "";
    }
    case SceneCell::Use::several:
        return "*";
    case SceneCell::Use::housekeeping:
        return "h";
    case SceneCell::Use::pool:
        return "·";
    case SceneCell::Use::isolated:
        return "~";
    case SceneCell::Use::offline:
        return "x";
    case SceneCell::Use::unused:
        break;
    }
    return "";
}

} // namespace virtpind::client
