// SPDX-License-Identifier: LGPL-2.1-or-later
// The helper's work on a played tree of control groups: files that keep what is written to them.
#include "daemon/isolate_helper/isolate_session.hpp"
#include "tests/support/played_groups.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <thread>

namespace virtpind {
namespace {

using namespace std::chrono_literals;
using test::played_scope;
using test::PlayedGroups;

const std::string web1 = played_scope(1, "web1");
const std::string db1 = played_scope(2, "db1");

std::string ask(const PlayedGroups& host, const std::string& line)
{
    return format_isolation_answer(answer_request(host.open(), line));
}

TEST(IsolateSession, GivesEachThreadAPartition)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}, {"vcpu1", "3"}, {"emulator", "0-1"}});
    EXPECT_EQ(ask(host, "isolate " + web1 + " vcpu0=2 vcpu1=3"), "isolated 2-3");
    EXPECT_EQ(host.partition(web1, "vcpu0"), "isolated");
    EXPECT_EQ(host.exclusive(web1, "vcpu0"), "2");
    EXPECT_EQ(host.partition(web1, "vcpu1"), "isolated");
    EXPECT_EQ(host.partition(web1, "emulator"), "member");
    EXPECT_EQ(host.text("machine.slice/cpuset.cpus.exclusive"), "2-3");
    EXPECT_EQ(host.text("machine.slice/" + web1 + "/cpuset.cpus.exclusive"), "2-3");
    EXPECT_EQ(host.text("machine.slice/" + web1 + "/libvirt/cpuset.cpus.exclusive"), "2-3");
}

TEST(IsolateSession, TakesOffWhatIsNotAskedForAnyMore)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}, {"vcpu1", "3"}});
    host.add_guest(db1, {{"vcpu0", "4"}});
    EXPECT_EQ(ask(host, "isolate " + web1 + " vcpu0=2 vcpu1=3"), "isolated 2-3");
    EXPECT_EQ(ask(host, "isolate " + db1 + " vcpu0=4"), "isolated 4");
    EXPECT_EQ(host.text("machine.slice/cpuset.cpus.exclusive"), "2-4");
    EXPECT_EQ(ask(host, "isolate " + web1 + " vcpu1=3"), "isolated 3");
    EXPECT_EQ(host.partition(web1, "vcpu0"), "member");
    EXPECT_EQ(host.exclusive(web1, "vcpu0"), "");
    EXPECT_EQ(host.partition(web1, "vcpu1"), "isolated");
    EXPECT_EQ(ask(host, "isolate " + web1), "isolated");
    EXPECT_EQ(host.partition(web1, "vcpu1"), "member");
    EXPECT_EQ(host.text("machine.slice/" + web1 + "/cpuset.cpus.exclusive"), "");
    EXPECT_EQ(host.text("machine.slice/cpuset.cpus.exclusive"), "4");
    EXPECT_EQ(host.partition(db1, "vcpu0"), "isolated");
}

TEST(IsolateSession, RepairsAPartitionThatTheKernelGaveUp)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}});
    EXPECT_EQ(ask(host, "isolate " + web1 + " vcpu0=2"), "isolated 2");
    host.write("machine.slice/" + web1 + "/libvirt/vcpu0/cpuset.cpus.partition",
               "isolated invalid (No cpu available due to hotplug)");
    EXPECT_EQ(ask(host, "isolate " + web1 + " vcpu0=2"), "isolated 2");
    EXPECT_EQ(host.partition(web1, "vcpu0"), "isolated");
}

TEST(IsolateSession, LeavesNothingHalfDone)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}, {"vcpu1", "3"}});
    host.remove("machine.slice/" + web1 + "/libvirt/vcpu1/cpuset.cpus.exclusive");
    EXPECT_TRUE(ask(host, "isolate " + web1 + " vcpu0=2 vcpu1=3").starts_with("refused failed"));
    EXPECT_EQ(host.partition(web1, "vcpu0"), "member");
    EXPECT_EQ(host.exclusive(web1, "vcpu0"), "");
    EXPECT_EQ(host.text("machine.slice/cpuset.cpus.exclusive"), "");
}

// No file grows while this lives: the writes fail, as the kernel's do that it refuses.
class NoWrites {
public:
    NoWrites()
    {
        EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
        const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
    }

