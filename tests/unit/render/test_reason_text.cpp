// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/base/text_file.hpp"
#include "daemon/render/reason_table.hpp"
#include "daemon/render/reason_text.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

using namespace virtpind;

namespace {

enum class Size { one, many };

template <class Set>
Set ids(Size size)
{
    return size == Size::one ? Set::range(6, 6) : Set::range(6, 7);
}

ReasonArgument number(ArgumentName name, Size size)
{
    return {name, std::uint64_t{size == Size::one ? 1U : 4U}};
}

ReasonArgument domains(ArgumentName name, Size size)
{
    DomainsOnCpus value{{"web1", ids<CpuSet>(size)}};
    if (size == Size::many) {
        value.push_back({"db", CpuSet::range(8, 9)});
    }
    return {name, std::move(value)};
}

ReasonArgument names(ArgumentName name, Size size, NameList several)
{
    if (size == Size::one) {
        several.resize(1);
    }
    return {name, std::move(several)};
}

void add_sets(Size size, ReasonArguments& samples)
{
    const auto cpus = ids<CpuSet>(size);
    const auto nodes = ids<NodeSet>(size);
    const auto vcpus = ids<VcpuSet>(size);
    const ReasonArguments sets{{"allowed", cpus},
                               {"beyond", vcpus},
                               {"cpus", cpus},
                               {"emulator", cpus},
                               {"floating", vcpus},
                               {"from", cpus},
                               {"host_cpus", CpuSet::range(0, 3)},
                               {"housekeeping", cpus},
                               {"kept", vcpus},
                               {"last_vcpu", VcpuSet{VcpuId{0}}},
                               {"load", cpus},
                               {"nodes", nodes},
                               {"host_nodes", NodeSet::range(0, 1)},
                               {"offline", vcpus},
                               {"other_nodes", nodes},
                               {"own", vcpus},
                               {"pool", cpus},
                               {"quiet", cpus},
                               {"siblings", cpus},
                               {"spare", cpus},
                               {"start", cpus},
                               {"waiting", vcpus},
                               {"yielded", cpus}};
    samples.insert(samples.end(), sets.begin(), sets.end());
}

void add_texts(Size size, ReasonArguments& samples)
{
    const ReasonArguments texts{
        {"arch", "aarch64"},
        {"argument", "-smp"},
        {"device", "0000:01:00.0"},
        names("devices", size, {"PCI device 0000:01:00.0", "PCI device 0000:02:00.0"}),
        {"error", "The metadata cannot be read."},
        domains("guests", size),
        {"hold", "a backup runs"},
        names("kinds", size, {"performance", "efficiency"}),
        {"model", "EPYC"},
        {"newcomer", "web1"},
        names("neighbours", size, {"web1", "db", "mail"}),
        {"option", "isolate"},
        domains("owners", size),
        {"passed_through", "PCI device 0000:01:00.0 and 2 more"},
        {"placement", "dedicated"},
        {"policy", "auto"},
        {"rival", "db"},
        names("rivals", size, {"db", "mail"}),
        names("tunes", size, {"invtsc", "topoext"}),
        {"available", MemoryAmount{16777216}},
        {"memory", MemoryAmount{65000}},
        {"missing", MemoryAmount{4194304}},
        {"page", PageSize{size == Size::one ? 1048576U : 2048U}},
        {"parts", Counts{8, 4}}};
    samples.insert(samples.end(), texts.begin(), texts.end());
}

void add_phrases(ReasonArguments& samples)
{
    using enum ReasonPhrase;
    const ReasonArguments phrases{{"asked", ReasonPhrases{asks_cpus, asks_smt_isolate}},
                                  {"by", by_definition},
                                  {"gain", fewer_nodes},
                                  {"loss", lose_nodes},
                                  {"need", cores_isolate},
                                  {"place", numa_node},
                                  {"shape", guest_shape},
                                  {"threads", emulator_threads},
                                  {"wanted", free_hugepages},
                                  {"ways", ReasonPhrases{cores_any, at_most_vcpus}},
                                  {"where", on_node},
                                  {"why", x86_only}};
    samples.insert(samples.end(), phrases.begin(), phrases.end());
}

void add_numbers(Size size, ReasonArguments& samples)
{
    for (const auto name : std::initializer_list<ArgumentName>{
             "broken",           "cells",       "cores",  "dies",         "doubled",
             "fewer_l3s",        "fewer_nodes", "free",   "free_allowed", "l3s",
             "missed",           "most",        "now",    "packages",     "sockets",
             "threads_per_core", "unwished",    "usable", "vcpus",        "wanted_vcpus"}) {
        samples.push_back(number(name, size));
    }
    samples.push_back({"better", std::uint64_t{1}});
    samples.push_back({"former_l3s", std::uint64_t{5}});
    samples.push_back({"former_nodes", std::uint64_t{5}});
    for (const auto name : std::initializer_list<ArgumentName>{
             "dedicated", "displaced", "elsewhere", "gaps", "isolated", "later", "no_cells",
             "numad", "other_claims", "package", "priority", "realtime", "shared", "shut_off",
             "stays", "unlike"}) {
        samples.push_back({name, true});
    }
}

// One of each argument, with one or several of what it names.
ReasonArguments samples(Size size)
{
    ReasonArguments arguments;
    add_sets(size, arguments);
    add_texts(size, arguments);
    add_phrases(arguments);
    add_numbers(size, arguments);
    return arguments;
}

// The arguments that a sentence names, those of its optional parts aside.
std::set<std::string> needed(std::string_view sentence)
{
    std::set<std::string> found;
    auto in_option = false;
    for (std::size_t at = 0; at < sentence.size(); ++at) {
        in_option = sentence[at] == '[' || (in_option && sentence[at] != ']');
        if (sentence[at] == '{' && !in_option) {
            found.emplace(sentence.substr(at + 1, sentence.find_first_of(":,}", at) - at - 1));
        }
    }
    return found;
}

std::string word_of(ReasonLevel level)
{
    return level == ReasonLevel::good ? "good" : level == ReasonLevel::note ? "note" : "short";
}

std::string golden()
{
    std::string text;
    for (const auto& row : reason_table()) {
        for (const auto sentence : row.sentences) {
            if (!sentence.empty()) {
                const auto one = fill_in(sentence, samples(Size::one));
                const auto many = fill_in(sentence, samples(Size::many));
                const auto level = sentence.starts_with('!') ? ReasonLevel::lacking : row.level;
                text += std::string{row.word} + " (" + word_of(level) + "): " + many + "\n";
                text += one != many ? "    " + one + "\n" : "";
            }
        }
    }
    for (const auto& row : phrase_table()) {
        const auto one = fill_in(row.text, samples(Size::one));
        const auto many = fill_in(row.text, samples(Size::many));
        text += "... " + many + "\n";
        text += one != many ? "    " + one + "\n" : "";
    }
    return text;
}

} // namespace

