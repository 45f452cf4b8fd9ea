// SPDX-License-Identifier: LGPL-2.1-or-later
// The reconciler and the controller on a libvirt in memory, for their tests.
#pragma once

#include "daemon/reconcile/caller_errors.hpp"
#include "daemon/reconcile/controller.hpp"
#include "daemon/reconcile/reconciler.hpp"
#include "tests/support/fake_host.hpp"
#include "tests/support/topology_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace virtpind::test {

class RecordingSink final : public ViewSink {
public:
    void publish(const ManagerView& view, const std::vector<DomainView>& views) override
    {
        manager = view;
        domains = views;
        ++publications;
    }

    void applied(const DomainUuid& uuid, std::uint64_t /*generation*/, const std::string& result,
                 const OptionMap& applied_details) override
    {
        details = applied_details;
        all_details.emplace_back(uuid, applied_details);
        const auto is_it = [&uuid](const DomainView& view) { return view.uuid == uuid; };
        EXPECT_TRUE(std::any_of(domains.begin(), domains.end(), is_it)) << "told of before shown";
        results.emplace_back(uuid, result);
    }

    ManagerView manager;
    std::vector<DomainView> domains;
    int publications = 0;
    std::vector<std::pair<DomainUuid, std::string>> results;
    OptionMap details; // of the last result
    std::vector<std::pair<DomainUuid, OptionMap>> all_details;
};

// One package, one node, two L3s of four cores with two threads; siblings n and n+8.
inline Topology sixteen_cpus()
{
    return regular_host({.l3s = 2, .cores = 4, .threads = 2});
}

inline Config config_with_default(std::string policy)
{
    Config config;
    config.default_policy = std::move(policy);
    return config;
}

// A domain without a definition, that runs and that nobody has pinned.
inline ObservedDomain& add_transient(FakeHost& host, int number, int id)
{
    auto& domain = host.add(number, "transient", 2, id);
    domain.facts.persistent = false;
    domain.definition.reset();
    domain.running = {.pins = PinSet{}};
    return domain;
}

// Begins the passes of `reconciler` on `host`.
inline void start(Reconciler& reconciler, FakeHost& host, const Config& config,
                  const Topology& topology)
{
    reconciler.on_config(config);
    reconciler.on_topology(std::make_shared<Topology>(topology));
    reconciler.on_event(LibvirtConnected{.uri = "fake:///", .driver = "Fake"});
    host.answer_all();
}

// Requests that wait, with the count of their answers.
struct Requests {
    std::size_t asked = 0;
    std::size_t done = 0;
    std::size_t refused = 0;

    [[nodiscard]] std::size_t waiting() const { return asked - done - refused; }

    void reapply(Controller& controller, std::size_t times)
    {
        for (; times > 0; --times) {
            ++asked;
            controller.reapply(FakeHost::uuid(1), 0, [this](const Result<std::uint64_t>& reply) {
                ++(reply ? done : refused);
                EXPECT_TRUE(reply || reply.error().code == Errc::limits_exceeded);
            });
        }
    }
};

class ReconcilerTest : public testing::Test {
protected:
    void SetUp() override
    {
        reconciler_.show_to(sink_);
        reconciler_.on_config(Config{});
        reconciler_.on_topology(std::make_shared<Topology>(sixteen_cpus()));
    }

    void connect()
    {
        reconciler_.on_event(LibvirtConnected{.uri = "fake:///", .driver = "Fake"});
        host_.answer_all();
    }

    // Takes effect with the next pass.
    void use_by_default(std::string policy)
    {
        reconciler_.on_config(config_with_default(std::move(policy)));
    }

    // What `call` is answered once libvirt has answered all that is asked of it.
    Result<std::uint64_t> answer_to(const std::function<void(Reply<std::uint64_t>)>& call)
    {
        std::optional<Result<std::uint64_t>> got;
        call([&got](Result<std::uint64_t> reply) { got = std::move(reply); });
        host_.answer_all();
        EXPECT_TRUE(got.has_value()) << "no reply";
        return got.value_or(Error{});
    }

    Result<std::uint64_t> set_policy(int number, std::string name, OptionMap options = {},
                                     std::uint64_t flags = 0,
                                     std::optional<std::uint64_t> expect = std::nullopt)
    {
        const SetPolicyRequest request{.uuid = FakeHost::uuid(number),
                                       .policy = std::move(name),
                                       .options = std::move(options),
                                       .flags = flags,
                                       .expect_generation = expect};
        return answer_to([&](auto reply) { controller_.set_policy(request, std::move(reply)); });
    }

    Result<std::uint64_t> reset_policy(int number)
    {
        return answer_to([&](auto reply) {
            controller_.reset_policy(FakeHost::uuid(number), 0, {.name = ":1.7", .uid = 1000},
                                     std::move(reply));
        });
    }

    Result<std::uint64_t> reapply(int number)
    {
        return answer_to(
            [&](auto reply) { controller_.reapply(FakeHost::uuid(number), 0, std::move(reply)); });
    }

    Result<std::uint64_t> hold(int number, const std::string& owner = ":1.7",
                               const std::string& reason = "benchmark")
    {
        return answer_to([&](auto reply) {
            controller_.hold(FakeHost::uuid(number), reason, owner, std::move(reply));
        });
    }

    const DomainRecord& record(int number) { return *reconciler_.find(FakeHost::uuid(number)); }

    ObservedDomain& domain(int number) { return host_.domains.at(FakeHost::uuid(number)); }

    void changed(int number, std::string what = "changed")
    {
        const auto kind = what == "stopped" || what == "undefined" ? DomainChanged::Kind::ended
                                                                   : DomainChanged::Kind::other;
        reconciler_.on_event(
            DomainChanged{.uuid = FakeHost::uuid(number), .what = std::move(what), .kind = kind});
        host_.answer_all();
    }

    // Connects and answers on the loop until the host was looked at `count` times; when that was.
    std::vector<std::chrono::steady_clock::time_point> times_of_looks(std::size_t count)
    {
        using Clock = std::chrono::steady_clock;
        constexpr std::chrono::milliseconds often{5};
        std::vector<Clock::time_point> looks;
        loop::Timer answer{loop_, [&] {
                               if (host_.asked()) {
                                   looks.push_back(Clock::now());
                               }
                               host_.answer_all();
                               if (looks.size() == count) {
                                   loop_.stop(0);
                               } else {
                                   answer.start(often);
                               }
                           }};
        loop::Timer deadline{loop_, [this] { loop_.stop(1); }};
        looks.push_back(Clock::now()); // before, so that no time between two looks is missed
        connect();
        answer.start(often);
        deadline.start(std::chrono::seconds{30});
        if (loop_.run() != 0) {
            throw std::runtime_error{"looked only " + std::to_string(looks.size()) + " times"};
        }
        return looks;
    }

    loop::EventLoop loop_ = *loop::EventLoop::create();
    FakeHost host_;
    RecordingSink sink_;
    Reconciler reconciler_{loop_, host_, "boot", {}};
    std::vector<Reply<std::string>> exports_; // asked for, not answered
    Controller controller_{loop_,
                           host_,
                           reconciler_,
                           {.export_topology =
                                [this](const Plan&, Reply<std::string> reply) {
                                    exports_.push_back(std::move(reply));
                                },
                            .read_config_again = [] { return Result<void>{}; }}};
};

} // namespace virtpind::test
