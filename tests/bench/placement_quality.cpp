// SPDX-License-Identifier: LGPL-2.1-or-later
// How good are the places that guests get while others arrive and leave? virtpind and others, on
// the same hosts with the same guests.
//
//     tests/bench/placement_quality [--seeds N] [--events N] [--svg FILE] [FILE.xml|FOLDER]...
//
// Files of lstopo, or folders of them; else regular hosts. The table is in Markdown. Equal
// arguments, equal figures.
#include "daemon/topology/topology_reader.hpp"
#include "placement_run.hpp"
#include "placement_svg.hpp"
#include "tests/support/topology_builder.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace virtpind::bench {
namespace {

struct NamedHost {
    std::string name;
    Topology topology;
};

struct Arguments {
    std::size_t seeds = 3;
    std::size_t events = 40;
    std::string svg;
    std::vector<std::filesystem::path> paths;
};

constexpr std::size_t least_cpus = 4; // of a host that can be told anything of

[[noreturn]] void give_up(const std::string& what)
{
    std::fprintf(stderr, "placement_quality: %s\n", what.c_str());
    std::exit(2);
}

std::size_t number(const std::string& option, const std::string& text)
{
    std::size_t value = 0;
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec != std::errc{} || read.ptr != end || value == 0 || value > 10'000) {
        give_up(option + ": '" + text + "' is no number from 1 to 10000");
    }
    return value;
}

Arguments read_arguments(const std::vector<std::string>& words)
{
    Arguments arguments;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto& word = words[i];
        if (!word.starts_with("--")) {
            arguments.paths.emplace_back(word);
            continue;
        }
        if (i + 1 == words.size()) {
            give_up(word + " needs a value; valid: --seeds N, --events N, --svg FILE");
        }
        const auto& value = words[++i];
        if (word == "--seeds") {
            arguments.seeds = number(word, value);
        } else if (word == "--events") {
            arguments.events = number(word, value);
        } else if (word == "--svg") {
            arguments.svg = value;
        } else {
            give_up("unknown option '" + word + "'; valid: --seeds N, --events N, --svg FILE");
        }
    }
    return arguments;
}

std::vector<NamedHost> read_hosts(const std::vector<std::filesystem::path>& paths)
{
    std::vector<std::filesystem::path> files;
    for (const auto& path : paths) {
        if (!std::filesystem::is_directory(path)) {
            files.push_back(path);
            continue;
        }
        for (const auto& entry : std::filesystem::directory_iterator{path}) {
            if (entry.path().extension() == ".xml") {
                files.push_back(entry.path());
            }
        }
    }
    std::sort(files.begin(), files.end());
    std::vector<NamedHost> hosts;
    for (const auto& file : files) {
        auto topology = read_topology({.kind = TopologySource::Kind::xml, .text = file.string()});
        if (!topology) {
            const auto named = std::find(paths.begin(), paths.end(), file) != paths.end();
            if (named) {
                give_up(topology.error().message);
            }
            std::fprintf(stderr, "left out: %s\n", topology.error().message.c_str());
            continue;
        }
        hosts.push_back({file.stem().string(), std::move(*topology)});
    }
    return hosts;
}

std::vector<NamedHost> regular_hosts()
{
    return {
        {"8 cores, SMT", test::regular_host({.cores = 8})},
        {"2 L3s of 8 cores, SMT", test::regular_host({.l3s = 2, .cores = 8})},
        {"2 nodes of 16 cores, SMT", test::regular_host({.packages = 2, .cores = 16})},
        {"16 L3s of 8 cores",
         test::regular_host({.packages = 2, .l3s = 8, .cores = 8, .threads = 1})},
        {"2 packages, 8 nodes, 24 L3s of 4 cores, SMT",
         test::regular_host({.packages = 2, .nodes = 4, .l3s = 3, .cores = 4})},
    };
}

double percent(double part, std::size_t whole)
{
    return whole == 0 ? 0 : 100 * part / static_cast<double>(whole);
}

void print_host_header()
{
    std::printf("| host | usable CPUs |");
    for (const auto& row : placer_names) {
        std::printf(" %s |", std::string{row.name}.c_str());
    }
    std::printf("\n|---|---|");
    for (std::size_t i = 0; i < placer_names.size(); ++i) {
        std::printf("---|");
    }
    std::printf("\n");
}

// Each host weighs the same.
void print_summary(const std::vector<HostFigures>& hosts)
{
    std::printf("\n| placer | refused | nodes | packages | L3s | split cores | shared cores | "
                "siblings wrong, %% | neighbours in L3s | moved vCPUs an event | any flaw, %% |\n"
                "|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (std::size_t placer = 0; placer < placer_names.size(); ++placer) {
        Figures all;
        std::array<double, 8> mean{};
        std::size_t threaded_hosts = 0;
        for (const auto& host : hosts) {
            const auto& figures = host.figures[placer];
            all += figures;
            const auto samples = static_cast<double>(std::max<std::size_t>(figures.samples, 1));
            const std::array<double, 6> sums{figures.nodes, figures.packages, figures.l3s,
                                             figures.split, figures.shared,   figures.neighbours};
            for (std::size_t i = 0; i < sums.size(); ++i) {
                mean[i] += sums[i] / samples / static_cast<double>(hosts.size());
            }
            threaded_hosts += figures.threaded > 0 ? 1 : 0;
            mean[6] += percent(figures.wrong, figures.threaded);
            mean[7] += percent(static_cast<double>(figures.flawed), figures.samples) /
                       static_cast<double>(hosts.size());
        }
        std::printf("| %s | %zu | %.2f | %.2f | %.2f | %.2f | %.2f | %.1f | %.2f | %.2f | %.1f |\n",
                    std::string{placer_names[placer].name}.c_str(), all.refused, mean[0], mean[1],
                    mean[2], mean[3], mean[4],
                    mean[6] / static_cast<double>(std::max<std::size_t>(threaded_hosts, 1)),
                    mean[5],
                    static_cast<double>(all.moved) /
                        static_cast<double>(std::max<std::size_t>(all.events, 1)),
                    mean[7]);
    }
}

int run(const Arguments& arguments)
{
    auto hosts = read_hosts(arguments.paths);
    if (hosts.empty()) {
        hosts = regular_hosts();
    }
    std::vector<HostFigures> all;
    print_host_header();
    for (const auto& [name, topology] : hosts) {
        const auto cpus = usable_for_guests(topology).size();
        if (cpus < least_cpus) {
            std::fprintf(stderr, "%s: only %zu usable CPUs, left out\n", name.c_str(), cpus);
            continue;
        }
        HostFigures host{.name = name, .figures = {}};
        std::printf("| %s | %zu |", name.c_str(), cpus);
        for (std::size_t i = 0; i < placer_names.size(); ++i) {
            for (std::size_t seed = 1; seed <= arguments.seeds; ++seed) {
                host.figures[i] += measure(topology, placer_names[i].placer,
                                           {.seed = seed, .events = arguments.events});
            }
            std::printf(" %.1f |", flawed_percent(host.figures[i]));
            std::fflush(stdout);
        }
        std::printf("\n");
        all.push_back(std::move(host));
    }
    print_summary(all);
    if (!arguments.svg.empty()) {
        std::ofstream file{arguments.svg};
        file << figure_of(all);
        if (!file.flush()) {
            give_up("cannot write '" + arguments.svg + "'");
        }
    }
    return 0;
}

} // namespace
} // namespace virtpind::bench

int main(int argc, char** argv)
{
    return virtpind::bench::run(virtpind::bench::read_arguments({argv + 1, argv + argc}));
}