// With VIRTPIND_UPDATE_GOLDEN in the environment the file is written anew; read its diff.
TEST(ReasonText, SaysEverySentenceAsExpected)
{
    const auto* file = std::getenv("VIRTPIND_GOLDEN_REASONS");
    if (file == nullptr) {
        GTEST_SKIP() << "VIRTPIND_GOLDEN_REASONS does not name tests/golden/expected/reasons.txt";
    }
    const auto text = golden();
    EXPECT_EQ(text.find('{'), std::string::npos) << "some argument has no sample:\n" << text;
    if (std::getenv("VIRTPIND_UPDATE_GOLDEN") != nullptr) {
        std::ofstream{file} << text;
    }
    const auto expected = read_text_file(file, std::size_t{1} << 20U);
    ASSERT_TRUE(expected.ok()) << expected.error().message;
    EXPECT_EQ(text, *expected) << "VIRTPIND_UPDATE_GOLDEN=1 writes it anew";
}

TEST(ReasonText, ChoosesTheSentenceWhoseArgumentsAreThere)
{
    for (const auto& row : reason_table()) {
        for (const auto sentence : row.sentences) {
            const auto names = needed(sentence);
            auto arguments = samples(Size::many);
            std::erase_if(arguments, [&names](const ReasonArgument& argument) {
                return names.count(std::string{argument.name.word()}) == 0;
            });
            if (!sentence.empty()) {
                EXPECT_EQ(reason_text({row.code, arguments}), fill_in(sentence, arguments))
                    << row.word;
            }
        }
    }
}