    ~NoWrites()
    {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

    NoWrites(const NoWrites&) = delete;
    NoWrites& operator=(const NoWrites&) = delete;

private:
    void (*handler_)(int) = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before_{};
};

TEST(IsolateSession, NamesWhatIsBesideAPartitionThatTheKernelRefuses)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}, {"vcpu1", "3"}, {"vcpu2", "4"}});
    const auto ask_kernel = [&host] {
        const NoWrites kernel;
        return ask(host, "isolate " + web1 + " vcpu0=2 vcpu1=3");
    };
    const auto alone = ask_kernel();
    EXPECT_TRUE(alone.starts_with("refused kernel-refused 2-3 : failed to write '2-3' to "))
        << alone;
    EXPECT_EQ(alone.find("pinned to"), std::string::npos) << alone;
    host.add_guest(web1, {{"emulator", "0-7"}, {"iothread1", "3-4"}});
    const auto beside = ask_kernel();
    EXPECT_TRUE(beside.ends_with("; pinned to some of these CPUs, too: emulator to 0-7, "
                                 "iothread1 to 3-4"))
        << beside;
}

TEST(IsolateSession, NamesWhatTheHostLacks)
{
    PlayedGroups old;
    old.add_guest(web1, {{"vcpu0", "2"}});
    old.remove("machine.slice/cpuset.cpus.exclusive");
    EXPECT_TRUE(ask(old, "isolate " + web1 + " vcpu0=2").starts_with("refused no-kernel"));

    PlayedGroups bare;
    bare.add_guest(web1, {{"vcpu0", "2"}});
    bare.remove("machine.slice/cpuset.cpus");
    EXPECT_TRUE(ask(bare, "isolate " + web1 + " vcpu0=2").starts_with("refused no-cpuset"));

    PlayedGroups older;
    older.add_guest(web1, {{"vcpu0", "2"}});
    older.remove("machine.slice/cgroup.kill");
    EXPECT_TRUE(ask(older, "isolate " + web1 + " vcpu0=2").starts_with("refused no-kernel"));

    PlayedGroups first;
    first.remove("cgroup.controllers");
    first.add_guest(web1, {{"vcpu0", "2"}});
    EXPECT_TRUE(ask(first, "isolate " + web1 + " vcpu0=2").starts_with("refused no-kernel"));
    EXPECT_EQ(ask(PlayedGroups{}, "isolate " + web1), "refused no-guest");
}

// Locked, until it ends, by a descriptor of its own as another process has it.
loop::UniqueFd lock(const std::filesystem::path& path, int flags)
{
    loop::UniqueFd fd{::open(path.c_str(), flags | O_CLOEXEC)};
    EXPECT_EQ(::flock(fd.get(), LOCK_EX | LOCK_NB), 0) << path;
    return fd;
}

TEST(IsolateSession, IsHeldUpByNobodyWhoMayOnlyRead)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}});
    const auto slice = lock(host.path("machine.slice"), O_RDONLY | O_DIRECTORY);
    const auto scope = lock(host.path("machine.slice") / web1, O_RDONLY | O_DIRECTORY);
    const auto file = lock(host.path("machine.slice/cpuset.cpus.exclusive"), O_RDONLY);
    EXPECT_EQ(ask(host, "isolate " + web1 + " vcpu0=2"), "isolated 2");
}

TEST(IsolateSession, WaitsForItsTurnButNotForEver)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}});
    auto another = lock(host.path("machine.slice/cgroup.kill"), O_WRONLY);
    const auto line = "isolate " + web1 + " vcpu0=2";
    EXPECT_EQ(format_isolation_answer(answer_request(host.open(), line, 20ms)),
              "refused busy : another process has locked '" +
                  host.path("machine.slice/cgroup.kill").native() + "' for 20 ms");
    EXPECT_EQ(host.partition(web1, "vcpu0"), "member");
    const std::jthread ends{[&another] { another = {}; }};
    EXPECT_EQ(format_isolation_answer(answer_request(host.open(), line, 1min)), "isolated 2");
    EXPECT_EQ(std::filesystem::file_size(host.path("machine.slice/cgroup.kill")), 1U); // as it was
}

// A folder of that name cannot be read as a file.
void make_unreadable(const PlayedGroups& host, const std::string& file)
{
    host.remove(file);
    std::filesystem::create_directories(host.path(file));
}

