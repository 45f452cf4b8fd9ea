// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lscpu_topology.hpp"

#include "core_kinds.hpp"
#include "lscpu_rows.hpp"

#include <algorithm>
#include <compare>
#include <map>
#include <set>
#include <utility>

namespace virtpind {

namespace {

// CPUs of one group have the same key: one that lscpu numbers, or a stand-in.
struct LscpuKey {
    enum class Kind { numbered, stand_in, offline } kind = Kind::numbered;
    std::uint64_t scope = 0; // numbers of cores and caches may repeat in other sockets
    std::uint64_t number = 0;
    friend auto operator<=>(const LscpuKey&, const LscpuKey&) = default;
};

class LscpuTree {
public:
    explicit LscpuTree(const std::vector<LscpuRow>& rows) : rows_{rows} {}

    Topology make()
    {
        for (const auto& row : rows_) {
            topology_.cpus.push_back(Cpu{.id = row.id, .online = row.online});
        }
        assign_nodes();
        assign_packages();
        assign_l3s();
        assign_cores();
        add_caches(1, &LscpuRow::l1);
        add_caches(2, &LscpuRow::l2);
        add_caches(3, &LscpuRow::l3);
        if (topology_.caches.empty()) {
            topology_.caches.push_back({.level = 3}); // there are some, of CPUs that are not told
        }
        classify_cores(topology_, kind_hints());
        warn();
        return std::move(topology_);
    }

private:
    // The sets of rows with equal keys, by their first CPU.
    template <class KeyOf>
    std::vector<CpuSet> group(KeyOf key_of)
    {
        std::map<LscpuKey, CpuSet> groups;
        auto cpu = topology_.cpus.cbegin();
        for (const auto& row : rows_) {
            groups[key_of(row, *cpu++)].insert(row.id);
        }
        std::vector<CpuSet> sets;
        for (auto& [key, cpus] : groups) {
            sets.push_back(std::move(cpus));
        }
        std::sort(sets.begin(), sets.end(),
                  [](const CpuSet& a, const CpuSet& b) { return a.front() < b.front(); });
        return sets;
    }

    // Tells every CPU the position of its set.
    template <class Index>
    void set_index(const std::vector<CpuSet>& sets, Index Cpu::*member)
    {
        std::map<CpuId, std::uint32_t> positions;
        for (std::uint32_t i = 0; i < sets.size(); ++i) {
            for (const auto id : sets[i]) {
                positions.emplace(id, i);
            }
        }
        for (auto& cpu : topology_.cpus) {
            cpu.*member = Index{positions.at(cpu.id)};
        }
    }

    // Ascending number, not first CPU. CPUs of which nothing is told are on the first.
    void assign_nodes()
    {
        std::map<std::uint32_t, CpuSet> by_number;
        for (const auto& row : rows_) {
            if (row.node) {
                by_number[*row.node].insert(row.id);
            }
        }
        tells_nodes_ = !by_number.empty();
        if (!tells_nodes_) {
            by_number.emplace(0, CpuSet{});
        }
        for (const auto& row : rows_) {
            if (!row.node) {
                by_number.begin()->second.insert(row.id);
            }
        }
        std::vector<CpuSet> sets;
        for (auto& [number, cpus] : by_number) {
            topology_.nodes.push_back(Node{.id = NodeId{number}, .cpus = cpus});
            sets.push_back(std::move(cpus));
        }
        set_index(sets, &Cpu::node);
        constexpr std::uint32_t local = 10;
        constexpr std::uint32_t remote = 20;
        const auto count = sets.size();
        topology_.distance.assign(count, std::vector<std::uint32_t>(count, remote));
        for (std::size_t i = 0; i < count; ++i) {
            topology_.distance[i][i] = local;
        }
    }

    void assign_packages()
    {
        const auto sets = group([](const LscpuRow& row, const Cpu& /*cpu*/) {
            return row.socket ? LscpuKey{.number = *row.socket} : stand_in(row);
        });
        tells_sockets_ = tells(&LscpuRow::socket);
        set_index(sets, &Cpu::package);
        for (const auto& cpus : sets) {
            topology_.packages.push_back({.cpus = cpus});
        }
    }

    void assign_l3s()
    {
        tells_l3s_ = tells(&LscpuRow::l3);
        const auto sets = group([](const LscpuRow& row, const Cpu& cpu) {
            const auto place = (std::uint64_t{raw(cpu.package)} << 32U) | raw(cpu.node);
            return row.l3 ? LscpuKey{.scope = raw(cpu.package), .number = *row.l3}
                          : stand_in(row, place);
        });
        set_index(sets, &Cpu::l3);
        for (const auto& cpus : sets) {
            topology_.l3s.push_back({.cpus = cpus});
        }
    }

    // Within one L3 and node: with -y, numbers repeat in the dies of a socket, too.
    void assign_cores()
    {
        const auto sets = group([](const LscpuRow& row, const Cpu& cpu) {
            const auto place = (std::uint64_t{raw(cpu.l3)} << 32U) | raw(cpu.node);
            return row.core ? LscpuKey{.scope = place, .number = *row.core}
                            : LscpuKey{.kind = LscpuKey::Kind::stand_in, .number = raw(row.id)};
        });
        set_index(sets, &Cpu::core);
        for (const auto& cpus : sets) {
            const auto& first = topology_.cpu(cpus.front());
            topology_.cores.push_back(
                {.cpus = cpus, .l3 = first.l3, .node = first.node, .package = first.package});
        }
    }

