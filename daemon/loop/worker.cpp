// SPDX-License-Identifier: LGPL-2.1-or-later
#include "worker.hpp"

#include <pthread.h>

#include <exception>

namespace virtpind::loop {

namespace {

std::int64_t steady_now_ns()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// An exception is rethrown where the completion runs.
Worker::Completion run_job(const Worker::Job& job)
{
    try {
        return job();
    } catch (...) {
        return [failure = std::current_exception()] { std::rethrow_exception(failure); };
    }
}

} // namespace

Worker::Worker(EventLoop& loop, std::string name, std::size_t capacity)
    : capacity_{capacity}
    , completions_{loop, capacity, Priority::host,
                   [this](const Completion& done) {
                       --outstanding_;
                       done();
                   }}
    , thread_{[this, thread_name = std::move(name)](const std::stop_token& stop) {
        pthread_setname_np(pthread_self(), thread_name.c_str());
        run(stop);
    }}
{}

Posted Worker::submit(Job job, Lane lane)
{
    if (outstanding_ >= capacity_) {
        return Posted::full;
    }
    ++outstanding_;
    {
        const std::lock_guard lock{mutex_};
        (lane == Lane::own ? own_ : callers_).push_back(std::move(job));
    }
    wake_.notify_one();
    return Posted::stored;
}

void Worker::note_progress() noexcept
{
    job_started_ = steady_now_ns();
}

std::chrono::milliseconds Worker::busy_for() const
{
    const auto started = job_started_.load();
    if (started == 0) {
        return std::chrono::milliseconds{0};
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::nanoseconds{steady_now_ns() - started});
}

Worker::Job Worker::take_next()
{
    const auto callers = own_.empty() || (callers_turn_ && !callers_.empty());
    callers_turn_ = !callers;
    auto& lane = callers ? callers_ : own_;
    auto job = std::move(lane.front());
    lane.pop_front();
    return job;
}

void Worker::run(const std::stop_token& stop)
{
    for (;;) {
        Job job;
        {
            std::unique_lock lock{mutex_};
            if (!wake_.wait(lock, stop, [this] { return !own_.empty() || !callers_.empty(); })) {
                return;
            }
            if (stop.stop_requested()) {
                return;
            }
            job = take_next();
        }
        job_started_ = steady_now_ns();
        auto done = run_job(job);
        job_started_ = 0;
        // Never full: `capacity_` bounds jobs and completions together.
        [[maybe_unused]] const auto posted = completions_.post(std::move(done));
    }
}

} // namespace virtpind::loop
