// SPDX-License-Identifier: LGPL-2.1-or-later
// The steps of a pass that see to guests' CPUs of their own: look, before planning; take off what
// is not to stay, before anything is pinned; and put on, after the pins are verified.
// Level-triggered: what is asked for follows from what the kernel says now. Main thread.
#pragma once

#include "common/model/isolation_port.hpp"
#include "domain_record.hpp"
#include "step_intake.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace virtpind {

class IsolationSteps {
public:
    // Until this is called there is nobody to ask, and no step does anything.
    void use(IsolationPort& port) { port_ = &port; }

    // The daemon starts, or libvirt came back: what is there is looked at, whoever asked for it.
    void look_at_all() { looked_ = false; }

    void begin_pass() { kept_.clear(); }

    // Calls `next` once it is known what is so, at once where nobody needs to know. The records
    // stay as they are until then, so that callers in between find them decided as a whole.
    void look(const Records& records, const std::vector<ObservedDomain>& seen,
              std::function<void()> next);
    // What look() found, if it could look, goes into the records, which are those of `seen` now.
    void take_in(Records& records);

    // What ends the isolation of a domain goes by its before-image: one that is as planned already
    // is due, too, where it has none yet.
    void make_due(DueDomains& due) const;
    // Calls `next` once that is done, at once where nothing is to go off.
    void take_off(Records& records, const std::vector<DomainActions>& actions,
                  const Topology& topology, std::function<void()> next);
    // A domain that is pinned as planned and wants its CPUs to itself: its verdict waits for
    // put_on(). False: it does not, or it failed.
    [[nodiscard]] bool keep(const DomainRecord& record, const Outcome* outcome);
    // `again`: what was refused before is asked for again, though nothing has changed.
    enum class Refused { again, not_again };

    struct Pass {
        Records& records;
        Plan& plan;
        std::shared_ptr<const Topology> topology; // nullptr: nobody is asked for anything
    };

    // Then `conclude` is called for each that was kept, with what its plan tells of it.
    void put_on(const Pass& pass, Refused refused,
                std::function<void(DomainRecord&, const Outcome*)> conclude,
                std::function<void()> next);

private:
    struct Task {
        DomainUuid uuid;
        IsolationRequest request;
    };

    void look_now(GuestRuns runs, std::function<void()> next);
    void ask_for_wanted(Records& records, const Topology& topology, Refused refused,
                        std::function<void()> next);
    void conclude_kept(const Pass& pass,
                       const std::function<void(DomainRecord&, const Outcome*)>& conclude);
    [[nodiscard]] bool is_any_to_come(const Pass& pass) const;
    void ask(Records& records, std::vector<Task> tasks, std::function<void()> next);
    void take_answer(Records& records, const Task& task, IsolationAnswer answer);

    IsolationPort* port_ = nullptr;
    bool looked_ = false;
    bool found_ = false; // take_in() has not had it yet
    IsolationView view_;
    std::map<DomainUuid, std::optional<Outcome>> kept_; // until put_on()
};

} // namespace virtpind