TEST(IsolateSession, RefusesWhereItCannotTellWhatItWouldTake)
{
    const auto threads = "machine.slice/" + db1 + "/libvirt/";
    for (const auto& file :
         {threads + "vcpu0/cpuset.cpus", threads + "vcpu0/cpuset.cpus.exclusive",
          threads + "vcpu0/cpuset.cpus.partition",
          "machine.slice/" + db1 + "/cpuset.cpus.exclusive",
          std::string{"machine.slice/machine-box.scope/cpuset.cpus"},
          std::string{"machine.slice/machine-box.scope/cpuset.cpus.exclusive"},
          std::string{"cpuset.cpus.isolated"}, std::string{"sys/devices/system/cpu/online"},
          std::string{"sys/devices/system/cpu/cpu6/topology/thread_siblings_list"},
          std::string{"sys/devices/system/node/node0/cpulist"},
          std::string{"sys/bus/pci/devices/0000:01:00.0/class"},
          std::string{"sys/bus/pci/devices/0000:01:00.0/numa_node"}}) {
        PlayedGroups host;
        host.add_guest(web1, {{"vcpu0", "2"}});
        host.add_guest(db1, {{"vcpu0", "4"}});
        host.write("machine.slice/machine-box.scope/cpuset.cpus", "5");
        make_unreadable(host, file);
        EXPECT_TRUE(ask(host, "isolate " + web1 + " vcpu0=2").starts_with("refused failed"))
            << file;
        EXPECT_EQ(host.partition(web1, "vcpu0"), "member") << file;
    }
}

TEST(IsolateSession, RefusesWhereAFileHoldsNoCpus)
{
    for (const auto* const text : {"4-", "all", "4 5", "9999999"}) {
        PlayedGroups host;
        host.add_guest(web1, {{"vcpu0", "2"}});
        host.add_guest(db1, {{"vcpu0", text}});
        EXPECT_EQ(ask(host, "isolate " + web1 + " vcpu0=2"),
                  "refused failed : '" +
                      host.path("machine.slice/" + db1 + "/libvirt/vcpu0/cpuset.cpus").native() +
                      "' has '" + text + "', which are no CPUs");
        EXPECT_EQ(host.partition(web1, "vcpu0"), "member");
    }
}

TEST(IsolateSession, MindsNoGroupThatHasEnded)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}});
    host.add_guest(db1, {{"vcpu0", "4"}});
    host.remove("machine.slice/" + db1 + "/libvirt/vcpu0/cpuset.cpus");
    host.remove("machine.slice/" + db1 + "/libvirt/vcpu0/cpuset.cpus.partition");
    EXPECT_EQ(ask(host, "isolate " + web1 + " vcpu0=2"), "isolated 2");
    host.remove("machine.slice/" + db1 + "/libvirt");
    EXPECT_EQ(ask(host, "isolate " + web1), "isolated");
}

TEST(IsolateSession, HoldsTheFloorOfTheHost)
{
    PlayedGroups host; // 8 CPUs, siblings 2n and 2n+1, a network card on the only node
    host.add_guest(web1, {{"vcpu0", "0-7"}});
    EXPECT_TRUE(ask(host, "isolate " + web1 + " vcpu0=0-7").starts_with("refused below-floor"));
    EXPECT_TRUE(ask(host, "isolate " + web1 + " vcpu0=1-7").starts_with("refused below-floor"));
    EXPECT_EQ(host.partition(web1, "vcpu0"), "member");
}

TEST(IsolateSession, FollowsNoLinkOutOfTheTree)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2"}});
    host.write("secret", "mine");
    const auto group = host.path("machine.slice/" + web1 + "/libvirt/vcpu0");
    std::filesystem::remove(group / "cpuset.cpus.partition");
    std::filesystem::create_symlink(host.path("secret"), group / "cpuset.cpus.partition");
    EXPECT_TRUE(ask(host, "isolate " + web1 + " vcpu0=2").starts_with("refused failed"));
    EXPECT_EQ(host.text("secret"), "mine");

    PlayedGroups twin;
    twin.add_guest(web1, {{"vcpu0", "2"}});
    const auto scope = twin.path("machine.slice") / db1;
    std::filesystem::create_directory_symlink(twin.path("machine.slice") / web1, scope);
    EXPECT_EQ(ask(twin, "isolate " + db1 + " vcpu0=2"), "refused no-guest");
}

