// SPDX-License-Identifier: LGPL-2.1-or-later
// LibvirtClient on libvirt's built-in test driver, in this process. A second connection of the test
// plays virsh: test:///default is one host for all connections of a process.
#pragma once

#include "daemon/libvirt/client.hpp"
#include "daemon/libvirt/error.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace virtpind::test {

inline const DomainUuid web1{"11111111-2222-3333-4444-555555555555"};

inline std::string domain_xml(const std::string& inside)
{
    return "<domain type='test'><name>web1</name><uuid>" + web1.str() +
           "</uuid><memory unit='KiB'>65536</memory><vcpu current='2'>4</vcpu>"
           "<iothreads>1</iothreads>" +
           inside + "<os><type>hvm</type></os></domain>";
}

class LibvirtClientTest : public testing::Test {
protected:
    void SetUp() override { start("test:///default"); }

    void TearDown() override { host_.reset(); }

    void start(const std::string& uri)
    {
        host_.emplace(loop_, LibvirtClient::Settings{.uri = uri, .state_dir = folder_.path()},
                      PolicyCatalog{},
                      [this](LibvirtEvent event) { events_.push_back(std::move(event)); });
    }

    // Runs the main loop until `done`; false after ten seconds.
    bool wait_until(const std::function<bool()>& done)
    {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (!done()) {
            if (std::chrono::steady_clock::now() > deadline) {
                return false;
            }
            EXPECT_GE(sd_event_run(loop_.raw(), 100'000), 0);
        }
        return true;
    }

    template <class T>
    T answer_of(const std::function<void(std::function<void(T)>)>& ask)
    {
        std::optional<T> answer;
        ask([&answer](T value) { answer = std::move(value); });
        EXPECT_FALSE(answer) << "answered before the call returned";
        if (!wait_until([&answer] { return answer.has_value(); })) {
            throw std::runtime_error{"no answer"};
        }
        return std::move(*answer);
    }

    template <class Event>
    [[nodiscard]] const Event* find_event() const
    {
        for (const auto& event : events_) {
            if (const auto* found = std::get_if<Event>(&event)) {
                return found;
            }
        }
        return nullptr;
    }

    [[nodiscard]] bool heard(const std::string& what) const
    {
        return std::any_of(events_.begin(), events_.end(), [&what](const LibvirtEvent& event) {
            const auto* change = std::get_if<DomainChanged>(&event);
            return change != nullptr && change->uuid == web1 && change->what == what;
        });
    }

    void connect()
    {
        host_->connect();
        ASSERT_TRUE(wait_until([this] { return find_event<LibvirtConnected>() != nullptr; }));
        outside_.reset(virConnectOpen("test:///default"));
        ASSERT_TRUE(outside_);
    }

    // A running and persistent domain, defined by somebody else.
    virDomainPtr connect_and_run(const std::string& inside)
    {
        connect();
        domain_.reset(virDomainDefineXML(outside_.get(), domain_xml(inside).c_str()));
        EXPECT_TRUE(domain_) << last_error().message;
        EXPECT_EQ(virDomainCreate(domain_.get()), 0) << last_error().message;
        return domain_.get();
    }

    ObservedDomain observed(const DomainUuid& uuid)
    {
        const auto observation = answer_of<Result<Observation>>(
            [this](auto done) { host_->observe(ObserveDepth::affinities, std::move(done)); });
        EXPECT_TRUE(observation) << (observation ? "" : observation.error().message);
        for (const auto& domain : observation->domains) {
            if (domain.facts.uuid == uuid) {
                return domain;
            }
        }
        ADD_FAILURE() << uuid.str() << " is not there";
        return {};
    }

    Outcome applied(const DomainActions& actions)
    {
        auto outcomes = answer_of<std::vector<Outcome>>(
            [this, &actions](auto done) { host_->apply({actions}, std::move(done)); });
        EXPECT_EQ(outcomes.size(), 1U);
        return outcomes.at(0);
    }

    Result<void> stored(const std::optional<PolicySpec>& policy)
    {
        return answer_of<Result<void>>(
            [this, &policy](auto done) { host_->store_policy(web1, policy, std::move(done)); });
    }

    DomainActions actions_now()
    {
        return {.uuid = web1, .name = "web1", .id = observed(web1).facts.id};
    }

    const TemporaryFolder folder_;
    loop::EventLoop loop_ = *loop::EventLoop::create();
    std::vector<LibvirtEvent> events_;
    std::optional<LibvirtClient> host_;
    ConnectionHandle outside_;
    DomainHandle domain_;
};

} // namespace virtpind::test
