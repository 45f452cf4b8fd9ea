// SPDX-License-Identifier: LGPL-2.1-or-later
// The real IsolationPort: a thread that reads the kernel's files and waits for virtpind-isolate, so
// that the main loop does not. Main thread.
#pragma once

#include "common/model/isolation_port.hpp"
#include "daemon/loop/worker.hpp"
#include "isolation_calls.hpp"

#include <chrono>

namespace virtpind {

class IsolationClient final : public IsolationPort {
public:
    explicit IsolationClient(loop::EventLoop& loop, IsolationPlaces places = {});

    void look(GuestRuns runs, std::function<void(IsolationView)> done) override;
    void ask(std::vector<IsolationRequest> requests,
             std::function<void(std::vector<IsolationAnswer>)> done) override;

private:
    // Of the worker's thread: units are read anew only after a while.
    struct Units {
        std::vector<UnitAffinity> found;
        std::chrono::steady_clock::time_point read_at;
        bool known = false;
    };

    IsolationPlaces places_;
    Units units_;
    loop::Worker worker_; // last: it ends first
};

} // namespace virtpind
