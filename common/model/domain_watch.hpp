// SPDX-License-Identifier: LGPL-2.1-or-later
// Records which domain is being processed, so that an exception or the end of the
// process can be attributed to that domain instead of all. Each watch belongs to one
// thread.
#pragma once

#include "common/base/ids.hpp"

namespace virtpind {

class DomainWatch {
public:
    virtual ~DomainWatch() = default;
    // Until the next call, the work is for `domain`. An implementation that remembers it copies it.
    virtual void at(const DomainUuid& domain) = 0;
    virtual void done() = 0;
};

// One domain's turn. `watch` may be nullptr, to record nothing.
class Attempt {
public:
    Attempt(DomainWatch* watch, const DomainUuid& domain) : watch_{watch}
    {
        if (watch_ != nullptr) {
            watch_->at(domain);
        }
    }

    ~Attempt()
    {
        if (watch_ != nullptr) {
            watch_->done();
        }
    }

    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

private:
    DomainWatch* watch_;
};

} // namespace virtpind