TEST(ReasonText, HasOneWordForEachCode)
{
    std::set<std::string_view> words;
    for (const auto& row : reason_table()) {
        EXPECT_TRUE(words.insert(row.word).second) << row.word;
        EXPECT_EQ(to_string(row.code), row.word);
        EXPECT_FALSE(row.meaning.empty()) << row.word;
    }
}

TEST(ReasonText, ChoosesFormsByNumber)
{
    const auto moved = [](std::uint64_t vcpus) {
        return reason_text({ReasonCode::moved, {{"vcpus", vcpus}}});
    };
    EXPECT_EQ(moved(1), "1 vCPU changes its CPU.");
    EXPECT_EQ(moved(2), "2 vCPUs change their CPU.");
}

TEST(ReasonText, TakesWhatIsEmptyForAbsent)
{
    const auto shared = [](const CpuSet& housekeeping) {
        return reason_text({ReasonCode::l3_shared,
                            {{"owners", DomainsOnCpus{{"db", CpuSet::range(4, 7)}}},
                             {"housekeeping", housekeeping}}});
    };
    EXPECT_EQ(shared(CpuSet::range(0, 1)),
              "Its L3s also serve housekeeping (0-1) and other domains: db (4-7).");
    EXPECT_EQ(shared({}), "Its L3s also serve db (4-7).");
    EXPECT_EQ(reason_text({ReasonCode::moved, {{"vcpus", 1U}, {"displaced", false}}}),
              "1 vCPU changes its CPU.");
    EXPECT_EQ(reason_text({ReasonCode::moved, {{"vcpus", 1U}, {"displaced", true}}}),
              "1 vCPU changes its CPU to make room for others.");
}

TEST(ReasonText, ShowsAnArgumentThatIsMissing)
{
    EXPECT_EQ(reason_text({ReasonCode::fits_one_node, {{"vcpus", 2U}}}),
              "All 2 vCPUs are on {nodes}.");
}

TEST(ReasonText, SpellsMemoryInUnits)
{
    const auto missing = [](std::uint64_t kib, std::uint64_t page_kib) {
        return reason_text({ReasonCode::missing_now,
                            {{"missing", MemoryAmount{kib}},
                             {"memory", MemoryAmount{kib}},
                             {"page", PageSize{page_kib}}}});
    };
    EXPECT_NE(missing(1025, 2048).find("It needs 2 MiB in pages of 2 MiB."), std::string::npos);
    EXPECT_NE(missing(2048, 1048576).find("in pages of 1 GiB."), std::string::npos);
    EXPECT_NE(missing(2048, 64).find("in pages of 64 KiB."), std::string::npos);
}

TEST(ReasonText, EndsLongLists)
{
    const NameList six{"a", "b", "c", "d", "e", "f"};
    EXPECT_EQ(reason_text({ReasonCode::claim_overrun, {{"neighbours", six}}}),
              "Its CPUs are also used by a, b, c, d and 2 more, which can run nowhere else.");
}

TEST(ReasonText, KeepsHostileNamesHarmless)
{
    const NameList hostile{"a\x1b[2J\nb", "{cpus}[x]#|", "\xff", std::string(2000, 'x')};
    const auto text = reason_text({ReasonCode::claim_overrun, {{"neighbours", hostile}}});
    EXPECT_NE(text.find("a\\x1b[2J\\x0ab"), std::string::npos) << text;
    EXPECT_NE(text.find("{cpus}[x]#|"), std::string::npos) << text;
    EXPECT_NE(text.find("\\xff"), std::string::npos) << text;
    EXPECT_NE(text.find("which can run nowhere else."), std::string::npos) << text;
    const auto error =
        reason_text({ReasonCode::policy_invalid, {{"error", std::string(5000, 'x')}}});
    EXPECT_LT(error.size(), 1100U);
}