    // What the table numbers, within one L3 and node like cores. Sizes stay unknown.
    void add_caches(unsigned level, std::optional<std::uint32_t> LscpuRow::*member)
    {
        std::map<LscpuKey, CpuSet> groups;
        auto at = topology_.cpus.cbegin();
        for (const auto& row : rows_) {
            const auto& cpu = *at++;
            if (row.online && row.*member) {
                const auto node = level < 3 ? std::uint64_t{raw(cpu.node)} : 0;
                const auto place = (std::uint64_t{raw(cpu.l3)} << 32U) | node;
                groups[LscpuKey{.scope = place, .number = *(row.*member)}].insert(row.id);
            }
        }
        const auto type = level == 1 ? Cache::Type::data : Cache::Type::unified;
        for (auto& [key, cpus] : groups) {
            topology_.caches.push_back({.level = level, .type = type, .cpus = std::move(cpus)});
        }
    }

    static LscpuKey stand_in(const LscpuRow& row, std::uint64_t place = 0)
    {
        return {.kind = row.online ? LscpuKey::Kind::stand_in : LscpuKey::Kind::offline,
                .number = row.online ? place : 0};
    }

    [[nodiscard]] bool tells(std::optional<std::uint32_t> LscpuRow::*member) const
    {
        return std::any_of(rows_.begin(), rows_.end(),
                           [member](const LscpuRow& row) { return (row.*member).has_value(); });
    }

    // Frequency alone also differs between favoured cores of one type, so it takes two signs: cores
    // that share an L2 with others, each of them slower than every core that has one to itself, are
    // efficiency cores, as Intel builds them. Those without an L3 where others have one are
    // low-power ones. With one sign of the two there are hints without a type, of which
    // classify_cores() says that they are no proof.
    std::vector<KindHint> kind_hints()
    {
        std::map<std::pair<PackageIndex, std::uint32_t>, std::set<CoreIndex>> l2s;
        auto at = topology_.cpus.cbegin();
        for (const auto& row : rows_) {
            const auto& cpu = *at++;
            if (row.online && row.l2) {
                l2s[{cpu.package, *row.l2}].insert(cpu.core);
            }
        }
        CpuSet shared;
        CpuSet own;
        std::set<std::uint32_t> mhz_of_shared;
        std::set<std::uint32_t> mhz_of_own;
        CpuSet without_l3;
        auto all_told = true;
        at = topology_.cpus.cbegin();
        for (const auto& row : rows_) {
            const auto& cpu = *at++;
            if (!row.online) {
                continue;
            }
            const auto l2 = row.l2 ? l2s.find({cpu.package, *row.l2}) : l2s.end();
            const auto is_shared = l2 != l2s.end() && l2->second.size() > 1;
            (is_shared ? shared : own).insert(row.id);
            all_told = all_told && l2 != l2s.end() && row.mhz_max;
            if (row.mhz_max) {
                (is_shared ? mhz_of_shared : mhz_of_own).insert(*row.mhz_max);
            }
            if (tells_l3s_ && !row.l3) {
                without_l3.insert(row.id);
            }
        }
        if (shared.empty() || own.empty()) {
            return uncertain(mhz_of_shared.size() + mhz_of_own.size() > 1);
        }
        if (!all_told || *mhz_of_shared.rbegin() >= *mhz_of_own.begin()) {
            return uncertain(true);
        }
        guessed_ = shared;
        return {{.cpus = own, .core_type = "IntelCore"},
                {.cpus = shared - without_l3, .core_type = "IntelAtom"},
                {.cpus = shared & without_l3, .core_type = "IntelLowPower"}};
    }

    [[nodiscard]] std::vector<KindHint> uncertain(bool differ) const
    {
        return differ ? std::vector<KindHint>(2, {.cpus = topology_.online_cpus(), .core_type = {}})
                      : std::vector<KindHint>{};
    }

    void warn()
    {
        const auto say = [this](std::string sentence) {
            topology_.warnings.push_back(std::move(sentence));
        };
        say("lscpu does not tell the sizes of caches, the memory and huge pages of NUMA nodes, "
            "their "
            "distances, and which devices they have: the plan does without. A file of lstopo tells "
            "them (xml:FILE).");
        if (!tells_sockets_) {
            say("The table has no sockets: all CPUs are taken for one package.");
        }
        if (!tells_nodes_) {
            say("The table has no NUMA nodes: all CPUs are taken for one node.");
        }
        if (!tells_l3s_) {
            say("The table has no L3s: the CPUs of one package and node are taken for one L3.");
        }
        if (!guessed_.empty()) {
            say("lscpu does not tell core types: CPUs " + guessed_.str() +
                " are taken for efficiency cores, because they share L2s and are slower than all "
                "others.");
        }
    }

    const std::vector<LscpuRow>& rows_;
    Topology topology_;
    bool tells_nodes_ = false;
    bool tells_sockets_ = false;
    bool tells_l3s_ = false;
    CpuSet guessed_; // to be efficiency cores
};

} // namespace

Result<Topology> read_lscpu_topology(std::string_view text)
{
    const auto rows = parse_lscpu(text);
    return rows ? LscpuTree{*rows}.make() : Result<Topology>{rows.error()};
}

} // namespace virtpind