// What a hostile caller may send: valid requests with something broken, and noise.
std::string hostile(std::mt19937& random)
{
    static const std::array<std::string, 20> words{"isolate",
                                                   "off",
                                                   web1,
                                                   db1,
                                                   "../system.slice",
                                                   "/sys/fs/cgroup/system.slice",
                                                   "..",
                                                   "vcpu0=8",
                                                   "vcpu0=0-7",
                                                   "vcpu0=2",
                                                   "vcpu1=2",
                                                   "idle=0-7",
                                                   "idle=3",
                                                   "emulator=0-7",
                                                   "vcpu0=0-16383",
                                                   "vcpu99=1",
                                                   "vcpu0=../../x",
                                                   "virtpind-idle=1",
                                                   R"(machine-qemu\x2d9\x2dx\x2f\x2e\x2e.scope)",
                                                   "vcpu0=8\nisolate"};
    const auto pick = [&random](std::size_t count) { return random() % count; };
    std::string line = pick(4) != 0 ? "isolate " + (pick(2) != 0 ? web1 : db1) : std::string{};
    for (auto i = pick(5); i > 0; --i) {
        line += (line.empty() ? "" : " ") + words.at(pick(words.size()));
    }
    if (pick(3) == 0 && !line.empty()) {
        line[pick(line.size())] = static_cast<char>(pick(256));
    }
    return pick(50) == 0 ? std::string(pick(100'000), 'x') : line;
}

// All files of the tree but those that a granted request may change.
std::map<std::string, std::string> others(const PlayedGroups& host)
{
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{host.path("")}) {
        const auto name = entry.path().filename().native();
        if (entry.is_regular_file() && name != "cpuset.cpus.exclusive" &&
            name != "cpuset.cpus.partition") {
            files.emplace(entry.path().native(), host.text(entry.path().native()));
        }
    }
    return files;
}

TEST(IsolateSession, WithstandsAThousandHostileRequests)
{
    PlayedGroups host;
    host.add_guest(web1, {{"vcpu0", "2-3"}, {"vcpu1", "2"}, {"emulator", "0-7"}});
    host.add_guest(db1, {{"vcpu0", "4-5"}});
    host.write("system.slice/cpuset.cpus.exclusive", "");
    host.write("system.slice/cpuset.cpus.partition", "member");
    const auto before = others(host);
    std::mt19937 random{20240117};
    for (auto i = 0; i < 1000; ++i) {
        const auto line = hostile(random);
        const auto answer = ask(host, line);
        ASSERT_TRUE(parse_isolation_answer(answer)) << line << '\n' << answer;
        const auto held = host.text("machine.slice/cpuset.cpus.exclusive");
        ASSERT_FALSE(CpuSet::parse(held).value().intersects(CpuSet{CpuId{0}, CpuId{1}})) << line;
    }
    EXPECT_EQ(others(host), before);
    EXPECT_EQ(host.text("system.slice/cpuset.cpus.partition"), "member");
    EXPECT_EQ(host.text("system.slice/cpuset.cpus.exclusive"), "");
    EXPECT_EQ(ask(host, "isolate " + web1 + " vcpu1=2"), "isolated 2");
}

struct Pair {
    Pair()
    {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        ours = loop::UniqueFd{ends[0]};
        theirs = loop::UniqueFd{ends[1]};
    }

    loop::UniqueFd ours;
    loop::UniqueFd theirs;
};

TEST(IsolateSession, TakesOneLineAndWaitsForNobody)
{
    Pair good;
    ASSERT_TRUE(send_line(good.theirs.get(), "isolate x", 1s));
    EXPECT_EQ(receive_line(good.ours.get(), 1s).value(), "isolate x");

    Pair silent;
    EXPECT_EQ(receive_line(silent.ours.get(), 20ms).error().code, Errc::timed_out);

    Pair ended;
    ASSERT_EQ(::write(ended.theirs.get(), "isolate", 7), 7);
    ended.theirs = {};
    EXPECT_EQ(receive_line(ended.ours.get(), 1s).error().code, Errc::invalid_argument);

    Pair two;
    ASSERT_EQ(::write(two.theirs.get(), "a\nb\n", 4), 4);
    EXPECT_EQ(receive_line(two.ours.get(), 1s).error().code, Errc::invalid_argument);

    Pair deaf;
    deaf.theirs = {};
    EXPECT_EQ(send_line(deaf.ours.get(), "x", 1s).error().code, Errc::host_unavailable);
}

TEST(IsolateSession, TakesNoEndlessLine)
{
    Pair flood;
    std::jthread sender{[&flood](const std::stop_token&) {
        (void)send_line(flood.theirs.get(), std::string(1'000'000, 'x'), 1s);
    }};
    EXPECT_EQ(receive_line(flood.ours.get(), 5s).error().code, Errc::limits_exceeded);
    flood.ours = {};
}

} // namespace
} // namespace virtpind
