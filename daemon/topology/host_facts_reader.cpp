// SPDX-License-Identifier: LGPL-2.1-or-later
#include "host_facts_reader.hpp"

#include "common/base/text_file.hpp"
#include "host_files.hpp"

#include <charconv>
#include <map>
#include <sstream>
#include <string_view>

namespace virtpind {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t table_bytes_max =
    std::size_t{4} * 1024 * 1024; // /proc/interrupts of 1024 CPUs
constexpr std::size_t interrupts_max = 16384;

std::uint64_t number_in(std::string_view text)
{
    std::uint64_t number = 0;
    const auto digit = text.find_first_of("0123456789");
    if (digit != std::string_view::npos) {
        std::from_chars(text.data() + digit, text.data() + text.size(), number);
    }
    return number;
}

CpuSet cpus_in(const Measured<std::string>& text)
{
    auto cpus = CpuSet::parse(text.value.value_or(std::string{}));
    return cpus ? std::move(*cpus) : CpuSet{};
}

// The fact that a word stands for.
template <class T, class Make>
Measured<T> made_of(const Measured<std::string>& word, Make make)
{
    return word.value ? Measured<T>::of(make(*word.value)) : Measured<T>::not_known(word.reason);
}

Measured<std::vector<UnitCpus>> read_units(const fs::path& root)
{
    const fs::path cgroup = "sys/fs/cgroup";
    if (!read_word(root, cgroup / "cgroup.controllers").value) {
        return Measured<std::vector<UnitCpus>>::not_known("control groups v2 are not mounted");
    }
    std::vector<UnitCpus> units;
    for (const auto* unit : {"system.slice", "user.slice", "init.scope"}) {
        const auto cpus = read_word(root, cgroup / unit / "cpuset.cpus");
        if (cpus.value) { // without the controller nothing is restricted
            units.push_back(
                {.unit = unit,
                 .cpus = cpus_in(cpus),
                 .effective = cpus_in(read_word(root, cgroup / unit / "cpuset.cpus.effective"))});
        }
    }
    return Measured<std::vector<UnitCpus>>::of(std::move(units));
}

constexpr const char* cpus_folder = "sys/devices/system/cpu";

// The folders of CPUs, "cpu3", and whose they are.
std::vector<std::pair<std::string, CpuId>> cpu_folders(const fs::path& root)
{
    std::vector<std::pair<std::string, CpuId>> found;
    for (auto& name : names_in(root / cpus_folder)) {
        const auto number = std::string_view{name}.substr(std::min<std::size_t>(name.size(), 3));
        if (!name.starts_with("cpu") || number.empty() ||
            number.find_first_not_of("0123456789") != std::string_view::npos ||
            number_in(number) >= id_set_limit) {
            continue;
        }
        const CpuId cpu{static_cast<std::uint32_t>(number_in(number))};
        found.emplace_back(std::move(name), cpu);
    }
    return found;
}

Measured<std::vector<CpuGovernor>> read_governors(const fs::path& root)
{
    std::vector<CpuGovernor> governors;
    for (const auto& [name, cpu] : cpu_folders(root)) {
        const auto policy = fs::path{cpus_folder} / name / "cpufreq";
        const auto governor = read_word(root, policy / "scaling_governor");
        if (governor.value) {
            governors.push_back(
                {.cpu = cpu,
                 .driver = read_word(root, policy / "scaling_driver").value.value_or(""),
                 .governor = *governor.value,
                 .preference =
                     read_word(root, policy / "energy_performance_preference").value.value_or("")});
        }
    }
    return Measured<std::vector<CpuGovernor>>::of(std::move(governors));
}

// Of the states that are not disabled, the one that takes longest to wake from.
Measured<std::vector<IdleState>> read_idle_states(const fs::path& root)
{
    constexpr std::size_t states_max = 16; // the kernel has at most 10
    std::vector<IdleState> deepest;
    for (const auto& [name, cpu] : cpu_folders(root)) {
        const auto folder = fs::path{cpus_folder} / name / "cpuidle";
        IdleState found{.cpu = cpu, .name = {}, .wake_usec = 0};
        for (const auto& state : names_in(root / folder, states_max)) {
            const auto latency = read_word(root, folder / state / "latency");
            const auto disabled = read_word(root, folder / state / "disable");
            if (!latency.value || !disabled.value || *disabled.value != "0") {
                continue;
            }
            const auto usec = number_in(*latency.value);
            if (usec > found.wake_usec) {
                found.wake_usec = usec;
                found.name = read_word(root, folder / state / "name").value.value_or(state);
            }
        }
        if (!found.name.empty()) {
            deepest.push_back(std::move(found));
        }
    }
    return Measured<std::vector<IdleState>>::of(std::move(deepest));
}

// "ff,ffffffff": 32 CPUs a word, the lowest last. What is no such mask names no CPU.
CpuSet cpus_of_mask(std::string_view mask)
{
    CpuSet cpus;
    std::uint32_t first = 0;
    for (auto at = mask.rbegin(); at != mask.rend(); ++at) {
        if (*at == ',') {
            continue;
        }
        unsigned digit = 0;
        const auto [end, error] = std::from_chars(&*at, &*at + 1, digit, 16);
        if (error != std::errc{} || first >= id_set_limit) {
            return {};
        }
        for (std::uint32_t bit = 0; bit < 4; ++bit) {
            if ((digit >> bit & 1U) != 0 && first + bit < id_set_limit) {
                cpus.insert(CpuId{first + bit});
            }
        }
        first += 4;
    }
    return cpus;
}

// How often each numbered interrupt came, on all CPUs together.
std::map<std::string, std::uint64_t> read_counts(const fs::path& root)
{
    std::map<std::string, std::uint64_t> counts;
    const auto text = read_text_file(root / "proc/interrupts", table_bytes_max);
    std::istringstream lines{text ? *text : std::string{}};
    std::string line;
    std::getline(lines, line); // the CPUs
    while (std::getline(lines, line) && counts.size() < interrupts_max) {
        std::istringstream words{line};
        std::string name;
        words >> name;
        if (name.empty() || name.back() != ':' ||
            name.find_first_not_of("0123456789") != name.size() - 1) {
            continue; // NMI, LOC and the like
        }
        name.pop_back();
        std::uint64_t count = 0;
        for (std::string word;
             words >> word && word.find_first_not_of("0123456789") == std::string::npos;) {
            count += number_in(word);
        }
        counts[name] = count;
    }
    return counts;
}

// Whom an interrupt serves: the folders of its handlers.
std::string device_of(const fs::path& folder)
{
    for (const auto& name : names_in(folder, 64)) {
        std::error_code ignored;
        if (fs::is_directory(folder / name, ignored)) {
            return name;
        }
    }
    return {};
}

Measured<std::vector<Interrupt>> read_interrupts(const HostReadOptions& options)
{
    const auto& root = options.root;
    const auto before = read_counts(root);
    const auto milliseconds = options.wait ? options.wait() : 0;
    if (before.empty() || milliseconds == 0) {
        return Measured<std::vector<Interrupt>>::not_known(
            before.empty() ? "/proc/interrupts is not readable" : "rates need two readings");
    }
    std::vector<Interrupt> interrupts;
    auto is_readable = false;
    for (const auto& [name, count] : read_counts(root)) {
        const auto folder = fs::path{"proc/irq"} / name;
        const auto allowed = read_word(root, folder / "smp_affinity_list");
        const auto at = before.find(name);
        is_readable = is_readable || allowed.value.has_value();
        if (!allowed.value || at == before.end() || count <= at->second) {
            continue;
        }
        interrupts.push_back(
            {.name = name,
             .device = device_of(root / folder),
             .effective = cpus_in(read_word(root, folder / "effective_affinity_list")),
             .allowed = cpus_in(allowed),
             .per_second = (count - at->second) * 1000 / milliseconds});
    }
    return is_readable ? Measured<std::vector<Interrupt>>::of(std::move(interrupts))
                       : Measured<std::vector<Interrupt>>::not_known("/proc/irq is not readable");
}

Measured<std::string> read_sched_ext(const fs::path& root)
{
    const fs::path folder = "sys/kernel/sched_ext";
    const auto state = read_word_or(root, folder / "state", "disabled");
    if (!state.value) {
        return state;
    }
    return Measured<std::string>::of(
        *state.value == "enabled" ? read_word(root, folder / "root/ops").value.value_or("unnamed")
                                  : "");
}

Measured<SwapUse> read_swap(const fs::path& root)
{
    const auto text = read_word(root, "proc/meminfo");
    return made_of<SwapUse>(text, [](const std::string& meminfo) {
        const auto value = [&meminfo](const std::string& key) {
            const auto at = meminfo.find("\n" + key + ":");
            return at == std::string::npos
                       ? 0
                       : number_in(std::string_view{meminfo}.substr(at + key.size(), 64));
        };
        const auto total = value("SwapTotal");
        const auto free = value("SwapFree");
        return SwapUse{.total_kib = total, .used_kib = total > free ? total - free : 0};
    });
}

// IRQBALANCE_BANNED_CPULIST=2-7 in irqbalance's environment.
Measured<CpuSet> read_banned(const fs::path& root)
{
    constexpr std::string_view key = "IRQBALANCE_BANNED_CPULIST=";
    for (const auto* file : {"etc/default/irqbalance", "etc/sysconfig/irqbalance"}) {
        const auto text = read_word(root, file);
        std::istringstream lines{text.value.value_or("")};
        for (std::string line; std::getline(lines, line);) {
            if (!line.starts_with(key)) {
                continue;
            }
            auto list = line.substr(key.size());
            std::erase_if(list, [](char sign) { return sign == '"' || sign == '\''; });
            if (auto cpus = CpuSet::parse(list)) {
                return Measured<CpuSet>::of(std::move(*cpus));
            }
        }
    }
    return Measured<CpuSet>::of({});
}

} // namespace

