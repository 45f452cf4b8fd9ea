// SPDX-License-Identifier: LGPL-2.1-or-later
#include "map_text.hpp"

#include "cells.hpp"
#include "guest_state.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace virtpind::client {

namespace {

constexpr std::size_t label_width = 17;
constexpr std::size_t narrow_below = 50; // cells: labels get lines of their own

CpuSet floating_cpus(const MapGuest& guest)
{
    CpuSet cpus;
    for (const auto& [vcpu, set] : guest.vcpus) {
        if (guest.floats || set.size() > 1) {
            cpus |= set;
        }
    }
    return cpus;
}

std::string size_text(std::uint64_t bytes)
{
    constexpr std::uint64_t kib = 1024;
    return bytes == 0           ? ""
           : bytes >= kib * kib ? std::to_string(bytes / (kib * kib)) + " MiB"
                                : std::to_string(bytes / kib) + " KiB";
}

// What stands on a CPU.
struct Place {
    std::string text;
    Colour colour = Colour::none;
};

class Map {
public:
    Map(const Layout& layout, const std::vector<MapGuest>& guests, const CpuSet& housekeeping,
        const CpuSet& pool, const Look& look)
        : layout_{layout}, guests_{guests}, look_{look}
    {
        for (const auto& core : layout.cores) {
            for (const auto cpu : core.cpus) {
                places_[cpu] =
                    layout.offline.contains(cpu) ? Place{"x", Colour::grey}
                    : housekeeping.contains(cpu) ? Place{"h", Colour::grey}
                    : pool.contains(cpu)
                        ? Place{std::string{mark_text(Mark::reason_note, look)}, Colour::grey}
                    : layout.isolated.contains(cpu) ? Place{"~", Colour::grey}
                                                    : Place{"", Colour::none};
            }
        }
        put_guests();
        for (const auto& [cpu, place] : places_) {
            text_width_ = std::max(text_width_, cell_width(place.text));
        }
    }

    std::string draw() const
    {
        std::string text;
        for (std::size_t package = 0; package < layout_.packages.size(); ++package) {
            text += "Package " + std::to_string(package) + "\n";
            for (std::size_t i = 0; i < layout_.l3s.size(); ++i) {
                text += draw_l3(i, layout_.l3s[i].cpus & layout_.packages[package]);
            }
            text += draw_cores("", cores_of(without_l3() & layout_.packages[package]));
        }
        return text + (look_.legend ? legend() : "");
    }

private:
    void put_guests()
    {
        static constexpr Colour colours[]{Colour::green, Colour::yellow, Colour::red, Colour::bold};
        std::size_t next = 0;
        for (const auto& guest : guests_) {
            if (!pins_one_by_one(guest)) {
                continue;
            }
            const auto colour = colours[next % std::size(colours)];
            const auto own = letters_of(next++);
            const auto& letter = guest.letter.empty() ? own : guest.letter;
            drawn_.emplace_back(letter, &guest);
            for (const auto& [vcpu, cpus] : guest.vcpus) {
                const auto place = cpus.size() == 1 ? places_.find(cpus.front()) : places_.end();
                if (place == places_.end()) {
                    continue;
                }
                const auto taken =
                    place->second.colour != Colour::grey && !place->second.text.empty();
                place->second =
                    taken ? Place{"*", Colour::red} : Place{letter + std::to_string(vcpu), colour};
                overlaps_ = overlaps_ || taken;
            }
            for (const auto cpu : guest.isolated) {
                if (const auto place = places_.find(cpu); place != places_.end()) {
                    place->second.text += "~";
                }
            }
        }
    }

    CpuSet without_l3() const
    {
        CpuSet rest;
        for (const auto& core : layout_.cores) {
            rest |= core.cpus;
        }
        for (const auto& l3 : layout_.l3s) {
            rest -= l3.cpus;
        }
        return rest;
    }

    std::vector<const LayoutCore*> cores_of(const CpuSet& cpus) const
    {
        std::vector<const LayoutCore*> cores;
        for (const auto& core : layout_.cores) {
            if (core.cpus.intersects(cpus)) {
                cores.push_back(&core);
            }
        }
        return cores;
    }

