// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/isolation/unit_affinities.hpp"
#include "tests/support/cpu_sets.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace virtpind {
namespace {

using test::cpus;

std::string affinity_of(std::string_view text)
{
    CpuSet found;
    add_affinity(text, found);
    return found.str();
}

TEST(UnitAffinities, AreListsAfterTheKey)
{
    EXPECT_EQ(affinity_of("[Service]\nCPUAffinity=2-3\n"), "2-3");
    EXPECT_EQ(affinity_of(" CPUAffinity = 2 5,6\t8-9 \n"), "2,5-6,8-9");
    EXPECT_EQ(affinity_of("CPUAffinity=1\nCPUAffinity=2"), "1-2");
    EXPECT_EQ(affinity_of("CPUAffinity=1\nCPUAffinity=\nCPUAffinity=4"), "4");
    EXPECT_EQ(affinity_of("#CPUAffinity=1\n;CPUAffinity=2\nNUMAMask=3\nX-CPUAffinity=4"), "");
    EXPECT_EQ(affinity_of("CPUAffinity=numa\nCPUAffinity=1-\nCPUAffinity=99999999999"), "");
    EXPECT_EQ(affinity_of(""), "");
}

TEST(UnitAffinities, ComeFromTheFoldersOfSystemd)
{
    const test::TemporaryFolder root;
    root.write("usr/lib/systemd/system/a.service", "[Service]\nCPUAffinity=1\n");
    root.write("usr/lib/systemd/system/b.service", "[Service]\nCPUAffinity=2\n");
    root.write("etc/systemd/system/b.service", "[Service]\nCPUAffinity=3\n");
    root.write("usr/lib/systemd/system/c.service", "[Service]\n");
    root.write("etc/systemd/system/c.service.d/local.conf", "[Service]\nCPUAffinity=4\n");
    root.write("usr/lib/systemd/system/d.service", "[Service]\nCPUAffinity=5\n");
    std::filesystem::create_symlink("/dev/null", root / "etc/systemd/system/d.service");
    root.write("usr/lib/systemd/system/e.timer", "CPUAffinity=6\n");
    root.write("etc/systemd/system.conf", "[Manager]\nCPUAffinity=0-7\n");
    const std::vector<UnitAffinity> expected{{.unit = "a.service", .cpus = cpus("1")},
                                             {.unit = "b.service", .cpus = cpus("3")},
                                             {.unit = "c.service", .cpus = cpus("4")},
                                             {.unit = "system.conf", .cpus = cpus("0-7")}};
    EXPECT_EQ(read_unit_affinities(root.path()), expected);
    EXPECT_TRUE(read_unit_affinities(root / "nowhere").empty());
}

} // namespace
} // namespace virtpind
