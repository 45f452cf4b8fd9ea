// SPDX-License-Identifier: LGPL-2.1-or-later
// The helper and the kernel behind it, played for the reconciler: its guests' control groups have
// the pins that libvirt in memory has.
#pragma once

#include "daemon/isolation/isolation_calls.hpp"
#include "fake_host.hpp"
#include "played_groups.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace virtpind::test {

class PlayedIsolation final : public IsolationPort {
public:
    explicit PlayedIsolation(const FakeHost& host) : host_{host} {}

    void look(GuestRuns runs, std::function<void(IsolationView)> done) override
    {
        follow_pins();
        auto view = read_isolation(places(), runs);
        view.units = units;
        if (blind) {
            view = {.lacks = IsolationAnswer{.refused = IsolationRefusal::failed,
                                             .cpus = {},
                                             .detail = "failed to open 'cpuset.cpus'"},
                    .host = {},
                    .scopes = {},
                    .units = {}};
        }
        ++looks;
        if (slow) {
            late = [view, done] { done(view); };
            return;
        }
        done(std::move(view));
    }

    void ask(std::vector<IsolationRequest> requests,
             std::function<void(std::vector<IsolationAnswer>)> done) override
    {
        follow_pins();
        std::vector<IsolationAnswer> answers;
        for (const auto& request : requests) {
            const auto line = format_isolation_request(request);
            asked.push_back(line.substr(line.find(' ') + 1));
            answers.push_back(refuse ? *refuse : answer_request(groups.open(), line));
        }
        done(std::move(answers));
    }

    // Groups come and go with their guests.
    void follow_pins()
    {
        for (const auto& [uuid, domain] : host_.domains) {
            if (elsewhere || !domain.facts.id || !domain.running) {
                continue;
            }
            std::map<std::string, std::string> threads;
            const auto& pins = domain.running->pins;
            for (const auto vcpu : domain.facts.vcpus_online) {
                const auto pin = pins.vcpus.find(vcpu);
                threads["vcpu" + std::to_string(raw(vcpu))] =
                    pin != pins.vcpus.end() ? pin->second.str() : "";
            }
            threads["emulator"] = pins.emulator ? pins.emulator->str() : "";
            const auto scope = played_scope(*domain.facts.id, domain.facts.name);
            if (known_.insert(scope).second) {
                groups.add_guest(scope, threads);
            }
            for (const auto& [name, cpus] : threads) {
                const auto group = "machine.slice/" + scope + "/libvirt/" + name;
                if (groups.text(group + "/cpuset.cpus.partition").empty()) {
                    groups.write(group + "/cpuset.cpus.partition", "member");
                    groups.write(group + "/cpuset.cpus.exclusive", "");
                }
                groups.write(group + "/cpuset.cpus", cpus);
            }
        }
    }

    [[nodiscard]] IsolationPlaces places() const
    {
        return {.cgroups = groups.path(""),
                .sys = groups.path("sys"),
                .units = groups.path("units"),
                .socket = groups.path("socket")};
    }

    // Siblings n and n+8, as those of sixteen_cpus().
    PlayedGroups groups{16, [](unsigned cpu) {
                            return std::to_string(cpu % 8) + "," + std::to_string(cpu % 8 + 8);
                        }};
    std::vector<UnitAffinity> units;
    std::vector<std::string> asked; // without "isolate"
    std::optional<IsolationAnswer> refuse;
    int looks = 0;
    bool blind = false; // what there is cannot be read
    bool slow = false;  // the answer comes when `late` is called
    std::function<void()> late;
    bool elsewhere = false; // the guests have their groups somewhere else

private:
    const FakeHost& host_;
    std::set<std::string> known_;
};

} // namespace virtpind::test