    std::string draw_l3(std::size_t number, const CpuSet& cpus) const
    {
        const auto& l3 = layout_.l3s[number];
        const auto size = size_text(l3.size_bytes);
        return draw_cores("L3 #" + std::to_string(number) + (size.empty() ? "" : " " + size) +
                              (l3.vcache ? " V" : ""),
                          cores_of(cpus));
    }

    bool narrow() const { return look_.width > 0 && look_.width < narrow_below; }

    std::size_t indent() const { return narrow() ? 1 : label_width; }

    // How many cores stand beside each other.
    std::size_t cores_per_row() const
    {
        constexpr std::size_t list_width = 12; // "  0-15,64-79"
        const auto taken = indent() + 1 + (narrow() ? 0 : list_width);
        const auto width = look_.width == 0 ? std::size_t{160} : look_.width;
        return width > taken ? std::max<std::size_t>((width - taken) / (text_width_ + 3), 1) : 1;
    }

    std::string draw_cores(const std::string& label,
                           const std::vector<const LayoutCore*>& cores) const
    {
        std::string text = narrow() && !cores.empty() ? label + "\n" : "";
        const auto step = cores_per_row();
        for (std::size_t at = 0; at < cores.size(); at += step) {
            const std::vector<const LayoutCore*> row(
                cores.begin() + static_cast<std::ptrdiff_t>(at),
                cores.begin() + static_cast<std::ptrdiff_t>(std::min(at + step, cores.size())));
            text += draw_block(at == 0 && !narrow() ? "  " + label : "", row);
        }
        return text;
    }

    // Cores beside each other, their threads below each other.
    std::string draw_block(std::string label, const std::vector<const LayoutCore*>& cores) const
    {
        std::size_t threads = 0;
        for (const auto* core : cores) {
            threads = std::max(threads, core->cpus.size());
        }
        std::string text;
        const auto bar = in_charset("│", look_);
        for (std::size_t thread = 0; thread < threads; ++thread) {
            text += padded(label, indent());
            label.clear();
            CpuSet cpus;
            for (const auto* core : cores) {
                text += bar + draw_thread(*core, thread, cpus);
            }
            text += bar + (narrow() ? "" : "  " + cpus.str()) + "\n";
        }
        return text;
    }

    // " A0 ", or "(A0)" of an efficiency core; adds its CPU to `cpus`.
    std::string draw_thread(const LayoutCore& core, std::size_t thread, CpuSet& cpus) const
    {
        if (thread >= core.cpus.size()) {
            return std::string(text_width_ + 2, ' ');
        }
        const auto cpu = *std::next(core.cpus.begin(), static_cast<std::ptrdiff_t>(thread));
        cpus.insert(cpu);
        const auto& place = places_.at(cpu);
        const std::string edges = core.kind == CoreKind::performance  ? "  "
                                  : core.kind == CoreKind::efficiency ? "()"
                                                                      : "<>";
        return edges.substr(0, 1) + paint(place.text, place.colour, look_) +
               std::string(text_width_ - cell_width(place.text), ' ') + edges.substr(1);
    }

    std::string legend() const
    {
        std::vector<std::string> entries;
        for (const auto& [letter, guest] : drawn_) {
            entries.push_back(letter + " " + guest->name);
        }
        const auto shown = [this](std::string_view mark) {
            return std::any_of(places_.begin(), places_.end(), [mark](const auto& place) {
                const auto& text = place.second.text;
                return mark == "~" ? text.ends_with(mark) : text == mark;
            });
        };
        const auto pool_mark = std::string{mark_text(Mark::reason_note, look_)};
        const std::pair<std::string, std::string> marks[]{
            {"h", "host"}, {pool_mark, "pool"}, {"~", "isolated"}, {"x", "offline"}};
        for (const auto& [mark, meaning] : marks) {
            if (shown(mark)) {
                entries.push_back(mark + " " + meaning);
            }
        }
        const auto is_blank = [](const auto& place) { return place.second.text.empty(); };
        if (std::any_of(places_.begin(), places_.end(), is_blank)) {
            entries.emplace_back("blank: taken without a vCPU that is shown");
        }
        add_kinds(entries);
        if (overlaps_) {
            entries.emplace_back("* several vCPUs");
        }
        for (const auto& guest : guests_) {
            if (const auto cpus = floating_cpus(guest); !cpus.empty()) {
                entries.push_back(guest.name + " floats on " + cpus.str());
            }
        }
        return wrap_entries(entries);
    }

