// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fault_plan.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <string>
#include <string_view>

namespace fault {
namespace {

struct FaultPlan {
    std::string action;
    unsigned first = 0;
    unsigned count = 0;
    std::string calls;
    long delay_ms = 0;
};

std::mutex mutex;
constinit FaultPlan
    plan; // guarded by mutex; the time may be asked for before this library is set up

struct stat plan_file {}; // guarded by mutex

unsigned calls_seen = 0;                   // guarded by mutex
std::atomic<long> clock_offset{0};         // in ms
std::atomic<int> clock_timer{-1};          // the one that the kernel cancels when the clock is set
std::atomic<bool> clock_is_watched{false}; // until it was set, and again when the timer was
std::atomic<bool> clock_is_news{false};    // which its reader has yet to hear
constexpr long never = -1;
std::atomic<long> kill_after_ms{never}; // libvirt's next request

const char* plan_path()
{
    static const char* const path = std::getenv("VIRTPIND_FAULT_PLAN");
    return path;
}

bool same_file(const struct stat& a, const struct stat& b)
{
    return a.st_ino == b.st_ino && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
           a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

void read_plan()
{
    struct stat now {};

    const auto there = plan_path() != nullptr && ::stat(plan_path(), &now) == 0;
    if (there && same_file(now, plan_file)) {
        return;
    }
    plan_file = now;
    plan = FaultPlan{}; // without a plan nothing goes wrong
    calls_seen = 0;
    clock_offset = 0;
    kill_after_ms = never;
    if (!there) {
        return;
    }
    if (auto* file = std::fopen(plan_path(), "re")) {
        std::array<char, 16> action{};
        std::array<char, 256> calls{};
        if (std::fscanf(file, "%15s %u %u %255s %ld", action.data(), &plan.first, &plan.count,
                        calls.data(), &plan.delay_ms) >= 4) {
            plan.action = action.data();
            plan.calls = calls.data();
        }
        std::fclose(file);
    }
}

bool is_counted(std::string_view call)
{
    if (plan.calls == "all") {
        return true;
    }
    std::string_view prefixes = plan.calls;
    while (!prefixes.empty()) {
        const auto prefix = prefixes.substr(0, prefixes.find(','));
        if (call.starts_with(prefix)) {
            return true;
        }
        prefixes.remove_prefix(std::min(prefix.size() + 1, prefixes.size()));
    }
    return false;
}

void log_call(std::string_view call)
{
    const auto path = std::string{plan_path()} + ".log";
    const int fd =
        open_file(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600, AT_FDCWD);
    if (fd >= 0) {
        const auto line = std::string{call} + "\n";
        [[maybe_unused]] const auto written = write_file(fd, line.data(), line.size());
        ::close(fd);
    }
}

void sleep_ms(long milliseconds)
{
    const timespec pause{.tv_sec = milliseconds / 1000,
                         .tv_nsec = (milliseconds % 1000) * 1'000'000};
    ::nanosleep(&pause, nullptr);
}

bool is_in_force(const struct stat& file)
{
    struct stat now {};

    return ::stat(plan_path(), &now) == 0 && same_file(now, file);
}

void wait_in_call(const struct stat& file, long most_ms)
{
    constexpr long step_ms = 10;
    if (most_ms == 0) {
        return;
    }
    const auto mark = std::string{plan_path()} + ".open";
    const int fd = open_file(mark.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600, AT_FDCWD);
    for (long waited = 0; waited < most_ms && is_in_force(file); waited += step_ms) {
        sleep_ms(step_ms);
    }
    ::close(fd);
    ::syscall(SYS_unlinkat, AT_FDCWD, mark.c_str(), 0);
}

void kill_now()
{
    ::kill(::getpid(), SIGKILL);
}

// Cannot be cancelled from here but made due, which wakes its reader as well.
void make_due(int timer)
{
    itimerspec now{};
    now.it_value.tv_nsec = 1;
    ::syscall(SYS_timerfd_settime, timer, 0, &now, nullptr);
}

void look_for_jump()
{
    const std::lock_guard lock{mutex};
    read_plan();
    if (plan.action == "jump" && clock_offset != plan.delay_ms) {
        clock_offset = plan.delay_ms;
        if (clock_is_watched.exchange(false)) {
            clock_is_news = true;
            make_due(clock_timer);
        }
    }
}

} // namespace

int open_file(const char* path, int flags, mode_t mode, int dir)
{
    return static_cast<int>(::syscall(SYS_openat, dir, path, flags, mode));
}

ssize_t write_file(int fd, const void* data, std::size_t size)
{
    return ::syscall(SYS_write, fd, data, size);
}

bool meets_fault(const char* call)
{
    long delay_ms = 0;

    struct stat file {};

    {
        const std::lock_guard lock{mutex};
        read_plan();
        kill_after_ms = never; // the call that was to be met has returned without a request
        if (plan.action.empty() || plan.action == "jump" || !is_counted(call)) {
            return false;
        }
        ++calls_seen;
        log_call(call);
        const auto met =
            calls_seen >= plan.first && (plan.count == 0 || calls_seen - plan.first < plan.count);
        if (!met) {
            return false;
        }
        if (plan.action == "kill") {
            kill_now();
        }
        if (plan.action == "kill-in") {
            kill_after_ms = plan.delay_ms;
            return false;
        }
        if (plan.action == "fail") {
            return true;
        }
        delay_ms = plan.delay_ms;
        file = plan_file;
    }
    wait_in_call(file, delay_ms);
    return false;
}

bool is_kill_awaited()
{
    return kill_after_ms != never;
}

void kill_after_request()
{
    sleep_ms(kill_after_ms);
    kill_now();
}

void kill_if_awaited()
{
    if (is_kill_awaited()) {
        kill_now();
    }
}

bool is_planned()
{
    return plan_path() != nullptr;
}

long clock_offset_ms()
{
    look_for_jump();
    return clock_offset;
}

void watch_clock(int timer)
{
    clock_timer = timer;
    clock_is_watched = true;
}

bool clock_was_set(int timer)
{
    return timer == clock_timer && clock_is_news.exchange(false);
}

} // namespace fault
