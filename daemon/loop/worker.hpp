// SPDX-License-Identifier: LGPL-2.1-or-later
// One thread for blocking jobs, in order. A job runs there and returns a completion, which then
// runs on the main thread; the two share nothing else.
#pragma once

#include "mailbox.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace virtpind::loop {

class Worker {
public:
    using Completion = std::function<void()>;
    using Job = std::function<Completion()>;

    // `name` is the thread's name as `ps -L` shows it (15 characters at most). At most `capacity`
    // jobs may be waiting, running, or done with their completion still to run. An exception from a
    // job is a broken invariant: it is rethrown on the main thread, where it ends the loop.
    Worker(EventLoop& loop, std::string name, std::size_t capacity);
    // Finishes the running job, drops the waiting ones and the completions.
    ~Worker() = default;

    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Main thread. `full`: the job was refused and will not run. Jobs of one lane run in the order
    // in which they came; while both have some, the lanes take turns.
    enum class Lane { own, callers };
    [[nodiscard]] Posted submit(Job job, Lane lane = Lane::own);

    // The running job calls this, on its thread, after each step.
    void note_progress() noexcept;

    // The time since the running job began or last called it; zero when idle. The watchdog
    // asks.
    [[nodiscard]] std::chrono::milliseconds busy_for() const;

private:
    void run(const std::stop_token& stop);
    [[nodiscard]] Job take_next();

    const std::size_t capacity_;
    std::size_t outstanding_ = 0; // main thread only
    Mailbox<Completion> completions_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    // Guarded by mutex_.
    std::deque<Job> own_;
    std::deque<Job> callers_;
    bool callers_turn_ = false;
    std::atomic<std::int64_t> job_started_{0}; // steady clock, ns; 0: idle
    std::jthread thread_;                      // last: starts when all else is ready, joins first
};

} // namespace virtpind::loop