    void add_kinds(std::vector<std::string>& entries) const
    {
        const auto has = [this](CoreKind kind) {
            return std::any_of(layout_.cores.begin(), layout_.cores.end(),
                               [kind](const LayoutCore& core) { return core.kind == kind; });
        };
        if (has(CoreKind::efficiency)) {
            entries.emplace_back("( ) efficiency core");
        }
        if (has(CoreKind::low_power)) {
            entries.emplace_back("< > low-power core");
        }
        if (std::any_of(layout_.l3s.begin(), layout_.l3s.end(),
                        [](const LayoutL3& l3) { return l3.vcache; })) {
            entries.emplace_back("V V-cache");
        }
    }

    // Entries stay whole where a line has space for them.
    std::string wrap_entries(const std::vector<std::string>& entries) const
    {
        std::string text;
        std::string line;
        const auto end_line = [&] {
            text += line.empty() ? "" : paragraph("", "  ", line, look_);
            line.clear();
        };
        for (const auto& entry : entries) {
            const auto shown = in_charset(entry, look_);
            const auto joined = line.empty() ? shown : line + "  " + shown;
            if (look_.width > 0 && cell_width(joined) > look_.width) {
                end_line();
                line = shown;
            } else {
                line = joined;
            }
        }
        end_line();
        return text;
    }

    const Layout& layout_;
    const std::vector<MapGuest>& guests_;
    const Look& look_;
    std::map<CpuId, Place> places_;
    std::vector<std::pair<std::string, const MapGuest*>> drawn_;
    std::size_t text_width_ = 1;
    bool overlaps_ = false;
};

} // namespace

std::string letters_of(std::size_t number)
{
    constexpr std::size_t letters = 26;
    std::string text(1, static_cast<char>('A' + number % letters));
    for (number /= letters; number > 0; number /= letters) {
        --number;
        text.insert(text.begin(), static_cast<char>('A' + number % letters));
    }
    return text;
}

bool pins_one_by_one(const MapGuest& guest)
{
    return !guest.floats && std::any_of(guest.vcpus.begin(), guest.vcpus.end(),
                                        [](const auto& vcpu) { return vcpu.second.size() == 1; });
}

std::vector<MapGuest> map_guests(const std::vector<Guest>& guests)
{
    std::vector<MapGuest> shown;
    for (const auto& guest : guests) {
        const auto word = state_of(guest).word;
        if (word == "left alone" || word == "waits" || guest.run_state == "shutoff") {
            continue;
        }
        MapGuest one{.name = guest.name,
                     .vcpus = guest.vcpus,
                     .floats = word == "floats",
                     .letter = {},
                     .isolated = guest.isolated};
        if (word != "failed" || pins_one_by_one(one)) { // where nothing was pinned, it has no place
            shown.push_back(std::move(one));
        }
    }
    return shown;
}

void give_letters(std::vector<MapGuest>& before, std::vector<MapGuest>& after)
{
    std::map<std::string, std::string> letters;
    for (const auto* guests : {&before, &after}) {
        for (const auto& guest : *guests) {
            if (pins_one_by_one(guest)) {
                letters[guest.name];
            }
        }
    }
    std::size_t next = 0;
    for (auto& [name, letter] : letters) {
        letter = letters_of(next++);
    }
    for (auto* guests : {&before, &after}) {
        for (auto& guest : *guests) {
            const auto at = letters.find(guest.name);
            guest.letter = at != letters.end() ? at->second : "";
        }
    }
}

std::string render_map(const Layout& layout, const std::vector<MapGuest>& guests,
                       const CpuSet& housekeeping, const CpuSet& pool, const Look& look)
{
    return Map{layout, guests, housekeeping, pool, look}.draw();
}

} // namespace virtpind::client