HostFacts read_host_facts(const HostReadOptions& options)
{
    const auto& root = options.root;
    const auto is_one = [](const std::string& word) { return number_in(word) != 0; };
    HostFacts facts;
    facts.cmdline = read_word(root, "proc/cmdline");
    facts.units = read_units(root);
    facts.daemons =
        read_daemons(root, {"irqbalance", "numad", "intel_lpmd", "ananicy", "ananicy-cpp"});
    facts.hooks = read_hooks(root);
    const auto profile = read_word(root, "etc/tuned/active_profile");
    facts.tuned_profile = Measured<std::string>::of(profile.value.value_or(""));
    facts.irqbalance_banned = read_banned(root);
    facts.interrupts = read_interrupts(options);
    facts.governors = read_governors(root);
    facts.idle_states = read_idle_states(root);
    facts.workqueue_cpus =
        made_of<CpuSet>(read_word(root, "sys/devices/virtual/workqueue/cpumask"), cpus_of_mask);
    facts.halt_poll_nsec =
        made_of<std::uint64_t>(read_word(root, "sys/module/kvm/parameters/halt_poll_ns"),
                               [](const std::string& word) { return number_in(word); });
    facts.ksm = made_of<bool>(read_word_or(root, "sys/kernel/mm/ksm/run", "0"),
                              [](const std::string& word) { return word == "1"; });
    facts.numa_balancing =
        made_of<bool>(read_word_or(root, "proc/sys/kernel/numa_balancing", "0"), is_one);
    facts.thp = made_of<std::string>(
        read_word_or(root, "sys/kernel/mm/transparent_hugepage/enabled", ""), chosen_word);
    facts.sched_ext = read_sched_ext(root);
    facts.rt_throttling = made_of<bool>(read_word(root, "proc/sys/kernel/sched_rt_runtime_us"),
                                        [](const std::string& word) { return word != "-1"; });
    facts.swap = read_swap(root);
    return facts;
}

} // namespace virtpind
