// SPDX-License-Identifier: LGPL-2.1-or-later
// What tells of changes on the host, on a real loop with real files.
#include "daemon/watch/cgroup_watch.hpp"
#include "daemon/watch/clock_watch.hpp"
#include "daemon/watch/uevent_watch.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace virtpind {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

namespace fs = std::filesystem;

const DomainUuid web1{"11111111-2222-3333-4444-555555555555"};
const DomainUuid web2{"21111111-2222-3333-4444-555555555555"};

class GroupWatchTest : public testing::Test {
protected:
    [[nodiscard]] fs::path make(const std::string& group) const
    {
        const auto path = root_ / group;
        fs::create_directories(path);
        return path;
    }

    // Runs the loop until `domain` was told of, or for a while.
    bool hears_of(const DomainUuid& domain)
    {
        const auto deadline = std::chrono::steady_clock::now() + 5s;
        while (!heard_.contains(domain) && std::chrono::steady_clock::now() < deadline) {
            sd_event_run(loop_.raw(), 10'000);
        }
        return heard_.contains(domain);
    }

    // Tens of thousands of directories come and go: not on a disk.
    const test::TemporaryFolder folder_{test::TemporaryFolder::in_memory()};
    const fs::path root_ = folder_.path();
    loop::EventLoop loop_ = *loop::EventLoop::create();
    std::set<DomainUuid> heard_;
};

TEST_F(GroupWatchTest, GroupsOfEveryLayoutAreFoundById)
{
    const auto scope = make("machine.slice/machine-qemu\\x2d7\\x2dweb1.scope");
    const auto plain = make("cpuset/machine/qemu-12-qemu-3-web.libvirt-qemu");
    for (const auto* other :
         {"machine.slice/machine-lxc\\x2d9\\x2dbox.scope", "machine.slice/machine-qemu\\x2dx.scope",
          "machine/qemu-5", "machine/qemu--6-web", "machine/qemu-99999999999-web"}) {
        fs::create_directories(root_ / other);
    }
    EXPECT_EQ(find_domain_groups(root_), (std::multimap<int, fs::path>{{7, scope}, {12, plain}}));
    EXPECT_TRUE(find_domain_groups(root_ / "nowhere").empty());
}

TEST_F(GroupWatchTest, GroupThatComesAfterItsDomainIsWatchedFromTheNextLookOn)
{
    CgroupWatch watch{loop_, [this](const DomainUuid& uuid) { heard_.insert(uuid); }, root_};
    watch.follow({{web1, 1}, {web2, 2}});
    const auto first = make("machine.slice/machine-qemu\\x2d1\\x2dweb1.scope/libvirt");
    const auto second = make("machine.slice/machine-qemu\\x2d2\\x2dweb2.scope");
    watch.follow({{web1, 1}, {web2, 2}});
    fs::create_directory(first / "vcpu1");
    EXPECT_TRUE(hears_of(web1));
    fs::create_directory(second / "vcpu1");
    EXPECT_TRUE(hears_of(web2));
}

TEST_F(GroupWatchTest, GroupThatIsWatchedBeforeItIsCompleteIsFollowedInside)
{
    CgroupWatch watch{loop_, [this](const DomainUuid& uuid) { heard_.insert(uuid); }, root_};
    const auto scope = make("machine.slice/machine-qemu\\x2d1\\x2dweb1.scope");
    watch.follow({{web1, 1}});
    fs::create_directory(scope / "libvirt");
    EXPECT_TRUE(hears_of(web1));
    heard_.clear();
    fs::create_directory(scope / "libvirt" / "vcpu1");
    EXPECT_TRUE(hears_of(web1));
}

TEST_F(GroupWatchTest, GroupThatSomebodyElseLeftUnderTheSameIdHidesNothing)
{
    CgroupWatch watch{loop_, [this](const DomainUuid& uuid) { heard_.insert(uuid); }, root_};
    for (const auto* other : {"old", "zeta"}) {
        fs::create_directories(root_ /
                               ("cpuset/machine/qemu-1-"s + other + ".libvirt-qemu/libvirt"));
    }
    const auto own = make("cpuset/machine/qemu-1-web1.libvirt-qemu/libvirt");
    watch.follow({{web1, 1}});
    fs::create_directory(own / "vcpu1");
    EXPECT_TRUE(hears_of(web1));
}

// Of this process.
std::size_t inotify_watches()
{
    std::size_t watches = 0;
    for (const auto& descriptor : fs::directory_iterator{"/proc/self/fdinfo"}) {
        std::ifstream info{descriptor.path()};
        for (std::string line; std::getline(info, line);) {
            watches += line.starts_with("inotify wd:") ? 1U : 0U;
        }
    }
    return watches;
}

TEST_F(GroupWatchTest, OnlyThoseThatRunAreWatched)
{
    CgroupWatch watch{loop_, [](const DomainUuid&) {}, root_};
    for (int run = 1; run <= 20; ++run) {
        (void)make("machine.slice/machine-qemu\\x2d" + std::to_string(run) +
                   "\\x2dweb1.scope/libvirt");
        watch.follow({{web1, run}});
        EXPECT_EQ(inotify_watches(), 1U);
    }
    watch.follow({});
    EXPECT_EQ(inotify_watches(), 0U);
}

// The kernel keeps so many events and drops the rest, then says so; of whom they were, nobody
// knows.
TEST_F(GroupWatchTest, DroppedEventsAreOfEveryDomain)
{
    std::size_t kept = 0;
    std::ifstream{"/proc/sys/fs/inotify/max_queued_events"} >> kept;
    if (kept == 0 || kept > 100'000) {
        GTEST_SKIP()
            << "so many events take too long: sysctl fs.inotify.max_queued_events=16384, now "
            << kept;
    }
    CgroupWatch watch{loop_, [this](const DomainUuid& uuid) { heard_.insert(uuid); }, root_};
    const auto noisy = make("machine.slice/machine-qemu\\x2d1\\x2dweb1.scope/libvirt");
    const auto quiet = make("machine.slice/machine-qemu\\x2d2\\x2dweb2.scope");
    watch.follow({{web1, 1}, {web2, 2}});
    for (std::size_t i = 0; i < kept / 2 + 1; ++i) { // equal ones in a row would be told of once
        for (const auto* thread : {"vcpu1", "vcpu2"}) {
            fs::create_directory(noisy / thread);
            fs::remove(noisy / thread);
        }
    }
    fs::create_directories(quiet / "libvirt"); // not told of any more
    EXPECT_TRUE(hears_of(web2));
    heard_.clear();
    fs::create_directory(quiet / "libvirt" / "vcpu1");
    EXPECT_TRUE(hears_of(web2)) << "it is watched where its threads are";
}

// Setting the host's clock is not a test's business: that the kernel takes the timer, that it is
// quiet, and what cancelling looks like to its reader, are.
TEST(ClockWatchTest, IsQuietUntilTheKernelCancelsItsTimer)
{
    auto loop = *loop::EventLoop::create();
    const ClockWatch watch{loop, [&loop] { loop.stop(1); }};
    EXPECT_TRUE(watch.works());
    loop::Timer end{loop, [&loop] { loop.stop(0); }};
    end.start(50ms);
    EXPECT_EQ(loop.run(), 0);
    EXPECT_TRUE(is_clock_jump(-1, ECANCELED));
    EXPECT_FALSE(is_clock_jump(-1, EAGAIN));
    EXPECT_FALSE(is_clock_jump(8, ECANCELED));
}

TEST(UeventTest, OnlyTheLayoutCounts)
{
    using namespace std::string_view_literals;
    EXPECT_TRUE(is_layout_event("offline@/devices/system/cpu/cpu3\0SUBSYSTEM=cpu\0SEQNUM=1\0"sv));
    EXPECT_FALSE(is_layout_event("add@/devices/x\0SUBSYSTEM=cpuid\0"sv));
    EXPECT_FALSE(is_layout_event(""sv));
}

} // namespace
} // namespace virtpind
