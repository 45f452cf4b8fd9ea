// SPDX-License-Identifier: LGPL-2.1-or-later
// Who was at work when a process died: the file outlives the object, as it outlives a process.
#include "daemon/state/crash_guard.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>

namespace virtpind {
namespace {

namespace fs = std::filesystem;

const DomainUuid first{"11111111-2222-4333-8444-555555555555"};
const DomainUuid second{"66666666-7777-4888-9999-aaaaaaaaaaaa"};

class Guard : public testing::Test {
protected:
    // A start that ends by itself, in a process of its own.
    void die(const std::function<void(CrashGuard&)>& doing, const std::string& version = "1")
    {
        const auto child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            CrashGuard guard{dir_, version};
            doing(guard);
            ::_exit(0); // no destructor runs
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }

    void die_at(const DomainUuid& domain)
    {
        die([&domain](CrashGuard& guard) { guard.main().at(domain); });
    }

    [[nodiscard]] bool leaves_alone(const DomainUuid& domain, std::string_view definition = "<a/>")
    {
        CrashGuard guard{dir_, "1"};
        return guard.suspects(domain) && guard.leaves_alone(domain, definition);
    }

    [[nodiscard]] fs::path file() const { return dir_ / "crash-guard"; }

    const test::TemporaryFolder folder_;
    const fs::path dir_ = folder_.path();
};

TEST_F(Guard, LeavesADomainAloneAfterThreeDeathsInARow)
{
    die_at(first);
    die_at(first);
    die_at(first);
    CrashGuard guard{dir_, "1"};
    ASSERT_EQ(guard.to_tell().size(), 1U);
    EXPECT_NE(guard.to_tell().front().find(first.str()), std::string::npos);
    EXPECT_TRUE(guard.suspects(first));
    EXPECT_TRUE(guard.leaves_alone(first, "<a/>"));
    EXPECT_FALSE(guard.suspects(second));
    guard.pass_gone_through();
    EXPECT_TRUE(guard.leaves_alone(first, "<a/>")) << "it was left out of that pass";
}

TEST_F(Guard, CountsDeathsOfEitherThread)
{
    die([](CrashGuard& guard) { guard.worker().at(first); });
    die_at(first);
    die([](CrashGuard& guard) { guard.worker().at(first); });
    EXPECT_TRUE(leaves_alone(first));
}

TEST_F(Guard, TwoDeathsAreNotEnough)
{
    die_at(first);
    die_at(first);
    EXPECT_FALSE(leaves_alone(first));
}

TEST_F(Guard, CountsInARowOnly)
{
    die_at(first);
    die_at(first);
    die_at(second);
    die_at(first);
    EXPECT_FALSE(leaves_alone(first));
    // Nobody at work.
    die_at(first);
    die([](CrashGuard&) {});
    die_at(first);
    EXPECT_FALSE(leaves_alone(first));
}

TEST_F(Guard, DoesNotCountTurnsThatEnded)
{
    for (int start = 0; start < 4; ++start) {
        die([](CrashGuard& guard) {
            {
                const Attempt attempt{&guard.main(), first};
            }
            {
                const Attempt attempt{&guard.worker(), first};
            }
        });
    }
    EXPECT_FALSE(leaves_alone(first));
}

TEST_F(Guard, ForgetsDeathsOnceAPassHasGoneThrough)
{
    die_at(first);
    die_at(first);
    die([](CrashGuard& guard) { guard.pass_gone_through(); });
    die_at(first);
    EXPECT_FALSE(leaves_alone(first));
}

TEST_F(Guard, WritesNothingOnceAPassHasGoneThrough)
{
    CrashGuard guard{dir_, "1"};
    guard.pass_gone_through();
    std::ostringstream before;
    before << std::ifstream{file()}.rdbuf();
    guard.main().at(first);
    std::ostringstream after;
    after << std::ifstream{file()}.rdbuf();
    EXPECT_EQ(before.str(), after.str());
}

// A file that is open for writing keeps its file system from being made read-only.
TEST_F(Guard, HasNothingOpenOnceAPassHasGoneThrough)
{
    const auto is_open = [this] {
        for (const auto& entry : fs::directory_iterator{"/proc/self/fd"}) {
            std::error_code gone;
            if (fs::read_symlink(entry.path(), gone) == fs::canonical(dir_) / "crash-guard") {
                return true;
            }
        }
        return false;
    };
    die_at(first);
    CrashGuard guard{dir_, "1"};
    EXPECT_TRUE(is_open());
    guard.pass_gone_through();
    EXPECT_FALSE(is_open());
    guard.main().at(first);
    guard.look_anew(second);
    EXPECT_FALSE(is_open());
}

// Its lines are written by two threads while one of them opens and closes it; seen by the thread
// sanitizer.
TEST_F(Guard, IsOpenedAndClosedWhileTheOtherThreadWrites)
{
    die_at(first);
    for (int turn = 0; turn < 20; ++turn) {
        CrashGuard guard{dir_, "1"};
        std::atomic<bool> started = false;
        std::atomic<bool> ended = false;
        std::thread other{[&] {
            do {
                const Attempt attempt{&guard.worker(), second};
                started = true;
            } while (!ended);
            [[maybe_unused]] const auto alone = guard.leaves_alone(first, "<a/>");
        }};
        while (!started) {
            std::this_thread::yield();
        }
        guard.pass_gone_through();
        ended = true;
        guard.look_anew(first);
        guard.pass_gone_through();
        other.join();
    }
}

// What is marked when it is closed is not marked for the next start.
TEST_F(Guard, ForgetsWhoIsAtWorkWhenAPassHasGoneThrough)
{
    for (int start = 0; start < 4; ++start) {
        die([](CrashGuard& guard) {
            guard.worker().at(first);
            guard.pass_gone_through();
        });
    }
    EXPECT_FALSE(leaves_alone(first));
}

TEST_F(Guard, GivesAnotherDefinitionAnotherChance)
{
    die_at(first);
    die_at(first);
    die_at(first);
    EXPECT_TRUE(leaves_alone(first, "<a/>"));
    EXPECT_TRUE(leaves_alone(first, "<a/>")) << "for as many starts as come";
    EXPECT_FALSE(leaves_alone(first, "<b/>"));
    EXPECT_FALSE(leaves_alone(first, "<a/>")) << "and counts anew";
}

TEST_F(Guard, GivesWhomSomebodyAsksForAnotherChance)
{
    die_at(first);
    die_at(first);
    die_at(first);
    die([](CrashGuard& guard) { guard.look_anew(first); });
    EXPECT_FALSE(leaves_alone(first));
    die([](CrashGuard& guard) {
        guard.pass_gone_through();
        guard.main().at(first); // which nobody hears
    });
    EXPECT_FALSE(leaves_alone(first));
}

TEST_F(Guard, HearsOfWhomSomebodyAskedForAfterAPass)
{
    die_at(first);
    die_at(first);
    die_at(first);
    for (int start = 0; start < 3; ++start) {
        die([start](CrashGuard& guard) {
            guard.pass_gone_through();
            if (start == 0) {
                guard.look_anew(first);
            }
            guard.main().at(first);
        });
    }
    CrashGuard guard{dir_, "1"};
    EXPECT_FALSE(guard.suspects(second));
}

TEST_F(Guard, AnotherVersionStartsAnew)
{
    die_at(first);
    die_at(first);
    die_at(first);
    CrashGuard guard{dir_, "2"};
    EXPECT_FALSE(guard.suspects(first));
    EXPECT_TRUE(guard.to_tell().empty());
}

TEST_F(Guard, EndsInOrder)
{
    for (int start = 0; start < 4; ++start) {
        CrashGuard guard{dir_, "1"};
        guard.main().at(first);
    }
    EXPECT_FALSE(leaves_alone(first));
}

TEST_F(Guard, TakesNothingElseForItsFile)
{
    for (const auto* content :
         {"", "x", "virtpind crash-guard 1 1\n", "virtpind crash-guard 9", "\xff\xfe\x00"}) {
        std::ofstream{file(), std::ios::trunc} << content;
        EXPECT_FALSE(leaves_alone(first)) << content;
    }
    std::ofstream{file(), std::ios::trunc} << std::string(1U << 20U, '\n');
    EXPECT_FALSE(leaves_alone(first));
    EXPECT_LE(fs::file_size(file()), 64U * CrashGuard::line_bytes);
}

TEST_F(Guard, CountsABoundedNumberOfDomains)
{
    std::string text = "virtpind crash-guard 1 1";
    const auto line = [&text](const std::string& content) {
        text += content;
        text.resize((text.size() + CrashGuard::line_bytes - 1) / CrashGuard::line_bytes *
                        CrashGuard::line_bytes,
                    ' ');
    };
    line("");
    line(first.str());
    line("-");
    for (int i = 0; i < 1000; ++i) {
        line("00000000-0000-4000-8000-" + std::to_string(100'000'000'000 + i) + " 3 0");
    }
    std::ofstream{file()} << text;
    {
        const CrashGuard guard{dir_, "1"};
    }
    EXPECT_LE(fs::file_size(file()), (3 + CrashGuard::domains_max + 1) * CrashGuard::line_bytes);
    EXPECT_FALSE(leaves_alone(first));
}

TEST_F(Guard, DoesNotFollowALink)
{
    const auto target = dir_ / "precious";
    std::ofstream{target} << "mine";
    fs::create_symlink(target, file());
    CrashGuard guard{dir_, "1"};
    EXPECT_EQ(guard.to_tell().size(), 1U);
    guard.main().at(first);
    EXPECT_EQ(fs::file_size(target), 4U);
    EXPECT_FALSE(guard.suspects(first));
}

TEST_F(Guard, DoesNotWaitForAPipe)
{
    ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
    const CrashGuard guard{dir_, "1"};
    EXPECT_EQ(guard.to_tell().size(), 1U);
}

TEST_F(Guard, DoesWithoutADirectory)
{
    const CrashGuard guard{"/proc/none", "1"};
    EXPECT_EQ(guard.to_tell().size(), 1U);
}

} // namespace
} // namespace virtpind
