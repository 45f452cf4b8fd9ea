// SPDX-License-Identifier: LGPL-2.1-or-later
// A reconciler with a helper that is played: domain 1 has two vCPUs, and runs.
#pragma once

#include "daemon/render/reason_text.hpp"
#include "played_isolation.hpp"
#include "spine.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace virtpind::test {

class IsolationTest : public ReconcilerTest {
protected:
    IsolationTest() { reconciler_.isolate_with(isolation_); }

    void begin(const std::string& name = "web1")
    {
        host_.add(1, name, 2, 1);
        connect();
    }

    [[nodiscard]] CpuSet vcpu_cpus(int number)
    {
        CpuSet cpus;
        for (const auto& [vcpu, own] : domain(number).running->pins.vcpus) {
            cpus |= own;
        }
        return cpus;
    }

    [[nodiscard]] CpuSet held(int number) { return cpus_of(record(number).isolation.held); }

    [[nodiscard]] const DomainView& view(int number)
    {
        for (const auto& shown : sink_.domains) {
            if (shown.uuid == FakeHost::uuid(number)) {
                return shown;
            }
        }
        throw std::runtime_error{"not shown"};
    }

    // The sentence on what is in the way; empty: nothing is.
    [[nodiscard]] std::string obstacle(int number)
    {
        for (const auto& reason : record(number).plan->reasons) {
            if (reason.code == ReasonCode::cpus_not_isolated) {
                EXPECT_FALSE(record(number).plan->satisfied);
                EXPECT_FALSE(view(number).satisfied);
                return reason_text(reason);
            }
        }
        return {};
    }

    // The same where isolate=auto does without; empty: it does not.
    [[nodiscard]] std::string left_out(int number)
    {
        for (const auto& reason : record(number).plan->reasons) {
            if (reason.code == ReasonCode::isolation_left_out) {
                return reason_text(reason);
            }
        }
        return {};
    }

    [[nodiscard]] bool says(int number, const std::string& part)
    {
        const auto text = obstacle(number);
        return text.find(part) != std::string::npos ||
               (ADD_FAILURE() << "'" << text << "' has no '" << part << "'", false);
    }

    // What kind of partition each vCPU of the first domain is in, at each change of the pins.
    void note_partitions()
    {
        host_.before_apply = [this] {
            partitions_.push_back(isolation_.groups.partition(web1_, "vcpu0") + "+" +
                                  isolation_.groups.partition(web1_, "vcpu1"));
        };
    }

    void period()
    {
        reconciler_.request_full_pass();
        host_.answer_all();
    }

    const OptionMap isolated_{{"isolate", true}};
    PlayedIsolation isolation_{host_};
    std::vector<std::string> partitions_;
    const std::string web1_ = played_scope(1, "web1");
};

} // namespace virtpind::test
