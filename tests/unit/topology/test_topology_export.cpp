// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/topology/topology_export.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/read_hosts.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

namespace virtpind::test {
namespace {

TEST(ExportTopology, LabelsCpusAndStaysReadable)
{
    const auto source =
        *parse_topology_source("synthetic:pack:1 [numa(memory=1073741824)] core:4 pu:1");
    const auto xml =
        export_topology_xml(source, {{"win11 <&>", cpus("0-1"), {{CpuId{1}, "win11 <&> vCPU 0"}}},
                                     {"pool", cpus("1-3"), {}}});
    ASSERT_TRUE(xml);
    EXPECT_NE(xml->find("type=\"Misc\""), std::string::npos);
    EXPECT_NE(xml->find("name=\"win11 &lt;&amp;&gt; vCPU 0\""), std::string::npos);
    std::size_t styles = 0;
    for (auto at = xml->find("lstopoStyle"); at != std::string::npos;
         at = xml->find("lstopoStyle", at + 1)) {
        ++styles;
    }
    EXPECT_EQ(styles, 8U); // each CPU and its Misc object
    EXPECT_NE(xml->find("name=\"virtpind\" value=\"win11 &lt;&amp;&gt;\""), std::string::npos);
    const TemporaryFolder folder;
    const auto again = read_host("xml:" + folder.write("export.xml", *xml).string());
    EXPECT_TRUE(same_layout(again, synthetic("pack:1 [numa(memory=1073741824)] core:4 pu:1")));
}

TEST(ExportTopology, NoGuestHasTheColoursOfHousekeepingAndPool)
{
    using Whose = TopologyLabel::Whose;
    std::vector<TopologyLabel> labels;
    for (std::uint32_t cpu = 0; cpu < 30; ++cpu) {
        labels.push_back({.name = "guest", .cpus = CpuSet{CpuId{cpu}}, .threads = {}});
    }
    labels.push_back({"housekeeping", cpus("30"), {}, Whose::housekeeping});
    labels.push_back({"pool", cpus("31"), {}, Whose::pool});
    const auto xml =
        export_topology_xml(*parse_topology_source("synthetic:pack:1 [numa] core:32 pu:1"), labels);
    ASSERT_TRUE(xml);
    std::map<std::string, std::set<std::string>> colours; // by label
    const std::regex pair{
        R"re("lstopoStyle" value="([^"]*)"/>\s*<info name="virtpind" value="(\w+)")re"};
    for (std::sregex_iterator at{xml->begin(), xml->end(), pair}, end; at != end; ++at) {
        colours[(*at)[2]].insert((*at)[1]);
    }
    ASSERT_EQ(colours.size(), 3U);
    ASSERT_EQ(colours["housekeeping"].size(), 1U);
    ASSERT_EQ(colours["pool"].size(), 1U);
    EXPECT_NE(colours["housekeeping"], colours["pool"]);
    for (const auto* other : {"housekeeping", "pool"}) {
        EXPECT_FALSE(colours["guest"].contains(*colours[other].begin())) << other;
    }
}

} // namespace
} // namespace virtpind::test
