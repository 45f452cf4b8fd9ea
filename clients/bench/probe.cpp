// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtpind-bench --linux runs in its guest, as the first process there: waits for "go SECONDS"
// on its input, measures, and tells. It ends with its input; as process 1 it powers the guest off.
//
//   R VCPUS             once it runs
//   T US COUNT          timers that woke a thread so late, microseconds rounded up, each vCPU's
//   M CACHE MEMORY      MB/s that the first vCPU copies within a small and within a large buffer
//   C FIRST SECOND NS   how long a cache line takes from one vCPU to the other
//   E                   the end
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int vcpus_max = 8; // that are measured in pairs

int online_vcpus()
{
    return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
}

void run_on(int vcpu)
{
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(static_cast<unsigned>(vcpu), &only);
    pthread_setaffinity_np(pthread_self(), sizeof only, &only);
}

double seconds_since(Clock::time_point begin)
{
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

// How late each timer of a millisecond woke this thread, in microseconds: count by lateness.
std::map<long, long> measure_timers(int vcpu, double seconds)
{
    run_on(vcpu);
    const sched_param priority{.sched_priority = 80};
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority); // where it may; else as it is
    std::map<long, long> late;
    timespec next{};
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (auto left = static_cast<long>(seconds * 1000); left > 0; --left) {
        next.tv_nsec += 1'000'000;
        if (next.tv_nsec >= 1'000'000'000) {
            next.tv_nsec -= 1'000'000'000;
            ++next.tv_sec;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
        timespec now{};
        clock_gettime(CLOCK_MONOTONIC, &now);
        const auto ns = (now.tv_sec - next.tv_sec) * 1'000'000'000 + now.tv_nsec - next.tv_nsec;
        ++late[std::max(0L, (ns + 999) / 1000)];
        if (ns > 1'000'000) { // those that were missed are not made up for
            next = now;
        }
    }
    return late;
}

void tell_timers(double seconds)
{
    const auto count = static_cast<std::size_t>(std::max(1, online_vcpus()));
    std::vector<std::map<long, long>> each(count);
    std::vector<std::thread> threads;
    for (std::size_t vcpu = 0; vcpu < count; ++vcpu) {
        threads.emplace_back([&each, vcpu, seconds] {
            each[vcpu] = measure_timers(static_cast<int>(vcpu), seconds);
        });
    }
    std::map<long, long> all;
    for (std::size_t vcpu = 0; vcpu < count; ++vcpu) {
        threads[vcpu].join();
        for (const auto& [late, times] : each[vcpu]) {
            all[late] += times;
        }
    }
    for (const auto& [late, times] : all) {
        std::printf("T %ld %ld\n", late, times);
    }
}

double copy_rate(std::size_t bytes, double seconds)
{
    std::vector<char> from(bytes / 2, 1);
    std::vector<char> to(bytes / 2, 2);
    const auto begin = Clock::now();
    double copied = 0;
    do {
        std::memcpy(to.data(), from.data(), to.size());
        asm volatile("" : : "r"(to.data()) : "memory"); // it is wanted
        copied += static_cast<double>(bytes);           // read and written
    } while (seconds_since(begin) < seconds);
    return copied / seconds_since(begin) / 1e6;
}

void tell_copies(double seconds)
{
    std::thread{[seconds] {
        run_on(0);
        const auto cache = copy_rate(256U << 10U, seconds / 2);
        const auto memory = copy_rate(64U << 20U, seconds / 2);
        std::printf("M %.0f %.0f\n", cache, memory);
    }}.join();
}

// Nanoseconds one way; the lower quartile of many short rounds, since a vCPU may be away in some.
double hand_over(int first, int second)
{
    constexpr int rounds = 200;
    constexpr int turns = 50;
    alignas(128) std::atomic<int> turn{0};
    std::thread other{[&turn, second] {
        run_on(second);
        for (int step = 1; step < 2 * rounds * turns; step += 2) {
            while (turn.load(std::memory_order_acquire) != step) {
            }
            turn.store(step + 1, std::memory_order_release);
        }
    }};
    std::vector<double> each;
    std::thread{[&turn, &each, first] {
        run_on(first);
        int step = 0;
        for (int round = 0; round < rounds; ++round) {
            const auto begin = Clock::now();
            for (int one = 0; one < turns; ++one, step += 2) {
                turn.store(step + 1, std::memory_order_release);
                while (turn.load(std::memory_order_acquire) != step + 2) {
                }
            }
            each.push_back(seconds_since(begin) * 1e9 / (2 * turns));
        }
    }}.join();
    other.join();
    std::sort(each.begin(), each.end());
    return each[each.size() / 4];
}

void tell_pairs()
{
    const auto count = std::min(vcpus_max, online_vcpus());
    for (int first = 0; first < count; ++first) {
        for (int second = first + 1; second < count; ++second) {
            std::printf("C %d %d %.1f\n", first, second, hand_over(first, second));
        }
    }
}

void measure(double seconds)
{
    tell_timers(seconds / 2);
    tell_copies(seconds / 2);
    tell_pairs();
    std::puts("E");
    std::fflush(stdout);
}

} // namespace

int main()
{
    const auto is_init = getpid() == 1;
    if (is_init) {
        // The number of CPUs is read there.
        mount("sysfs", "/sys", "sysfs", 0, nullptr);
        mount("proc", "/proc", "proc", 0, nullptr);
    }
    termios line{};
    if (tcgetattr(STDIN_FILENO, &line) == 0) {
        cfmakeraw(&line);
        line.c_oflag |= OPOST | ONLCR;
        tcsetattr(STDIN_FILENO, TCSANOW, &line);
    }
    std::printf("R %d\n", online_vcpus());
    std::fflush(stdout);
    std::array<char, 64> order{};
    double seconds = 0;
    while (std::fgets(order.data(), static_cast<int>(order.size()), stdin) != nullptr) {
        if (std::sscanf(order.data(), "go %lf", &seconds) == 1 && seconds > 0 && seconds <= 600) {
            measure(seconds);
        }
    }
    if (is_init) {
        reboot(RB_POWER_OFF);
    }
    return 0;
}
