// SPDX-License-Identifier: LGPL-2.1-or-later
#include "placement_svg.hpp"

#include <cmath>

namespace virtpind::bench {

namespace {

constexpr int row_height = 22;
constexpr int left = 300;
constexpr int width = 600; // of 100 %
constexpr int top = 96;

std::string text_at(int x, int y, std::string_view anchor, const std::string& text)
{
    std::string safe;
    for (const auto c : text) {
        safe += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string{c};
    }
    return "<text x='" + std::to_string(x) + "' y='" + std::to_string(y) + "' text-anchor='" +
           std::string{anchor} + "'>" + safe + "</text>\n";
}

int x_of(double percent)
{
    return left + static_cast<int>(std::lround(width * percent / 100));
}

std::string legend()
{
    std::string svg;
    auto x = 20;
    for (const auto& row : placer_names) {
        svg += "<circle cx='" + std::to_string(x) + "' cy='52' r='6' fill='" +
               std::string{row.color} + "'/>\n" +
               text_at(x + 10, 57, "start", std::string{row.name});
        x += 40 + 7 * static_cast<int>(row.name.size());
    }
    return svg;
}

std::string scale(int bottom)
{
    std::string svg;
    for (int percent = 0; percent <= 100; percent += 20) {
        const auto x = std::to_string(x_of(percent));
        svg += "<line x1='" + x + "' x2='" + x + "' y1='" + std::to_string(top - 8) + "' y2='" +
               std::to_string(bottom) + "' stroke='#cccccc'/>\n" +
               text_at(x_of(percent), top - 12, "middle", std::to_string(percent) + " %");
    }
    return svg;
}

} // namespace

double flawed_percent(const Figures& figures)
{
    return figures.samples == 0
               ? 0
               : 100 * static_cast<double>(figures.flawed) / static_cast<double>(figures.samples);
}

std::string figure_of(const std::vector<HostFigures>& hosts)
{
    const auto bottom = top + row_height * static_cast<int>(hosts.size()) + 6;
    std::string svg = "<svg xmlns='http://www.w3.org/2000/svg' width='940' height='" +
                      std::to_string(bottom + 14) +
                      "' font-family='sans-serif' font-size='13'>\n"
                      "<rect width='100%' height='100%' fill='#ffffff'/>\n"
                      "<text x='20' y='28' font-size='17'>Guests whose place has a flaw, while "
                      "others arrive and leave (less is better)</text>\n" +
                      legend() + scale(bottom);
    auto y = top + row_height / 2;
    for (const auto& host : hosts) {
        svg += text_at(left - 12, y + 4, "end", host.name) + "<line x1='" + std::to_string(left) +
               "' x2='" + std::to_string(left + width) + "' y1='" + std::to_string(y) + "' y2='" +
               std::to_string(y) + "' stroke='#eeeeee'/>\n";
        for (std::size_t i = 0; i < placer_names.size(); ++i) {
            svg += "<circle cx='" + std::to_string(x_of(flawed_percent(host.figures[i]))) +
                   "' cy='" + std::to_string(y) + "' r='" +
                   (i + 1 == placer_names.size() ? "7" : "5") + "' fill='" +
                   std::string{placer_names[i].color} + "' fill-opacity='0.85'/>\n";
        }
        y += row_height;
    }
    return svg + "</svg>\n";
}

} // namespace virtpind::bench
