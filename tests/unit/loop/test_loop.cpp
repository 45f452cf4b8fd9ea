// SPDX-License-Identifier: LGPL-2.1-or-later
// Loop, timer, mailbox and worker with real threads; also run under TSan.
#include "daemon/loop/worker.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <vector>

namespace virtpind::loop {
namespace {

using namespace std::chrono_literals;

class Loop : public testing::Test {
protected:
    // A test that hangs ends here with a code of its own.
    int run()
    {
        deadline_.start(10s);
        return loop_.run();
    }

    EventLoop loop_ = *EventLoop::create();
    Timer deadline_{loop_, [this] { loop_.stop(99); }};
};

TEST_F(Loop, TimerFiresOnceAndCanBeStartedAgainFromItsCallback)
{
    int fired = 0;
    Timer* again = nullptr;
    Timer timer{loop_, [this, &fired, &again] {
                    if (++fired == 3) {
                        loop_.stop(7);
                    } else {
                        again->start(1ms);
                    }
                }};
    again = &timer;
    timer.start(1ms);
    EXPECT_TRUE(timer.running());
    EXPECT_EQ(run(), 7);
    EXPECT_EQ(fired, 3);
    EXPECT_FALSE(timer.running());
}

TEST_F(Loop, StoppedTimerDoesNotFire)
{
    Timer stopped{loop_, [this] { loop_.stop(1); }};
    Timer end{loop_, [this] { loop_.stop(0); }};
    stopped.start(1ms);
    end.start(20ms);
    stopped.stop();
    EXPECT_EQ(run(), 0);
}

TEST_F(Loop, TimerHasItsTurnBesideABusThatIsNeverQuiet)
{
    const UniqueFd busy{::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)}; // never read: always ready
    int calls = 0;
    const auto bus = loop_.watch_fd(busy.get(), EPOLLIN, Priority::bus, [&](std::uint32_t) {
        if (++calls == 100'000) {
            loop_.stop(1);
        }
    });
    Timer timer{loop_, [this] { loop_.stop(0); }};
    timer.start(1ms);
    EXPECT_EQ(run(), 0);
}

TEST_F(Loop, ThrowingCallbackEndsTheLoopWithAnError)
{
    Timer thrower{loop_, [] { throw std::runtime_error{"a broken invariant"}; }};
    thrower.start(1us);
    EXPECT_EQ(run(), -EIO);
    EXPECT_EQ(loop_.failure(), "a broken invariant");
}

TEST_F(Loop, MailboxKeepsTheOrderOfEachSenderAndLosesNothing)
{
    constexpr int per_sender = 1000;
    constexpr int senders = 4;
    std::vector<int> last(senders, -1);
    int received = 0;
    bool ordered = true;
    Mailbox<std::pair<int, int>> box{
        loop_, senders * per_sender, Priority::host,
        [this, &last, &received, &ordered](std::pair<int, int> letter) {
            auto& previous = last[static_cast<std::size_t>(letter.first)];
            ordered = ordered && letter.second == previous + 1;
            previous = letter.second;
            if (++received == senders * per_sender) {
                loop_.stop(0);
            }
        }};
    std::vector<std::jthread> threads;
    for (int sender = 0; sender < senders; ++sender) {
        threads.emplace_back([&box, sender] {
            for (int i = 0; i < per_sender; ++i) {
                EXPECT_EQ(box.post({sender, i}), Posted::stored);
            }
        });
    }
    EXPECT_EQ(run(), 0);
    EXPECT_TRUE(ordered);
}

TEST_F(Loop, FullMailboxRefusesAndTakesAgainWhenDrained)
{
    std::vector<int> got;
    Mailbox<int> box{loop_, 2, Priority::host, [this, &got](int value) {
                         got.push_back(value);
                         if (value == 4) {
                             loop_.stop(0);
                         }
                     }};
    Timer later{loop_, [&box] { EXPECT_EQ(box.post(4), Posted::stored); }};
    EXPECT_EQ(box.post(1), Posted::stored);
    EXPECT_EQ(box.post(2), Posted::stored);
    EXPECT_EQ(box.post(3), Posted::full);
    later.start(1ms);
    EXPECT_EQ(run(), 0);
    EXPECT_EQ(got, (std::vector<int>{1, 2, 4}));
}

TEST_F(Loop, WorkerRunsJobsInOrderOnItsThreadAndCompletionsOnOurs)
{
    const auto main_thread = std::this_thread::get_id();
    std::vector<int> done;
    Worker worker{loop_, "test-worker", 100};
    for (int i = 0; i < 100; ++i) {
        const auto posted = worker.submit([this, i, main_thread, &done] {
            EXPECT_NE(std::this_thread::get_id(), main_thread);
            return [this, i, main_thread, &done] {
                EXPECT_EQ(std::this_thread::get_id(), main_thread);
                done.push_back(i);
                if (i == 99) {
                    loop_.stop(0);
                }
            };
        });
        ASSERT_EQ(posted, Posted::stored);
    }
    EXPECT_EQ(worker.submit([] { return [] {}; }), Posted::full);
    EXPECT_EQ(run(), 0);
    EXPECT_EQ(done.size(), 100U);
    EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
    EXPECT_EQ(worker.submit([] { return [] {}; }), Posted::stored);
}

TEST_F(Loop, WorkerTellsHowLongItsJobRuns)
{
    std::promise<void> release;
    std::promise<void> started;
    Worker worker{loop_, "test-worker", 4};
    EXPECT_EQ(worker.busy_for(), 0ms);
    ASSERT_EQ(worker.submit([this, &started, go = release.get_future().share()] {
        started.set_value();
        go.wait();
        return [this] { loop_.stop(0); };
    }),
              Posted::stored);
    started.get_future().wait();
    Timer look{loop_, [&worker, &release] {
                   EXPECT_GE(worker.busy_for(), 10ms);
                   release.set_value();
               }};
    look.start(20ms);
    EXPECT_EQ(run(), 0);
}

TEST_F(Loop, WorkerThatSaysItCameFurtherIsNotBusyForLonger)
{
    using Clock = std::chrono::steady_clock;
    std::promise<void> go_further;
    std::promise<Clock::time_point> came_further;
    std::promise<void> release;
    Worker worker{loop_, "test-worker", 4};
    ASSERT_EQ(worker.submit([&, further = go_further.get_future().share(),
                             end = release.get_future().share()] {
        further.wait();
        const auto before = Clock::now();
        worker.note_progress();
        came_further.set_value(before);
        end.wait();
        return [this] { loop_.stop(0); };
    }),
              Posted::stored);
    Timer look{loop_, [&] {
                   EXPECT_GE(worker.busy_for(), 10ms);
                   go_further.set_value();
                   const auto since = came_further.get_future().get();
                   const auto busy = worker.busy_for();
                   EXPECT_LE(busy, Clock::now() - since) << "counted from the last step";
                   release.set_value();
               }};
    look.start(20ms);
    EXPECT_EQ(run(), 0);
    EXPECT_EQ(worker.busy_for(), 0ms);
}

TEST_F(Loop, JobOfOursWaitsForOneOfCallersAtMost)
{
    std::promise<void> all_submitted;
    std::string order; // the worker's, until all is done
    int completed = 0;
    Worker worker{loop_, "test-worker", 8};
    const auto submit = [&](
                            char name, Worker::Lane lane, std::function<void()> work = [] {}) {
        ASSERT_EQ(worker.submit(
                      [&, name, work = std::move(work)]() -> Worker::Completion {
                          work();
                          order += name;
                          return [&] {
                              if (++completed == 7) {
                                  loop_.stop(0);
                              }
                          };
                      },
                      lane),
                  Posted::stored);
    };
    submit('o', Worker::Lane::own, [&] { all_submitted.get_future().wait(); });
    for (const auto name : {'1', '2', '3', '4'}) {
        submit(name, Worker::Lane::callers);
    }
    submit('p', Worker::Lane::own);
    submit('q', Worker::Lane::own);
    all_submitted.set_value();
    EXPECT_EQ(run(), 0);
    EXPECT_EQ(order, "o1p2q34");
}

TEST_F(Loop, ExceptionInAJobEndsTheLoop)
{
    Worker worker{loop_, "test-worker", 4};
    ASSERT_EQ(worker.submit([]() -> Worker::Completion { throw std::runtime_error{"broken"}; }),
              Posted::stored);
    EXPECT_EQ(run(), -EIO);
}

TEST_F(Loop, WorkerWithWaitingJobsEndsCleanly)
{
    std::promise<void> started;
    std::atomic<int> ran{0};
    {
        Worker worker{loop_, "test-worker", 10};
        std::promise<void> release;
        ASSERT_EQ(worker.submit([&started, &ran, go = release.get_future().share()] {
            started.set_value();
            go.wait();
            ++ran;
            return [] {};
        }),
                  Posted::stored);
        for (int i = 0; i < 5; ++i) {
            ASSERT_EQ(worker.submit([&ran] {
                ++ran;
                return [] {};
            }),
                      Posted::stored);
        }
        started.get_future().wait();
        release.set_value();
    }
    EXPECT_GE(ran, 1);
}

} // namespace
} // namespace virtpind::loop
